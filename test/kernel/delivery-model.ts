import assert from 'node:assert/strict'
import { type ReferenceOperation, ReferenceParser } from '../reference/reference-parser.ts'
import { ReferenceSublist, type ReferenceSubscription } from '../reference/reference-sublist.ts'
import { type Frame, parseFrames } from './frames.ts'
import { type LinkRules, mayComeIn, mayGoOut, mayGoOutFor, NO_RULES } from './permission-model.ts'

const CONTROL_LINE_MAX = 4096
/** Every payload or reply of a tested message contains its number like this. */
const NUMBER = /#(\d+)#/

/** A connection, as far as it decides what is delivered. */
export interface ModelConnection {
  readonly name: string
  readonly kind: 'client' | 'leaf'
  readonly echo: boolean
  readonly headers: boolean
  readonly noResponders: boolean
  /** Leaf links of one cluster are not fed from each other. */
  readonly origin: number
  /** Leaf links only. */
  readonly rules?: LinkRules
}

interface Interest {
  readonly connection: ModelConnection
  /** Empty for leaf links. */
  readonly sid: string
  readonly subject: string
  readonly queue: string | null
  /** Ends after so many deliveries, 0 = never. Plain subscriptions only. */
  max: number
  delivered: number
}

interface Message {
  readonly subject: string
  readonly reply: string
  /** As written; empty = no headers. */
  readonly headerSize: string
  readonly size: string
  readonly payload: string
  /** Leaf lines: groups of this server that are to get it. */
  readonly queues: readonly string[]
}

/** What must be delivered of one message. */
interface Expectation {
  readonly text: string
  readonly frames: { readonly connection: ModelConnection; readonly text: string }[]
  /** Of each exactly one. */
  readonly choices: { readonly connection: ModelConnection; readonly text: string }[][]
  readonly plainLinks: Set<ModelConnection>
  /** Groups without a member on this server: exactly one of the links gets the name. */
  readonly linkChoices: { readonly group: string; readonly links: readonly ModelConnection[] }[]
  readonly message: Message
}

/** A number as nats-server reads it: digits without sign. */
function sizeOf(text: string): number {
  return Number.parseInt(text, 10)
}

function numberOf(text: string): number {
  const found = NUMBER.exec(text)
  assert.ok(found !== null, `a frame of nobody's message: ${JSON.stringify(text.slice(0, 200))}`)
  return Number(found[1])
}

/** The plain truth about deliveries: a parser of single bytes, a list of interest, and rules. */
export class DeliveryModel {
  readonly #list = new ReferenceSublist<Interest>()
  readonly #interest = new Map<Interest, ReferenceSubscription<Interest>>()
  readonly #expected = new Map<number, Expectation>()
  /** Messages that permissions kept from a link, wholly or for some group. */
  readonly filtered = new Map<ModelConnection, number>()

  // ── interest ──────────────────────────────────────────────────────────────────────────────

  /** Interest of a client or leaf link; nothing happens if its subject is invalid. */
  add(connection: ModelConnection, subject: string, queue: string | null, sid = ''): boolean {
    const interest = { connection, sid, subject, queue, max: 0, delivered: 0 }
    const row = { subject, queue, value: interest }
    if (!this.#list.insert(row)) return false
    this.#interest.set(interest, row)
    return true
  }

  #find(connection: ModelConnection, sid: string): Interest | undefined {
    return this.#interest.keys().find((at) => at.connection === connection && at.sid === sid)
  }

  removeSid(connection: ModelConnection, sid: string): void {
    const interest = this.#find(connection, sid)
    if (interest !== undefined) this.#remove(interest)
  }

  removeAll(connection: ModelConnection): void {
    for (const interest of [...this.#interest.keys()]) {
      if (interest.connection === connection) this.#remove(interest)
    }
  }

  #remove(interest: Interest): void {
    this.#list.remove(this.#interest.get(interest)!)
    this.#interest.delete(interest)
  }

  // ── a source's operations ─────────────────────────────────────────────────────────────────

  /** Applies what a source said; see `Source`. Returns false when its link must be closed. */
  apply(source: ModelConnection, { verb, argument, payload }: ReferenceOperation): boolean {
    const isPub = verb === 'PUB' || verb === 'HPUB'
    const words = argument.split(isPub ? /[ \t]+/ : /[ \t\r\n]+/).filter((word) => word !== '')
    if (verb === 'SUB') {
      const [subject, queue, sid] = [
        words[0]!,
        words.length === 3 ? words[1]! : null,
        words.at(-1)!,
      ]
      if (this.#find(source, sid) === undefined) this.add(source, subject, queue, sid)
    } else if (verb === 'UNSUB') {
      this.#unsubscribe(source, words[0]!, words[1])
    } else if (isPub || verb === 'LMSG' || (verb === 'HMSG' && source.kind === 'leaf')) {
      return this.#publish(source, messageOf(verb, words, payload ?? ''))
    }
    return true
  }

  #unsubscribe(source: ModelConnection, sid: string, maxText: string | undefined): void {
    const interest = this.#find(source, sid)
    if (interest === undefined) return
    const max = maxText !== undefined && /^\d{1,9}$/.test(maxText) ? Number(maxText) : -1
    if (max > interest.delivered) interest.max = max
    else this.#remove(interest)
  }

  #publish(source: ModelConnection, message: Message): boolean {
    const { subject } = message
    const sourceRules = source.rules ?? NO_RULES
    if (!mayComeIn(sourceRules, subject)) return sourceRules.isSpoke
    const number = numberOf(message.payload)
    const expectation: Expectation = {
      text: `${message.subject} #${number}#`,
      frames: [],
      choices: [],
      plainLinks: new Set(),
      linkChoices: [],
      message,
    }
    this.#expected.set(number, expectation)
    const kept = new Set<ModelConnection>()
    const { plain, queues } = this.#list.match(subject)
    for (const interest of plain) {
      const { connection } = interest
      if (connection.kind === 'leaf') {
        if (!mayFeed(source, connection)) continue
        const isPermitted = mayGoOut(connection.rules ?? NO_RULES, subject)
        if (isPermitted === true) expectation.plainLinks.add(connection)
        else if (isPermitted === false) kept.add(connection)
      } else if (source !== connection || source.echo) {
        expectation.frames.push({ connection, text: frameFor(interest, message) })
        interest.delivered++
        if (interest.delivered === interest.max) this.#remove(interest)
      }
    }
    for (const [group, members] of queues) {
      if (source.kind === 'leaf' && !message.queues.includes(group)) continue
      const clients = members.filter(
        ({ connection }) => connection.kind === 'client' && (connection !== source || source.echo),
      )
      const mayTake = ({ rules = NO_RULES }: ModelConnection) =>
        mayGoOut(rules, subject) === true && mayGoOutFor(rules, subject, group)
      const candidates = members
        .map(({ connection }) => connection)
        .filter((connection) => connection.kind === 'leaf' && mayFeed(source, connection))
        .filter(({ rules = NO_RULES }) => mayGoOut(rules, subject) !== undefined)
      const links = candidates.filter(mayTake)
      if (clients.length > 0) {
        expectation.choices.push(
          clients.map((interest) => {
            return { connection: interest.connection, text: frameFor(interest, message) }
          }),
        )
      } else if (links.length > 0) {
        expectation.linkChoices.push({ group, links })
      } else {
        for (const link of candidates) kept.add(link)
      }
    }
    for (const link of kept) this.filtered.set(link, (this.filtered.get(link) ?? 0) + 1)
    this.#expectStatus(source, expectation)
    return true
  }

  /** A request that reaches nobody is answered, if its sender wants and listens. */
  #expectStatus(source: ModelConnection, expectation: Expectation): void {
    const { frames, choices, plainLinks, linkChoices, message } = expectation
    const receivers = frames.length + choices.length + plainLinks.size + linkChoices.length
    if (receivers > 0 || !source.noResponders || message.reply === '') return
    const { plain } = this.#list.match(message.reply)
    const listening = plain.find(({ connection }) => connection === source)
    if (listening === undefined) return
    const block = `NATS/1.0 503\r\nNats-Subject: ${message.subject}\r\n\r\n`
    const line = `HMSG ${message.reply} ${listening.sid} ${block.length} ${block.length}`
    frames.push({ connection: source, text: `${line}\r\n${block}\r\n` })
  }

  // ── what came out ─────────────────────────────────────────────────────────────────────────

  /** Checks all that was delivered since the last call. `outputs` has every connection. */
  check(outputs: ReadonlyMap<ModelConnection, string>): void {
    const left = new Map<number, { connection: ModelConnection; frame: Frame }[]>()
    for (const [connection, output] of outputs) {
      let last = -1
      for (const frame of parseFrames(output)) {
        const number = numberOf(frame.text)
        assert.ok(number >= last, `${connection.name} got message ${number} after ${last}`)
        last = number
        const frames = left.get(number) ?? []
        frames.push({ connection, frame })
        left.set(number, frames)
      }
    }
    for (const [number, expectation] of this.#expected) {
      const frames = left.get(number) ?? []
      left.delete(number)
      checkClients(expectation, frames)
      checkLinks(expectation, frames)
      assert.deepEqual(
        frames.map(({ connection, frame }) => [connection.name, frame.text]),
        [],
        `delivered without reason: ${expectation.text}`,
      )
    }
    assert.deepEqual([...left.keys()], [], 'messages that nobody published')
    this.#expected.clear()
  }
}

type Delivered = { connection: ModelConnection; frame: Frame }[]

/** Takes one delivery out of the list; false if there is none. */
function takeOne(frames: Delivered, connection: ModelConnection, text: string): boolean {
  const at = frames.findIndex((one) => one.connection === connection && one.frame.text === text)
  if (at >= 0) frames.splice(at, 1)
  return at >= 0
}

function checkClients({ frames: expected, choices, text }: Expectation, frames: Delivered): void {
  for (const wanted of expected) {
    const got = frames.filter(({ connection }) => connection === wanted.connection)
    assert.ok(
      takeOne(frames, wanted.connection, wanted.text),
      `${text}: ${wanted.connection.name} lacks ${JSON.stringify(wanted.text)}, ` +
        `has ${JSON.stringify(got.map(({ frame }) => frame.text))}`,
    )
  }
  for (const members of choices) {
    const count = members.filter(({ connection, text: frame }) =>
      takeOne(frames, connection, frame),
    )
    assert.equal(count.length, 1, `${text}: deliveries to a group of ${members.length}`)
  }
}

function checkLinks(expectation: Expectation, frames: Delivered): void {
  const { plainLinks, linkChoices, message, text } = expectation
  const named = new Map<string, ModelConnection>()
  const reached = new Set<ModelConnection>()
  for (const { connection, frame } of frames.filter(
    ({ connection }) => connection.kind === 'leaf',
  )) {
    assert.ok(!reached.has(connection), `${text}: ${connection.name} got it twice`)
    reached.add(connection)
    const names = namesOf(frame, message)
    assert.equal(frame.text, linkFrame(connection, message, names), text)
    assert.ok(
      names.length > 0 || plainLinks.has(connection),
      `${text}: ${connection.name} no interest`,
    )
    for (const name of names) {
      assert.ok(!named.has(name), `${text}: group ${name} was named twice`)
      named.set(name, connection)
    }
    takeOne(frames, connection, frame.text)
  }
  for (const link of plainLinks) assert.ok(reached.has(link), `${text}: ${link.name} lacks it`)
  for (const { group, links } of linkChoices) {
    const link = named.get(group)
    assert.ok(link !== undefined && links.includes(link), `${text}: nobody got it for ${group}`)
    named.delete(group)
  }
  assert.deepEqual([...named.keys()], [], `${text}: groups that must not be named`)
}

function mayFeed(source: ModelConnection, target: ModelConnection): boolean {
  if (source === target) return false
  return source.kind !== 'leaf' || source.origin === 0 || source.origin !== target.origin
}

function messageOf(verb: string, words: readonly string[], payload: string): Message {
  const hasHeaders = verb === 'HPUB' || verb === 'HMSG'
  const sizes = hasHeaders ? 2 : 1
  const between = words.slice(1, -sizes)
  const indicator = between.length > 1 ? between[0] : ''
  const [reply, queues] =
    indicator === '+'
      ? [between[1]!, between.slice(2)]
      : indicator === '|'
        ? ['', between.slice(1)]
        : [between[0] ?? '', []]
  const headerSize = hasHeaders ? words.at(-2)! : ''
  return {
    subject: words[0]!,
    reply,
    // A header block of no bytes is none.
    headerSize: hasHeaders && sizeOf(headerSize) > 0 ? headerSize : '',
    size: words.at(-1)!,
    payload,
    queues,
  }
}

function frameFor({ connection, sid }: Interest, message: Message): string {
  const { subject, reply, headerSize, size, payload } = message
  const line = `${subject} ${sid}${reply === '' ? '' : ` ${reply}`}`
  if (headerSize === '') return `MSG ${line} ${size}\r\n${payload}\r\n`
  if (connection.headers) return `HMSG ${line} ${headerSize} ${size}\r\n${payload}\r\n`
  const body = payload.slice(sizeOf(headerSize))
  return `MSG ${line} ${body.length}\r\n${body}\r\n`
}

/** The groups a link's line names. */
function namesOf({ verb, words }: Frame, { reply }: Message): string[] {
  if (words[1] !== '+' && words[1] !== '|') return []
  return words.slice(reply === '' ? 2 : 3, verb === 'HMSG' ? -2 : -1)
}

function linkFrame(link: ModelConnection, message: Message, names: readonly string[]): string {
  const { subject, reply, headerSize, payload } = message
  const isStripped = headerSize !== '' && !link.headers
  const withHeaders = headerSize !== '' && link.headers
  const body = isStripped ? payload.slice(sizeOf(headerSize)) : payload
  const words = [withHeaders ? 'HMSG' : 'LMSG', subject]
  if (names.length > 0) words.push(reply === '' ? '|' : '+')
  if (reply !== '') words.push(reply)
  words.push(...names)
  if (withHeaders) words.push(String(sizeOf(headerSize)))
  words.push(String(body.length))
  return `${words.join(' ')}\r\n${body}\r\n`
}

/** One source's stream, read byte by byte. */
export class Source {
  readonly connection: ModelConnection
  readonly #model: DeliveryModel
  readonly #parser: ReferenceParser
  #applied = 0
  #isForbidden = false

  constructor(model: DeliveryModel, connection: ModelConnection) {
    this.#model = model
    this.connection = connection
    const { kind } = connection
    const options = { kind, controlLineBytesMax: CONTROL_LINE_MAX, awaitingAuth: false }
    this.#parser = new ReferenceParser(options)
  }

  get end(): string {
    return this.#isForbidden ? 'forbiddenPublish' : this.#parser.end
  }

  feed(text: string): void {
    this.#parser.feed(Buffer.from(text, 'latin1'))
    const { operations } = this.#parser
    for (; this.#applied < operations.length && !this.#isForbidden; this.#applied++) {
      this.#isForbidden = !this.#model.apply(this.connection, operations[this.#applied]!)
    }
  }
}
