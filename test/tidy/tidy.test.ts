import { test } from 'node:test'
import { assertNone, type SourceFile, sourceFiles } from './source-files.ts'

const LINES_MAX = 600
const COLUMNS_MAX = 100

const isAssembly = ({ path }: SourceFile): boolean => path.includes('/assembly/')
const isThisFile = ({ path }: SourceFile): boolean => path === 'test/tidy/tidy.test.ts'

const code = sourceFiles('{src,bench,test}/**/*.ts', 'scripts/**/*.mjs')
const typeScript = code.filter((file) => !isAssembly(file) && !isThisFile(file))
const everything = sourceFiles(
  ...['**/*.{ts,mjs,js,json,md,sh,yml}', 'bin/*', '.ci/*', '.github/**/*.yml'],
).filter((file) => file.path !== 'package-lock.json' && !isThisFile(file))

/** `path:line: text` for each line that `isWrong`. */
function linesThat(files: readonly SourceFile[], isWrong: (line: string) => boolean): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      return isWrong(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, COLUMNS_MAX)}`] : []
    }),
  )
}

function refuses(title: string, files: readonly SourceFile[], pattern: RegExp): void {
  test(title, () => assertNone(linesThat(files, (line) => pattern.test(line))))
}

test(`no file is longer than ${LINES_MAX} lines`, () => {
  const long = code
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
  assertNone(long.map(({ path, lines }) => `${path}: ${lines} lines`))
})

/** Texts in quotes stay whole, so that a line of a log or a failed test can be searched for. */
const QUOTED = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g
const COMMENT_LINE = /^\s*(\/\/|\/?\*)/

test(`no line is wider than ${COLUMNS_MAX} columns, texts in quotes and URLs aside`, () => {
  const isWide = (line: string): boolean => {
    const counted = COMMENT_LINE.test(line) ? line : line.replace(QUOTED, '')
    return [...counted].length > COLUMNS_MAX && !line.includes('://')
  }
  assertNone(linesThat(code, isWide))
})

refuses('nothing is marked as left to do', typeScript, /\b(TODO|FIXME)\b|(\/\/|\*).*\bXXX\b/)
refuses('no test shuts out the others', typeScript, /\.only\(|\bonly: true/)
refuses(
  'the type checker is not talked over',
  typeScript,
  /\bas any\b(?! [a-z])|@ts-(ignore|nocheck)/,
)
refuses(
  'no registry is named: which one to use is up to the user',
  everything,
  /registry\.(npmjs|yarnpkg)\.|npmmirror|proxy\.golang\.org/,
)
refuses(
  "no path of somebody's machine is named",
  everything,
  /(^|["'`\s=(])\/(home|Users|root|work|workspaces?)\/\w/,
)
