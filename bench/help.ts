import { FAMILIES, SCENARIOS } from './scenarios.ts'

export function helpText(): string {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length))
  const scenarios = FAMILIES.map(({ title, scenarios }) =>
    [
      `  ${title}`,
      ...scenarios.map(({ name, workload }) => `    ${name.padEnd(width)}  ${workload}`),
    ].join('\n'),
  )
  return `Usage: sable bench [options]
       sable bench --report <json> ... [--csv <file>] [--html <file>]

Loads a NATS server and reports rates, latencies, memory, start time, and the processor time the
server spends. With --vs the rounds of all servers are interleaved and compared by their medians.

Servers
  --server "<command>"  start this server on a random loopback port (default: this project's)
  --url nats://h:p      use a running server; user:password@ or token@ go before the host
  --pid <n>             its process, for processor time and memory (Linux)
  --vs "<command>"      compare with this server; may be repeated
  --redis "<command>"   compare with the pub/sub of Redis, where --floor is compared too
  --floor               compare with a relay that only reads and writes the same bytes, where one
                        publisher's messages go to all: pub, 1:1, payload, fan-out
  --hub "<command>"     server at the hub's end of leaf links (default: the same as the leaf's)

Load
  --scenario <list>     comma-separated names, or families such as 1:1 and payload (default: all)
  --smoke               small fixed amounts, one round: proves that it works, measures nothing
  --rounds <n>          rounds of each scenario (default: 3)
  --duration <time>     length of each measured phase, such as 500ms, 2s, 10m (default: 2s)
  --messages <n>        end each measured phase after this many messages of each publisher
  --connections <n>     idle connections (default: idle 2000, connz 10000, monitored, reload 5000)
  --subscriptions <n>   of leaf-interest (default: 100000), and of subscriptions (default: 1000000)
  --links <n>           leafs of leaf-fleet, from 2 (default: 500)
  --rate <n>            requests a second of the paced part of request-reply (default: 500), and of
                        load (default: its share of what the first --vs answers at most)
  --pubs, --subs <n>    of --scenario custom: clients on one subject (default: 1 and 1)
  --size <bytes>        its payload (default: 128)
  --subject <s>         its subject (default: bench.custom); --subjects <n>: so many below it
  --queue <name>        its subscribers are one queue group
  --drivers <n>         threads of the load generator (default: 1, or 2 from four processors on)

Output, beside the table
  --json <file>         every round and the medians
  --csv <file>          a line for each scenario, metric and server
  --html <file>         one page with plots and tables
  --report <json> ...   measure nothing: the table, --csv and --html of results files put together
  -h, --help            show this

Scenarios
${scenarios.join('\n')}

The leaf scenarios start two servers of each kind, given a configuration file with the link, and
count the processor time of both. The tls scenarios start servers with a certificate that is built
in, the ws scenarios with a port for WebSockets. users, stream-import, service-import, logins, and
reload start servers with users and accounts; monitored and connz start them with a monitoring port
(-m). Started servers are needed for all of these: --url has none of them.
`
}
