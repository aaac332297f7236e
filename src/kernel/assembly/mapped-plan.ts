/**
 * Mapped plans: an account's mappings make one subject into others, of which each message takes one
 * by weight. It then has the trusted plan of that subject. Building is inside an epoch.
 */
import { allocate } from './arena'
import { destinations, HOST_NO_ROOM, HOST_UNMAPPED, HOST_VOLATILE } from './host'
import {
  CONNECTION_INCOMING,
  DESTINATION_BYTES,
  DESTINATION_IS_REFUSED,
  DESTINATION_TEXT,
  DESTINATION_WEIGHT,
  EXTRAS_DESTINATIONS,
  PLAN_BYTES,
  PLAN_EXTRAS,
  PLAN_IS_MAPPED,
  PLAN_REFUSES_LOSS,
  PLAN_SUBJECT,
  PLAN_SUBJECT_BYTES,
  PLAN_TRAITS,
  PLAN_BODY,
} from './layout'
import { check, copyShort, randomBelow } from './memory'
import { setSubject, subject, subjectBytes } from './message'
import { permitsClient } from './permissions'
import { grown, newScratch, SCRATCH_BYTES } from './scratch'

/** Weights are percent. */
const WHOLE: u32 = 100
/** Room for the host's answer, above which it is taken for a failure. */
const ROOM_MAX: u32 = 16 << 20
/** No mapping matches: the subject has a plan as others. */
export const NOT_MAPPED: u32 = 0xffffffff

/** What the host answers. */
let answer: u32 = 0
let answerMax: u32 = 0
/** The subject a message was given. */
let chosenText: u32 = 0
let chosenMax: u32 = 0
/** The last plan that was built is good for one message. */
export let isVolatile: bool = false

export function formatMapping(): bool {
  answer = newScratch()
  chosenText = newScratch()
  answerMax = SCRATCH_BYTES
  chosenMax = SCRATCH_BYTES
  return answer != 0 && chosenText != 0
}

/** A plan that is not mapped is good until something changes. */
export function forgetMapping(): void {
  isVolatile = false
}

/**
 * @param isClient permissions are about the subjects it becomes, not about the one it is
 * @returns a plan without key and generations, NOT_MAPPED, or 0 without memory
 */
export function buildMapped(mappings: u32, connection: u32, isClient: bool): u32 {
  let result = destinations(mappings, subject, subjectBytes, answer, answerMax)
  while (result == HOST_NO_ROOM) {
    const larger = answerMax < ROOM_MAX ? grown(answer, answerMax) : 0
    if (larger == 0) return 0
    answer = larger
    answerMax <<= 1
    result = destinations(mappings, subject, subjectBytes, answer, answerMax)
  }
  if (result <= HOST_UNMAPPED) return NOT_MAPPED
  isVolatile = (<u32>result & HOST_VOLATILE) != 0
  const permissions = load<u32>(connection, CONNECTION_INCOMING)
  return layOutMapped(<u32>result & ~HOST_VOLATILE, isClient, permissions)
}

function layOutMapped(count: u32, isClient: bool, permissions: u32): u32 {
  let listBytes: u32 = 4
  let from = answer
  for (let i: u32 = 0; i < count; i++) {
    const bytes = load<u32>(from, 4)
    listBytes += DESTINATION_TEXT + ((bytes + 3) & ~3)
    from += 8 + ((bytes + 3) & ~3)
  }
  check(from - answer <= answerMax, 31)
  // Texts are copied and compared as vectors: 16 bytes behind each.
  const bytes = PLAN_BODY + listBytes + 16 + ((subjectBytes + 15) & ~15) + 16
  const plan = allocate(bytes)
  if (plan == 0) return 0
  const text = (plan + PLAN_BODY + listBytes + 31) & ~15
  let traits = PLAN_IS_MAPPED
  if (isClient && !permitsClient(permissions, text, 0)) traits |= PLAN_REFUSES_LOSS
  store<u32>(plan, bytes, PLAN_BYTES)
  store<u32>(plan, text, PLAN_SUBJECT)
  store<u32>(plan, subjectBytes, PLAN_SUBJECT_BYTES)
  store<u32>(plan, traits, PLAN_TRAITS)
  const extras = plan + PLAN_BODY
  store<u32>(plan, extras, PLAN_EXTRAS)
  store<u32>(extras, count, EXTRAS_DESTINATIONS)
  let at = extras + 4
  from = answer
  for (let i: u32 = 0; i < count; i++) {
    const length = load<u32>(from, 4)
    store<u32>(at, load<u32>(from), DESTINATION_WEIGHT)
    store<u32>(at, length, DESTINATION_BYTES)
    copyShort(at + DESTINATION_TEXT, from + 8, length)
    const mayGo = !isClient || permitsClient(permissions, at + DESTINATION_TEXT, length)
    store<u32>(at, mayGo ? 0 : 1, DESTINATION_IS_REFUSED)
    at += DESTINATION_TEXT + ((length + 3) & ~3)
    from += 8 + ((length + 3) & ~3)
  }
  copyShort(text, subject, subjectBytes)
  return plan
}

/** What `takeDestination` can end with. */
export const TAKEN: u32 = 0
/** The message is lost, by its weights; its subject is empty. */
export const TAKEN_NONE: u32 = 1
/** The source may not send on the subject it got. */
export const TAKEN_REFUSED: u32 = 2
export const TAKEN_NO_MEMORY: u32 = 3

/** Gives the message at hand one of its destinations' subjects. */
export function takeDestination(plan: u32): u32 {
  const extras = load<u32>(plan, PLAN_EXTRAS)
  const count = load<u32>(extras, EXTRAS_DESTINATIONS)
  let at = extras + 4
  const isSure = count == 1 && load<u32>(at, DESTINATION_WEIGHT) >= WHOLE
  const drawn: u32 = isSure ? 0 : randomBelow(WHOLE)
  for (let i: u32 = 0; i < count; i++) {
    const bytes = load<u32>(at, DESTINATION_BYTES)
    if (drawn < load<u32>(at, DESTINATION_WEIGHT)) {
      if (!hasRoom(bytes)) return TAKEN_NO_MEMORY
      // Not where the plan is: it may make room for the next one.
      copyShort(chosenText, at + DESTINATION_TEXT, bytes)
      setSubject(chosenText, bytes)
      return load<u32>(at, DESTINATION_IS_REFUSED) != 0 ? TAKEN_REFUSED : TAKEN
    }
    at += DESTINATION_TEXT + ((bytes + 3) & ~3)
  }
  setSubject(chosenText, 0)
  return (load<u32>(plan, PLAN_TRAITS) & PLAN_REFUSES_LOSS) != 0 ? TAKEN_REFUSED : TAKEN_NONE
}

function hasRoom(bytes: u32): bool {
  while (bytes + 16 > chosenMax) {
    const larger = grown(chosenText, chosenMax)
    if (larger == 0) return false
    chosenText = larger
    chosenMax <<= 1
  }
  return true
}
