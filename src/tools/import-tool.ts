/** Commands whose code is too much to load for the others, and what their modules export. */
interface Tools {
  readonly bench: { runBench(argv: readonly string[]): Promise<number> }
}

/** From here, in the source tree; in the package each is `<name>.js` beside the other files. */
const SOURCES = { bench: '../../bench/cli.ts' } as const

/**
 * Loads the code of one command. By URL, because `bench/` stands outside of what `src/` may import
 * from: only the bundle puts the two side by side.
 */
export async function importTool<Name extends keyof Tools>(name: Name): Promise<Tools[Name]> {
  const isSource = import.meta.url.endsWith('.ts')
  const url = new URL(isSource ? SOURCES[name] : `./${name}.js`, import.meta.url)
  return import(url.href)
}
