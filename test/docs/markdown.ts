import { type SourceFile, sourceFiles } from '../tidy/source-files.ts'

/** One fenced block of a page. */
export interface CodeBlock {
  readonly path: string
  /** Line of the opening fence, from 1. */
  readonly line: number
  /** What stands behind the fence; empty if nothing does. */
  readonly language: string
  readonly text: string
}

/** The pages of the repository, for readers and for those who change it. */
export const PAGES: readonly SourceFile[] = sourceFiles('*.md', 'docs/**/*.md')

const FENCE = /^```(\S*)[^\n]*\n([\s\S]*?)^```[ \t]*$/gm

export function codeBlocks({ path, text }: SourceFile): readonly CodeBlock[] {
  return [...text.matchAll(FENCE)].map(({ 1: language = '', 2: block = '', index }) => ({
    path,
    line: text.slice(0, index).split('\n').length,
    language,
    text: block,
  }))
}

/** The text with its code blanked out, so that what looks like a link there is none. Lines stay. */
export function withoutCode(text: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ')
  return text.replace(FENCE, blank).replace(/`[^`\n]*`/g, blank)
}

/** The anchor that a heading of GitHub's Markdown gets. */
function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

/** All anchors of a page; a heading that comes again gets a number. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  const withoutBlocks = text.replace(FENCE, '')
  for (const [, heading = ''] of withoutBlocks.matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = anchorOf(heading)
    let unique = anchor
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`
    anchors.add(unique)
  }
  return anchors
}
