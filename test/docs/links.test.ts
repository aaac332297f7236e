import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../support/peers.ts'
import { assertNone } from '../tidy/source-files.ts'
import { anchorsOf, PAGES, withoutCode } from './markdown.ts'

const LINK = /\[[^\]]*\]\(([^)\s]+)[^)]*\)/g
const ABSOLUTE = /^[a-z][a-z+.-]*:/i

interface Link {
  readonly page: string
  readonly target: string
  readonly anchor: string
  /** For a message. */
  readonly place: string
}

const links: readonly Link[] = PAGES.flatMap(({ path, text }) => {
  const prose = withoutCode(text)
  return [...prose.matchAll(LINK)]
    .filter(([, url]) => !ABSOLUTE.test(url!))
    .map(({ 1: url = '', index }) => {
      const [file = '', anchor = ''] = url.split('#')
      const target = file === '' ? path : normalize(join(dirname(path), decodeURIComponent(file)))
      const line = prose.slice(0, index).split('\n').length
      return { page: path, target, anchor, place: `${path}:${line}: ${url}` }
    })
})

test('every relative link of a page leads to a file or folder of the repository', () => {
  const broken = links.filter(
    ({ target }) => target.startsWith('..') || !existsSync(join(ROOT, target)),
  )
  assertNone(broken.map(({ place }) => place))
})

test('every anchor of a relative link is a heading of the page it leads to', () => {
  const broken = links.filter(({ target, anchor }) => {
    if (anchor === '' || !target.endsWith('.md') || !existsSync(join(ROOT, target))) return false
    return !anchorsOf(readFileSync(join(ROOT, target), 'utf8')).has(anchor)
  })
  assertNone(broken.map(({ place }) => place))
})

test('every file that a page names in code exists', () => {
  const named = PAGES.filter(({ path }) => path !== 'CHANGELOG.md').flatMap(({ path, text }) =>
    [...text.matchAll(/`((?:src|test|scripts|bin|docs|bench|tools)\/[\w./-]*)`/g)].map(
      ([, file]) => ({ path, file: file! }),
    ),
  )
  const missing = named.filter(({ file }) => !existsSync(join(ROOT, file)))
  assertNone(missing.map(({ path, file }) => `${path}: ${file}`))
})
