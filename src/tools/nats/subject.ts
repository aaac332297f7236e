import { ToolError } from './tool-error.ts'

const WHITE_SPACE = /[ \t\r\n]/

/** @throws ToolError for a subject that cannot stand in a PUB */
export function checkPublishSubject(subject: string): void {
  if (subject === '' || WHITE_SPACE.test(subject)) throw new ToolError('nats: invalid subject')
}

/** @throws ToolError for a subject that cannot be subscribed to */
export function checkSubscribeSubject(subject: string): void {
  checkPublishSubject(subject)
  if (subject.split('.').includes('')) throw new ToolError('nats: invalid subject')
}

/** @throws ToolError for a name that cannot stand in a SUB; an empty one means no queue group */
export function checkQueue(queue: string): void {
  if (WHITE_SPACE.test(queue)) throw new ToolError('nats: invalid queue name')
}
