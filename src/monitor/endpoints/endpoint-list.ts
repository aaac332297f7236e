import { ACCOUNT_INFO, ACCOUNTZ } from './accountz.ts'
import { ACCSTATZ } from './accstatz.ts'
import { CONNZ } from './connz.ts'
import type { Endpoint } from './endpoint.ts'
import { EXPVARZ } from './expvarz.ts'
import { GATEWAYZ } from './gatewayz.ts'
import { HEALTHZ } from './healthz.ts'
import { IPQUEUESZ } from './ipqueuesz.ts'
import { JSZ } from './jsz.ts'
import { LEAFZ } from './leafz.ts'
import { PROFILEZ } from './profilez.ts'
import { RAFTZ } from './raftz.ts'
import { ROUTEZ } from './routez.ts'
import { STACKSZ } from './stacksz.ts'
import { SUBSZ } from './subsz.ts'
import { VARZ } from './varz.ts'

const ENDPOINTS: readonly Endpoint[] = [
  VARZ,
  CONNZ,
  ROUTEZ,
  GATEWAYZ,
  LEAFZ,
  SUBSZ,
  STACKSZ,
  ACCOUNTZ,
  ACCOUNT_INFO,
  ACCSTATZ,
  JSZ,
  HEALTHZ,
  IPQUEUESZ,
  RAFTZ,
  EXPVARZ,
  PROFILEZ,
]

/** By path, without the base path. */
export const HTTP_ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  ...ENDPOINTS.filter(({ path }) => path !== '').map((each) => [each.path, each] as const),
  ['/subscriptionsz', SUBSZ],
])

/** By the last part of the subject of a system request. */
export const SYSTEM_ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map(
  ENDPOINTS.filter(({ name }) => name !== '').map((each) => [each.name, each]),
)
