/** What the kernel asks TypeScript while it builds a plan; see KernelHost in kernel.ts. */

@external("host", "transform")
declare function hostTransform(
  block: u32,
  subject: u32,
  bytes: u32,
  out: u32,
  outMax: u32,
): i32

@external("host", "destinations")
declare function hostDestinations(
  block: u32,
  subject: u32,
  bytes: u32,
  out: u32,
  outMax: u32,
): i32

/** There is not enough room at `out`: the host is asked again, with twice as much. */
export const HOST_NO_ROOM: i32 = -2
/** No mapping matches. */
export const HOST_UNMAPPED: i32 = -1
/** Bit of the number of destinations: the next message may have others. */
export const HOST_VOLATILE: u32 = 1 << 30

/** The subject that an import makes of one: bytes written, 0 = none, or HOST_NO_ROOM. */
export function transform(block: u32, subject: u32, bytes: u32, out: u32, outMax: u32): i32 {
  return hostTransform(block, subject, bytes, out, outMax)
}

/**
 * Where an account's mappings send a subject: HOST_UNMAPPED, HOST_NO_ROOM, or the number of
 * destinations, written at `out` in the order of their weights: weights up to it (of 100, what is
 * missing is lost) u32, bytes u32, subject padded to 4.
 */
export function destinations(block: u32, subject: u32, bytes: u32, out: u32, outMax: u32): i32 {
  return hostDestinations(block, subject, bytes, out, outMax)
}
