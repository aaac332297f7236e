/**
 * Writes docs/OPTIONS.md from the tables the broker reads its options by, so that the page cannot
 * tell another story than the program.
 *
 *   node_modules/.bin/node scripts/options-doc.mjs           writes the page
 *   node_modules/.bin/node scripts/options-doc.mjs --check   exits with 1 if the page is stale
 *
 * Imports TypeScript, so it needs the pinned Node.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { durationNs, formatDuration } from '../src/base/duration.ts'
import { COMMAND_FLAGS, FLAG_GROUPS } from '../src/config/command-flags.ts'
import { NOT_YET_HONOURED } from '../src/config/not-yet-honoured.ts'
import { OPTION_SECTIONS } from '../src/config/option-table.ts'
import { ROOT } from './tree.mjs'

const PAGE = join(ROOT, 'docs', 'OPTIONS.md')
const KIB = 1024

/** What a value looks like in a file, for each kind of option. */
const KIND_WORDS = {
  boolean: '`true`, `false`',
  integer: 'number',
  int32: 'number',
  text: 'text',
  duration: 'duration',
  'spelt duration': 'duration',
  'lame duck duration': 'duration',
  'lame duck grace period': 'duration',
  'proxy timeout': 'duration',
  listen: '`host:port` or port',
  'server name': 'text',
  'connection limit': 'number',
  'token limit': 'number',
  'trace switch': '`true`, `false`',
  'http listen': '`host:port` or port',
  'https listen': '`host:port` or port',
  'feature flags': 'map of booleans',
  'auth timeout': 'seconds or duration',
  'leaf auth timeout': 'seconds or duration',
  'websocket auth timeout': 'seconds or duration',
  'handshake timeout': 'seconds or duration',
  'tls timeout': 'seconds or duration',
  tags: 'text or array',
  metadata: 'map',
  'store dir': 'text',
  compression: 'mode, boolean or map',
  'leaf version': 'text',
  path: 'text',
  'user nkey': 'public key',
  seed: 'seed',
  subjects: 'subject or array',
  migrate: 'boolean or map',
  origins: 'URL or array',
  headers: 'map',
  'leaf users': 'array of blocks',
  proxy: 'block',
  tls: 'block',
  websocket: 'block',
  'websocket authorization': 'block',
  'tls file': 'text',
  'tls boolean': '`true`, `false`',
  'verify and map': '`true`, `false`',
  ciphers: 'array',
  'insecure ciphers': '`true`, `false`',
  curves: 'array',
  'rate limit': 'number',
  'pinned certs': 'array',
  'tls version': 'text',
  'handshake first': 'boolean, `auto` or duration',
  certificates: 'array of blocks',
  authorization: 'block',
  leafnodes: 'block',
  'leaf authorization': 'block',
  remotes: 'array of blocks',
  urls: 'URL or array',
  'program only': 'array of objects',
  users: 'array of blocks',
  'account users': 'array of blocks',
  permissions: 'block',
  'publish permission': 'subject, array or map',
  'subscribe permission': 'subject, array or map',
  responses: 'boolean or block',
  'response count': 'number',
  'response time': 'duration',
  'connection types': 'text or array',
  'auth callout': 'block',
  'callout issuer': 'public key',
  'callout users': 'array',
  'callout accounts': 'array',
  'callout xkey': 'public key',
  accounts: 'map of blocks, or array',
  'account nkey': 'public key',
  'account limits': 'block',
  'account trace': 'subject or map',
  'account jetstream': 'boolean, text or map',
  exports: 'array of blocks',
  'exported stream': 'subject',
  'exported service': 'subject',
  'export accounts': 'array',
  'response type': 'text',
  'response threshold': 'duration',
  'service latency': 'subject or map',
  imports: 'array of blocks',
  'imported stream': 'map',
  'imported service': 'map',
  mappings: 'map of subjects',
  'mapping weight': 'number or text',
  'system account': 'text',
  operators: 'JWT, file or array',
  'trusted keys': 'public key or array',
  resolver: 'text or map',
  'resolver tls': 'block',
  preload: 'map',
  'pinned accounts': 'public key or array',
  sentinel: 'JWT',
  proxies: 'block',
  'trusted proxies': 'array of blocks',
  'proxy key': 'public key',
}

/** Options that are honoured by doing nothing. Key: path in the file. */
const WITHOUT_EFFECT = {
  no_sublist_cache: 'the sublist has no such cache; what is delivered is the same',
  prof_block_rate: 'it concerns `prof_port`, which is not opened: the log warns of it at the start',
  store_dir: 'only JetStream stores anything, and there is none; nats-server does the same then',
  'accounts.A.jetstream':
    'it concerns JetStream, and there is none; nats-server does the same then',
  'leafnodes.no_advertise': 'there are no routes over which other servers could be told',
  'leafnodes.remotes.jetstream_cluster_migrate': 'it concerns JetStream, and there is none',
}

const SECTION_TITLES = {
  '': 'Top level',
  authorization: '`authorization { }`',
  'authorization.users': '`users [ { } ]` in `authorization` and in an account',
  'authorization.permissions':
    '`permissions { }` of a user, `default_permissions { }` in `authorization` and in an account',
  'authorization.permissions.allow_responses': '`permissions { allow_responses { } }`',
  'authorization.auth_callout': '`authorization { auth_callout { } }`',
  'accounts.A': '`accounts { A { } }`, for an account `A`',
  'accounts.A.limits': '`accounts { A { limits { } } }`',
  'accounts.A.exports': '`accounts { A { exports [ { } ] } }`',
  'accounts.A.imports': '`accounts { A { imports [ { } ] } }`',
  'mappings.from': '`mappings { from { } }`, for a subject `from`; also in an account',
  leafnodes: '`leafnodes { }`',
  'leafnodes.authorization': '`leafnodes { authorization { } }`',
  'leafnodes.authorization.users': '`leafnodes { authorization { users [ { } ] } }`',
  'leafnodes.remotes': '`leafnodes { remotes [ { } ] }`',
  'leafnodes.remotes.proxy': '`leafnodes { remotes [ { proxy { } } ] }`',
  websocket: '`websocket { }`',
  'websocket.authorization': '`websocket { authorization { } }`',
  proxies: '`proxies { }`',
  'proxies.trusted': '`proxies { trusted [ { } ] }`',
  tls: '`tls { }` at the top level, in `leafnodes`, in a remote and in `websocket`; `resolver_tls { }`',
  'tls.certificates': '`tls { certificates [ { } ] }`',
}

const page = `${[
  intro(),
  ...Object.keys(OPTION_SECTIONS).map(sectionText),
  withoutEffect(),
  notHonoured(),
  flags(),
].join('\n\n')}\n`

if (process.argv.includes('--check')) check()
else writeFileSync(PAGE, page)

function check() {
  const written = readFileSync(PAGE, 'utf8').split('\n')
  const line = page.split('\n').findIndex((text, index) => text !== written[index])
  if (line < 0 && written.length === page.split('\n').length) return
  console.error(
    `docs/OPTIONS.md:${line + 1} is not what the option tables say; ` +
      'run node_modules/.bin/node scripts/options-doc.mjs',
  )
  process.exitCode = 1
}

function intro() {
  return `# Options

<!-- Written by scripts/options-doc.mjs from src/config. Changes made here are lost. -->

Options come from flags, from the file given with \`-c\`, and from defaults; flags override the
file, the file overrides the defaults. The file is written in nats-server's configuration language:
comments (\`#\`, \`//\`), maps, arrays, block strings, sizes (\`4mb\`), durations (\`"90s"\`),
variables (\`$NAME\`, from the file or the environment), \`include\`. Keys are read in any case.
\`nats-server -t -c file\` checks a file and starts nothing.

- A **duration** is a quoted text such as \`"1h30m"\` or \`"250ms"\`. A bare number means seconds,
  with a warning.
- Many \`workers\` need more than the least \`shared_memory\`: a broker given too little says how
  much it needs, and does not start.
- Where a file sets one thing twice, the row further down in a table wins (\`port\` over
  \`listen\`).
- For a number whose default is not 0, \`0\` stands for the default; only \`max_connections: 0\`
  in a file means what it says.
- **\`startBroker\`** takes the names of the last column, in nested objects like the blocks of a
  file; its durations are milliseconds. An address of a remote may be given as text, compression
  as its mode alone, \`handshake_first: "100ms"\` is \`handshakeFirst\` with
  \`handshakeFirstFallbackMs\`.
- A mapping is one destination, \`{ destination, weight }\`, or an array of such. In
  \`startBroker\` mappings are \`{ source, destinations }\`, accounts are objects with a
  \`name\`, and users of all accounts stand in \`users\` and \`nkeys\`.
- Options marked *own* are unknown to nats-server, which refuses a file that has them.
- **Reload**: on signal HUP, by \`nats-server --signal reload\` or on a request of the system
  account the file is read again. Where the column says *yes*, what has changed is applied to the
  running broker; any other change is refused, with all the rest of the file.`
}

function sectionText(section) {
  const rows = OPTION_SECTIONS[section].map((entry) => [
    entry.kind === 'program only' ? '–' : spellings(entry) + (entry.isOwn ? ' *(own)*' : ''),
    entry.kind === 'choice' ? codeList(entry.values) : wordsOf(entry),
    unitText(entry),
    defaultText(entry),
    entry.reloadable ? 'yes' : 'no',
    cell(entry.doc),
    objectName(entry),
  ])
  const head = ['option', 'value', 'unit', 'default', 'reload', 'what it does', '`startBroker`']
  return `## ${SECTION_TITLES[section]}\n\n${table(head, rows)}`
}

function objectName({ option, objectKey = option }) {
  return objectKey === '' ? '–' : `\`${objectKey}\``
}

/** Of a bare number; durations name theirs, but for programs, which give milliseconds. */
function unitText({ unit, kind }) {
  if (unit === undefined || unit === 'none') return '–'
  return unit === 'ms' ? (kind.includes('timeout') ? 's' : '–') : unit
}

function wordsOf({ kind, default: standard }) {
  if (kind === 'program only' && typeof standard === 'string') return 'text'
  const words = KIND_WORDS[kind]
  if (words === undefined) throw new Error(`no words for the kind of option: ${kind}`)
  return words
}

function codeList(texts) {
  return texts.map((text) => `\`${text}\``).join(', ')
}

function spellings({ key, aliases = [] }) {
  const others = aliases.map((alias) => `\`${alias}\``).join(', ')
  return `\`${key}\`${others === '' ? '' : ` (${others})`}`
}

function defaultText({ default: value, unit, option }) {
  if (typeof value === 'object' && value?.mode !== undefined) return `\`${value.mode}\``
  if (value === undefined || value === '' || typeof value === 'object') return '–'
  if (unit === 'ms') return `\`"${formatDuration(durationNs(value))}"\``
  if (unit === 'bytes' && value >= KIB) return `${value} (${sizeText(value)})`
  if (typeof value === 'string') return `\`${value}\``
  return option === 'port' && value === 0 ? '–' : String(value)
}

function sizeText(bytes) {
  const isMiB = bytes % (KIB * KIB) === 0
  return isMiB ? `${bytes / KIB / KIB} MiB` : `${bytes / KIB} KiB`
}

function withoutEffect() {
  const rows = Object.entries(WITHOUT_EFFECT).map(([path, why]) => [`\`${path}\``, why])
  return `## Accepted, without effect

These are not refused, because a broker that acted on them would do the same:

${table(['option', 'why'], rows)}`
}

function notHonoured() {
  const sections = Object.entries(NOT_YET_HONOURED).filter(([, keys]) => keys.length > 0)
  const rows = sections.map(([section, keys]) => [
    SECTION_TITLES[section],
    [...keys]
      .sort()
      .map((key) => `\`${key}\``)
      .join(', '),
  ])
  return `## Known to nats-server, refused here

A broker that runs without the TLS or the permissions its file asks for is worse than one that does
not start. So these are refused like a misspelt option, with nats-server's text
(\`file:3:1: unknown field "cluster"\`) and exit code 1:

${table(['where', 'options, aliases included'], rows)}

Also refused: cipher suites with RC4 or 3DES, even if insecure ones are allowed. Certificates are
neither stapled nor checked by OCSP, whatever they say of it.

Where nats-server repeats a secret in a message (a password or a token in an address, a seed), it
is masked here: \`xxxxx\`, \`[REDACTED]\`.`
}

function flags() {
  const groups = FLAG_GROUPS.filter((group) => group !== 'Other').map((group) => {
    const rows = COMMAND_FLAGS.filter((flag) => flag.group === group).map((flag) => [
      flagNames(flag) + (flag.value === undefined ? '' : ` \`<${flag.value}>\``),
      cell(flag.doc),
    ])
    return `**${group}**\n\n${table(['flag', 'what it does'], rows)}`
  })
  const others = COMMAND_FLAGS.filter(({ group }) => group === 'Other')
  const unsupported = others.filter(({ effect }) => effect === 'unsupported')
  const idle = others.filter(({ effect }) => effect !== 'unsupported')
  return `## Flags of \`nats-server\`

One dash or two, \`-p 4222\` or \`-p=4222\`; switches take a value only as \`-D=false\`.

${groups.join('\n\n')}

Accepted, without effect:

${table(
  ['flag', 'why'],
  idle.map((flag) => [flagNames(flag), cell(flag.doc)]),
)}

Known, but refused with exit code 1 and a message that names the flag:
${unsupported.map((flag) => flagNames(flag)).join(', ')}. With a value that says "no"
(\`--routes ""\`, \`-js=false\`) they are accepted.

A flag that does not exist, or a value that makes no sense, is answered with this page in short and
exit code 0, as by nats-server; what is wrong with options exits with 1. The exit code is 0 after
signals INT and TERM and after a lame duck's end. Passwords and tokens given as flags do not stay
visible in \`ps\`: the process renames itself to \`nats-server\`.`
}

function flagNames({ names }) {
  return names.map((name) => `\`-${name}\``).join(', ')
}

/** Text that may hold bars, which end a cell. */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
