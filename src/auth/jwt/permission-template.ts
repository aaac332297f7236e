import { goQuote } from '../../protocol/go-quote.ts'
import { isValidSubject } from '../../protocol/subjects.ts'
import type { PermissionClaims, PermissionList, UserClaims } from './claims.ts'

/** What the templates of a role are filled in from. */
export interface TemplateSource {
  readonly user: Pick<UserClaims, 'name' | 'subject' | 'tags' | 'issuerAccount'>
  /** The account; its name is the one in its claims. */
  readonly account: { readonly name: string; readonly tags: readonly string[] }
}

export type ExpandedPermissions =
  | { readonly ok: true; readonly permissions: PermissionClaims }
  | { readonly ok: false; readonly why: string }

/** Subjects one list may grow to; source: nats-server. */
const EXPANSIONS_MAX = 4096
/** The same in characters; chosen: a thousand times what anybody uses. */
const EXPANSION_CHARACTERS_MAX = 4 * 1024 * 1024
/** Templates in one subject; chosen: more than a subject has tokens. */
const TEMPLATES_MAX = 256

const TEMPLATE = /\{\{([^}]+)\}\}/g
const TAG_OPERATIONS = ['tag', 'account-tag'] as const

type Filled = { readonly ok: true; readonly list: string[] | undefined } | Refusal
type Refusal = { readonly ok: false; readonly why: string }

/**
 * Fills in `{{name()}}`, `{{subject()}}`, `{{account-name()}}`, `{{account-subject()}}`,
 * `{{tag(x)}}` and `{{account-tag(x)}}`. Of a tag with several values, and of several tags, each
 * combination becomes a subject. What comes out as no subject is left out of what is allowed, and
 * is an error in what is denied; if nothing is left that is allowed, everything is denied.
 */
export function expandPermissions(
  permissions: PermissionClaims,
  source: TemplateSource,
): ExpandedPermissions {
  const subscribe = expandRule(permissions.subscribe, source)
  if (!subscribe.ok) return subscribe
  const publish = expandRule(permissions.publish, source)
  if (!publish.ok) return publish
  const { responses } = permissions
  return {
    ok: true,
    permissions: { publish: publish.rule, subscribe: subscribe.rule, responses },
  }
}

function expandRule(
  rule: PermissionList,
  source: TemplateSource,
): { readonly ok: true; readonly rule: PermissionList } | Refusal {
  const allow = expandList(rule.allow, source, false)
  if (!allow.ok) return allow
  const deny = expandList(rule.deny, source, true)
  if (!deny.ok) return deny
  const isEmptied = (rule.allow?.length ?? 0) > 0 && allow.list?.length === 0
  const denied = isEmptied ? [...new Set([...(deny.list ?? []), '>'])] : deny.list
  return { ok: true, rule: { allow: allow.list, deny: denied } }
}

function expandList(
  list: readonly string[] | undefined,
  source: TemplateSource,
  isDeny: boolean,
): Filled {
  if (list === undefined) return { ok: true, list: undefined }
  if (list.every((entry) => entry.search(TEMPLATE) === -1)) return { ok: true, list: [...list] }
  const expanded: string[] = []
  let characters = 0
  for (const entry of list) {
    const filled = valuesOf(entry, source, isDeny)
    if (!filled.ok) return filled
    const count = filled.values.reduce((product, { length }) => product * length, 1)
    if (filled.templates.length > TEMPLATES_MAX) return tooMany()
    if (expanded.length + count > EXPANSIONS_MAX) return tooMany()
    for (const values of combinations(filled.values, count)) {
      const subject = fillIn(entry, filled.templates, values)
      characters += subject?.length ?? 0
      if (subject === undefined || characters > EXPANSION_CHARACTERS_MAX) return tooMany()
      if (isValidSubject(subject)) expanded.push(subject)
      else if (isDeny) return { ok: false, why: 'generated invalid subject' }
    }
  }
  return { ok: true, list: expanded }
}

/**
 * One template after the other, each in all places at once, as nats-server does it: of several
 * that are written alike the first decides.
 *
 * @returns undefined for more than a subject may be long
 */
function fillIn(
  entry: string,
  templates: readonly string[],
  values: readonly string[],
): string | undefined {
  let subject = entry
  for (const [at, template] of templates.entries()) {
    const value = values[at]!
    const parts = subject.split(template)
    if (subject.length + parts.length * value.length > EXPANSION_CHARACTERS_MAX) return undefined
    subject = parts.join(value)
  }
  return subject
}

function tooMany(): Refusal {
  return { ok: false, why: `template expansion exceeds limit: ${EXPANSIONS_MAX}` }
}

type Values =
  | {
      readonly ok: true
      /** As they stand in the entry. */
      readonly templates: readonly string[]
      /** For each template what may take its place. */
      readonly values: readonly (readonly string[])[]
    }
  | Refusal

function valuesOf(entry: string, source: TemplateSource, isDeny: boolean): Values {
  const { user, account } = source
  const templates: string[] = []
  const values: (readonly string[])[] = []
  for (const [template, inner] of entry.matchAll(TEMPLATE)) {
    const operation = inner!.trim()
    templates.push(template)
    const tag = tagOf(operation)
    if (tag !== undefined) {
      const tags = tag.operation === 'tag' ? user.tags : account.tags
      const start = `${tag.name.toLowerCase()}:`
      const found = tags
        .filter((one) => one.startsWith(start))
        .map((one) => one.slice(start.length))
      if (found.length === 0 && isDeny) {
        const missing = `${goQuote(tag.name)} is not defined`
        return { ok: false, why: `generated invalid subject ${goQuote(entry)}: ${missing}` }
      }
      values.push(found.length === 0 ? [' '] : found) // a blank: no subject comes of it
      continue
    }
    const value = singleValue(operation.toLowerCase(), source)
    if (value === undefined) {
      const unknown = `template operation in ${goQuote(entry)}: ${goQuote(operation)}`
      return { ok: false, why: `${unknown} is not defined` }
    }
    values.push([value])
  }
  return { ok: true, templates, values }
}

function singleValue(operation: string, { user, account }: TemplateSource): string | undefined {
  switch (operation) {
    case 'name()':
      return user.name
    case 'subject()':
      return user.subject
    case 'account-name()':
      return account.name
    case 'account-subject()':
      return user.issuerAccount
    default:
      return undefined
  }
}

/** nats-server knows `TAG(` in any case, but takes off small letters only: `TAG(x)` is no tag. */
function tagOf(operation: string) {
  for (const name of TAG_OPERATIONS) {
    const start = `${name}(`
    if (!operation.toLowerCase().startsWith(start) || !operation.endsWith(')')) continue
    const inner = operation.startsWith(start) ? operation.slice(start.length) : operation
    return { operation: name, name: inner.slice(0, -1) } as const
  }
  return undefined
}

/** Each choice of one value of each list; the last list changes fastest. */
function* combinations(
  lists: readonly (readonly string[])[],
  count: number,
): Generator<readonly string[]> {
  for (let number = 0; number < count; number++) {
    const chosen: string[] = []
    let rest = number
    for (const list of lists.toReversed()) {
      chosen.push(list[rest % list.length]!)
      rest = Math.floor(rest / list.length)
    }
    yield chosen.reverse()
  }
}
