import { close, constants, fsync, mkdir, open, read, readdir, rename, rm, write } from 'node:fs'
import { promisify } from 'node:util'
import { BrokerError } from '../../base/errors.ts'

/** The longest JWT that is kept: as much as the decoder takes, TOKEN_BYTES_MAX. */
export const STORED_BYTES_MAX = 1024 * 1024

/**
 * What a JwtStore asks of the file system; tests put failing ones in. Every method rejects with
 * Node's error of the failed call. Texts are latin1: one character for one byte, so that what is
 * read and written again is the same.
 */
export interface StoreFiles {
  /** Names in the directory, in no order. */
  list(directory: string): Promise<readonly string[]>
  /** Refuses what has more than bytesMax; never waits for what is no plain file. */
  read(path: string, bytesMax: number): Promise<string>
  /** A new file, or an old one emptied first. `isDurable`: it is on the disk before this ends. */
  write(path: string, text: string, isDurable: boolean): Promise<void>
  rename(source: string, target: string): Promise<void>
  remove(path: string): Promise<void>
  makeDirectory(path: string): Promise<void>
  /** Makes renames in it durable; does nothing where the system cannot. */
  syncDirectory(path: string): Promise<void>
}

const DIRECTORY_MODE = 0o700 // nats-server filestore.go, defaultDirPerms
const FILE_MODE = 0o600 // nats-server filestore.go, defaultFilePerms
/** A pipe with the name of a JWT must not hold the thread that opens it. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** First read of a file; chosen: most account JWTs are shorter. */
const READ_BYTES = 4096

// Callbacks inside: opening ten thousand files takes a quarter of the time of fs/promises.
const openFile = promisify(open)
const closeFile = promisify(close)
const syncFile = promisify(fsync)

function readBytes(file: number, bytes: Uint8Array, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, bytes, from, bytes.length - from, null, (error, count) => {
      if (error) reject(error)
      else resolve(count)
    })
  })
}

function writeBytes(file: number, bytes: Uint8Array, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(file, bytes, from, bytes.length - from, null, (error, count) => {
      if (error) reject(error)
      else resolve(count)
    })
  })
}

async function readText(path: string, bytesMax: number): Promise<string> {
  const file = await openFile(path, READ_FLAGS)
  try {
    let bytes = Buffer.allocUnsafe(READ_BYTES)
    let length = 0
    for (;;) {
      const count = await readBytes(file, bytes, length)
      length += count
      if (length > bytesMax) throw new BrokerError('BRK_RESOLVER', 'file too large')
      // Only the end of a file leaves room; asking for it once more would cost a third of the time.
      if (length < bytes.length) return bytes.toString('latin1', 0, length)
      bytes = Buffer.concat([bytes, Buffer.allocUnsafe(length)])
    }
  } finally {
    await closeFile(file)
  }
}

async function writeText(path: string, text: string, isDurable: boolean): Promise<void> {
  const file = await openFile(path, 'w', FILE_MODE)
  try {
    const bytes = Buffer.from(text, 'latin1')
    for (let at = 0; at < bytes.length; ) at += await writeBytes(file, bytes, at)
    if (isDurable) await syncFile(file)
  } finally {
    await closeFile(file)
  }
}

async function syncDirectory(path: string): Promise<void> {
  try {
    const file = await openFile(path, 'r')
    try {
      await syncFile(file)
    } finally {
      await closeFile(file)
    }
  } catch {
    // Not every file system has it; the file itself is safe.
  }
}

export const systemFiles: StoreFiles = {
  list: promisify(readdir) as (directory: string) => Promise<string[]>,
  read: readText,
  write: writeText,
  rename: promisify(rename),
  remove: (path) => promisify(rm)(path),
  makeDirectory: async (path) => {
    await promisify(mkdir)(path, { recursive: true, mode: DIRECTORY_MODE })
  },
  syncDirectory,
}
