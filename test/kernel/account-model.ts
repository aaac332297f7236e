import type { SubjectPermission } from '../../src/router/leaf/leaf-types.ts'
import { ReferenceSublist } from '../reference/reference-sublist.ts'
import { type LinkRules, mayComeIn, mayGoOut, mayGoOutFor } from './permission-model.ts'

/** A connection, as far as it decides what is delivered. */
export interface ModelMember {
  readonly name: string
  readonly account: number
  readonly kind: 'client' | 'leaf'
  readonly echo: boolean
  readonly noResponders: boolean
  readonly origin: number
  readonly rules: LinkRules
}

export interface ModelInterest {
  readonly member: ModelMember
  readonly subject: string
  readonly queue: string
  readonly sid: string
}

export interface ModelImport {
  readonly kind: 'stream' | 'service'
  readonly id: number
  /** Stream: exporter. Service: importer. */
  readonly account: number
  readonly subject: string
  readonly to: number
  readonly transform: (subject: string) => string | undefined
}

/** Undefined: not mapped. '': lost. */
export type ModelMapping = (subject: string) => string | undefined

export interface ModelMessage {
  readonly subject: string
  readonly hasReply: boolean
  readonly groups: readonly string[]
}

/** One delivery, as text: who, subject, sid (clients). */
export interface ModelResult {
  readonly status: 'done' | 'forbidden' | 'noResponders' | 'imports'
  readonly subject: string
  readonly services: readonly number[]
  /** All of these, exactly. */
  readonly frames: readonly string[]
  /** Of each exactly one. */
  readonly choices: readonly (readonly string[])[]
  /** Links that get a line, by name and subject. */
  readonly lines: readonly string[]
  /** Exactly one of the lines names the group; it may be there for that alone. */
  readonly linkChoices: readonly { readonly group: string; readonly lines: readonly string[] }[]
}

interface Audience {
  readonly account: number
  readonly subject: string
}

function matches(pattern: string, subject: string): boolean {
  const sublist = new ReferenceSublist<true>()
  sublist.insert({ subject: pattern, queue: null, value: true })
  return sublist.match(subject).plain.length > 0
}

function permits({ allow, deny = [] }: SubjectPermission, subject: string): boolean {
  const covers = (entry: string) => !entry.includes(' ') && matches(entry, subject)
  return (allow === undefined || allow.some(covers)) && !deny.some(covers)
}

function frameOf({ member, sid }: ModelInterest, subject: string): string {
  return `${member.name} ${subject} ${sid}`
}

function lineOf({ name }: ModelMember, subject: string): string {
  return `${name} ${subject}`
}

/** Accounts, imports and mappings without plans: everything is looked for anew for each message. */
export class AccountModel {
  readonly interest = new Set<ModelInterest>()
  readonly imports = new Set<ModelImport>()
  readonly mappings = new Map<number, ModelMapping>()

  publish(source: ModelMember, message: ModelMessage): ModelResult {
    const none = { services: [], frames: [], choices: [], lines: [], linkChoices: [] }
    const isLeaf = source.kind === 'leaf'
    if (isLeaf && !mayComeIn(source.rules, message.subject)) {
      const status = source.rules.isSpoke ? 'done' : 'forbidden'
      return { ...none, status, subject: message.subject }
    }
    const mapped = this.mappings.get(source.account)?.(message.subject)
    const subject = mapped ?? message.subject
    if (!isLeaf && !permits(source.rules.incoming, subject)) {
      return { ...none, status: 'forbidden', subject }
    }
    const wantsAnswer = message.hasReply && source.noResponders && !isLeaf
    if (mapped === '') return { ...none, status: wantsAnswer ? 'noResponders' : 'done', subject }
    const audiences = this.#audiences(source.account, subject)
    const groups = isLeaf && (mapped === undefined || message.groups.length > 0)
    const found = this.#deliver(source, audiences, groups ? message.groups : undefined)
    const services = [...this.imports]
      .filter(({ kind, account }) => kind === 'service' && account === source.account)
      .filter((one) => matches(one.subject, subject))
      .map(({ id }) => id)
    const { frames, choices, lines, linkChoices } = found
    const isNobody = [frames, choices, lines, linkChoices].every(({ length }) => length === 0)
    const answered = isNobody && wantsAnswer ? 'noResponders' : 'done'
    return { ...found, status: services.length > 0 ? 'imports' : answered, subject, services }
  }

  #audiences(account: number, subject: string): Audience[] {
    const audiences = [{ account, subject }]
    for (const one of this.imports) {
      if (one.kind !== 'stream' || one.account !== account) continue
      if (!matches(one.subject, subject)) continue
      const there = one.transform(subject)
      if (there !== undefined) audiences.push({ account: one.to, subject: there })
    }
    return audiences
  }

  /** @param named groups on a leaf's line, undefined = all are meant */
  #deliver(
    source: ModelMember,
    audiences: readonly Audience[],
    named: readonly string[] | undefined,
  ): Pick<ModelResult, 'frames' | 'choices' | 'lines' | 'linkChoices'> {
    const frames: string[] = []
    const lines = new Set<string>()
    const members = new Map<string, string[]>()
    const links = new Map<string, string[]>()
    for (const { account, subject } of audiences) {
      for (const one of this.interest) {
        const { member, queue } = one
        if (member.account !== account || !matches(one.subject, subject)) continue
        if (queue !== '' && named !== undefined && !named.includes(queue)) continue
        if (member.kind === 'client') {
          if (member === source && !member.echo) continue
          const denies: LinkRules = { ...member.rules, outgoing: member.rules.outgoing }
          if (!permits({ deny: denies.outgoing.deny ?? [] }, subject)) continue
          if (queue === '') frames.push(frameOf(one, subject))
          else if (mayGoOutFor(denies, subject, queue)) push(members, queue, frameOf(one, subject))
        } else {
          if (member === source) continue
          const isSameCluster =
            source.account === member.account &&
            source.origin !== 0 &&
            source.origin === member.origin
          if (source.kind === 'leaf' && isSameCluster) continue
          if (mayGoOut(member.rules, subject) !== true) continue
          if (queue === '') lines.add(lineOf(member, subject))
          else if (mayGoOutFor(member.rules, subject, queue)) {
            push(links, queue, lineOf(member, subject))
          }
        }
      }
    }
    const linkChoices = [...links]
      .filter(([group]) => !members.has(group))
      .map(([group, candidates]) => ({ group, lines: candidates }))
    return { frames, choices: [...members.values()], lines: [...lines], linkChoices }
  }
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key) ?? []
  list.push(value)
  map.set(key, list)
}
