/**
 * Files that run as threads, each next to this one: in src/workers as .ts, in the package as .js.
 */
export type ThreadName = 'protocol-worker' | 'routing-worker' | 'crypto-task'

/**
 * Where the code of a thread is. The one place that knows: the compiler rewrites import statements
 * from .ts to .js, but not URLs, so the ending is taken from the file this runs in, which in the
 * package may be a chunk of the bundle.
 */
export function threadEntry(name: ThreadName, fromUrl: string = import.meta.url): URL {
  const ending = new URL(fromUrl).pathname.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./${name}.${ending}`, fromUrl)
}
