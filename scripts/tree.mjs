/**
 * What every script of this folder knows of the tree it works on: its root, its files, a hash of
 * them. Runs on any Node from 18 on, because setup.mjs needs it before the pinned Node is there.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Absolute paths below `folder` that `accepts` (given the absolute path) wants, sorted; none if it
 * is missing.
 */
export function filesBelow(folder, accepts) {
  let entries
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
  const found = []
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...filesBelow(path, accepts))
    else if (accepts(path)) found.push(path)
  }
  return found.sort()
}

/** One hash over names and contents of `files`, and over `words` (versions of tools, platform). */
export function hashOf(root, files, words) {
  const hash = createHash('sha256')
  hash.update(JSON.stringify(words))
  for (const file of files) {
    const bytes = readFileSync(file)
    hash.update(`\0${relative(root, file)}\0${bytes.length}\0`)
    hash.update(bytes)
  }
  return hash.digest('hex')
}

/** The parsed JSON file, or undefined if it is missing or cut short. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}
