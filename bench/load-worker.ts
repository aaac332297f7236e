import { ClientsDriver } from './drivers/clients-driver.ts'
import { IdleDriver } from './drivers/idle-driver.ts'
import { LatencyDriver } from './drivers/latency-driver.ts'
import { PingDriver } from './drivers/ping-driver.ts'
import { RequestsDriver } from './drivers/requests-driver.ts'
import { serve } from './drivers/serve.ts'
import { SubscriptionsDriver } from './drivers/subscriptions-driver.ts'
import type { DriverTask } from './drivers/tasks.ts'
import { ThroughputDriver } from './drivers/throughput-driver.ts'
import { RedisDriver } from './redis/redis-driver.ts'

/** Entry of a load driver's thread: one task is one driver for one run. */
export function runDriver(task: DriverTask): Promise<void> {
  switch (task.kind) {
    case 'throughput':
      return serve(task.port, (onFailure) =>
        task.publishAt.wire === 'redis'
          ? new RedisDriver(task, onFailure)
          : new ThroughputDriver(task, onFailure),
      )
    case 'latency':
      return serve(task.port, (onFailure) => new LatencyDriver(task, onFailure))
    case 'requests':
      return serve(task.port, (onFailure) => new RequestsDriver(task, onFailure))
    case 'clients':
      return serve(task.port, (onFailure) => new ClientsDriver(task, onFailure))
    case 'idle':
      return serve(task.port, (onFailure) => new IdleDriver(task, onFailure))
    case 'subscriptions':
      return serve(task.port, (onFailure) => new SubscriptionsDriver(task, onFailure))
    case 'ping':
      return serve(task.port, (onFailure) => new PingDriver(task, onFailure))
  }
}
