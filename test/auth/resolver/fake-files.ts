import { join } from 'node:path'
import type { StoreFiles } from '../../../src/auth/resolver/store-files.ts'

function systemError(code: string, errno: number): Error {
  return Object.assign(new Error(code), { code, errno })
}

export const missing = (): Error => systemError('ENOENT', -2)
export const noSpace = (): Error => systemError('ENOSPC', -28)
export const denied = (): Error => systemError('EACCES', -13)

type Call = keyof StoreFiles

/**
 * Files in memory. `fault` is asked before every call and may throw; a write that it lets fail
 * leaves half a file behind, as a full disk does.
 */
export class FakeFiles implements StoreFiles {
  readonly files = new Map<string, string>()
  readonly directories = new Set<string>()
  readonly calls: string[] = []
  fault: (call: Call, path: string) => void = () => {}

  async list(directory: string): Promise<readonly string[]> {
    this.#begin('list', directory)
    if (!this.directories.has(directory)) throw missing()
    const start = `${directory}/`
    return [...this.files.keys()]
      .filter((path) => path.startsWith(start))
      .map((path) => path.slice(start.length))
  }

  async read(path: string, bytesMax: number): Promise<string> {
    this.#begin('read', path)
    const text = this.files.get(path)
    if (text === undefined) throw missing()
    if (text.length > bytesMax) throw new Error('file too large')
    return text
  }

  async write(path: string, text: string, isDurable: boolean): Promise<void> {
    if (!this.directories.has(join(path, '..'))) throw missing()
    this.files.set(path, text.slice(0, text.length >> 1))
    this.#begin('write', `${path}${isDurable ? ' durable' : ''}`)
    this.files.set(path, text)
  }

  async rename(source: string, target: string): Promise<void> {
    this.#begin('rename', `${source} ${target}`)
    const text = this.files.get(source)
    if (text === undefined) throw missing()
    this.files.delete(source)
    this.files.set(target, text)
  }

  async remove(path: string): Promise<void> {
    this.#begin('remove', path)
    if (!this.files.delete(path)) throw missing()
  }

  async makeDirectory(path: string): Promise<void> {
    this.#begin('makeDirectory', path)
    this.directories.add(path)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#begin('syncDirectory', path)
  }

  #begin(call: Call, path: string): void {
    this.calls.push(`${call} ${path}`)
    this.fault(call, path)
  }
}
