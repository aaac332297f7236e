import assert from 'node:assert/strict'
import { onWorkers } from './worker-counts.ts'

const MESSAGES = 200
const MAXIMUM = 5

onWorkers('a group loses nothing when a member gets its last message', async ({ connectMany }) => {
  const [publisher, ...members] = await connectMany(5)
  for (const [i, member] of members.entries()) {
    member.subscribe('work', '1', 'group')
    // All but one leave after a few messages; their share must go to who is left.
    if (i > 0) member.send(`UNSUB 1 ${MAXIMUM}\r\n`)
    await member.flush()
  }
  for (let i = 0; i < MESSAGES; i++) publisher!.publish('work', String(i))
  await publisher!.flush()
  for (const member of members) await member.flush()
  const counts = members.map(({ messageCount }) => messageCount)
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    MESSAGES,
    `each member: ${counts}`,
  )
  assert.deepEqual(counts.slice(1), Array(counts.length - 1).fill(MAXIMUM))
})
