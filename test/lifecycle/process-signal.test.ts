import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type ProcessTable, sendSignal } from '../../src/lifecycle/process-signal.ts'

const folder = mkdtempSync(join(tmpdir(), 'process-signal-'))
after(() => rmSync(folder, { recursive: true }))

const OWN_PID = 100

/** Sends to processes with those ids; the text of the fault, and what was sent. */
function send(
  parameter: string,
  found: string | undefined,
  kill: ProcessTable['kill'] = () => {},
): { readonly fault: string | undefined; readonly sent: readonly string[] } {
  const sent: string[] = []
  const fault = sendSignal(parameter, {
    ownPid: OWN_PID,
    find: (name) => {
      assert.equal(name, 'nats-server')
      return found
    },
    kill: (pid, signal) => {
      kill(pid, signal)
      sent.push(`${signal} ${pid}`)
    },
  })
  return { fault, sent }
}

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const ONE = '100\n120\n'
const THREE = '100\n120\n121\n13\n'

const SENT: readonly (readonly [parameter: string, found: string, sent: readonly string[]])[] = [
  ['reload', ONE, ['SIGHUP 120']],
  ['reload=', ONE, ['SIGHUP 120']],
  ['stop', ONE, ['SIGKILL 120']],
  ['quit', ONE, ['SIGINT 120']],
  ['term', ONE, ['SIGTERM 120']],
  ['reopen', ONE, ['SIGUSR1 120']],
  ['ldm', ONE, ['SIGUSR2 120']],
  ['ldm=7', THREE, ['SIGUSR2 7']],
  [`quit=${file('pid', '8')}`, THREE, ['SIGINT 8']],
  ['quit=*', THREE, ['SIGINT 120', 'SIGINT 121', 'SIGINT 13']],
  ['quit=12*', THREE, ['SIGINT 120', 'SIGINT 121']],
  ['quit=13*', THREE, ['SIGINT 13']],
  ['quit=9*', THREE, []],
]

test('sends the signal a command stands for, to whom it is meant for', () => {
  for (const [parameter, found, sent] of SENT) {
    assert.deepEqual(send(parameter, found), { fault: undefined, sent }, parameter)
  }
})

const REFUSED: readonly (readonly [parameter: string, found: string | undefined, text: string])[] =
  [
    ['reload', '', 'no nats-server processes running'],
    ['reload', '100\n', 'no nats-server processes running'],
    ['reload=*', '100\n', 'no nats-server processes running'],
    ['reload', THREE, 'multiple nats-server processes running:\n120\n121\n13'],
    ['reload', undefined, 'unable to resolve pid, try providing one'],
    ['reload', 'x\n', 'unable to resolve pid, try providing one'],
    ['reload=abc', ONE, 'invalid pid: abc'],
    ['reload=a*', ONE, 'invalid pid: a'],
    [`reload=${file('line', '8\n')}`, ONE, 'invalid pid: 8\n'],
    ['reload=0', ONE, 'invalid pid: 0'],
    ['reload=-1', ONE, 'invalid pid: -1'],
    ['reload=99999999999', ONE, 'invalid pid: 99999999999'],
    ['reload=1=2', ONE, 'invalid signal parameters: [2]'],
    ['reload=1=2=3', ONE, 'invalid signal parameters: [2 3]'],
    ['bogus', ONE, 'unknown signal "bogus"'],
    ['RELOAD=7', ONE, 'unknown signal "RELOAD"'],
    ['bogus', '', 'no nats-server processes running'],
  ]

test('sends nothing when the command or the process is not clear', () => {
  for (const [parameter, found, fault] of REFUSED) {
    assert.deepEqual(send(parameter, found), { fault, sent: [] }, parameter)
  }
})

test('tells each process that the signal did not reach, and reaches the others', () => {
  const kill = (pid: number) => {
    if (pid === 120) throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH', errno: -3 })
    if (pid === 13) throw Object.assign(new Error('kill EPERM'), { code: 'EPERM', errno: -1 })
  }
  assert.deepEqual(send('term=*', THREE, kill), {
    fault: '\nsignal "term" 120: no such process\nsignal "term" 13: operation not permitted',
    sent: ['SIGTERM 121'],
  })
})
