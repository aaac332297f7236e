/**
 * A lock between processes that work on one tree.
 *
 * The lock is a directory with one file in it, named after its holder: `<pid>.<random>`. It is
 * taken by renaming a prepared directory to the lock's name, which the file system refuses
 * (ENOTEMPTY) while another holder's file is inside and allows over an empty directory. A dead
 * holder's file is removed by its full name, so two processes that find the same dead holder cannot
 * remove a third one's lock.
 */
import { randomBytes } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 100
const HEARTBEAT_MS = 5_000
/**
 * A holder that stopped its heartbeat this long ago is dead even if its pid lives on in another
 * process.
 */
const HEARTBEAT_AGE_MS_MAX = 120_000

/**
 * Runs `work` while no other process does under the same lock; `onWait(pid)` is called once if it
 * has to wait.
 */
export async function withLock(lock, onWait, work) {
  const holder = `${process.pid}.${randomBytes(6).toString('hex')}`
  mkdirSync(dirname(lock), { recursive: true })
  let waited = false
  while (!tryTake(lock, holder)) {
    const other = removeDeadHolder(lock)
    if (other === undefined) continue
    if (!waited) onWait(other)
    waited = true
    await sleep(POLL_MS)
  }
  const heartbeat = setInterval(() => touch(join(lock, holder)), HEARTBEAT_MS)
  heartbeat.unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    rmSync(join(lock, holder), { force: true })
    ignoring(['ENOTEMPTY', 'EEXIST', 'ENOENT'], () => rmdirSync(lock))
  }
}

function tryTake(lock, holder) {
  const prepared = `${lock}.${holder}`
  mkdirSync(prepared)
  writeFileSync(join(prepared, holder), '')
  const taken = ignoring(['ENOTEMPTY', 'EEXIST'], () => renameSync(prepared, lock))
  if (!taken) rmSync(prepared, { recursive: true, force: true })
  return taken
}

/** The pid of a living holder; undefined if the lock is free now. */
function removeDeadHolder(lock) {
  let holders = []
  ignoring(['ENOENT'], () => {
    holders = readdirSync(lock)
  })
  for (const holder of holders) {
    const path = join(lock, holder)
    const pid = Number.parseInt(holder, 10)
    if (isAlive(pid) && heartbeatAgeMs(path) <= HEARTBEAT_AGE_MS_MAX) return pid
    rmSync(path, { force: true })
  }
  return undefined
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function heartbeatAgeMs(path) {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
}

function touch(path) {
  const now = new Date()
  ignoring(['ENOENT'], () => utimesSync(path, now, now))
}

/**
 * Whether `action` was done; an error with one of `codes` means it was not, any other is thrown.
 */
function ignoring(codes, action) {
  try {
    action()
    return true
  } catch (error) {
    if (codes.includes(error.code)) return false
    throw error
  }
}
