import type {
  AccountExport,
  AccountImport,
  AccountOptions,
  ServiceExport,
  ServiceImport,
  StreamExport,
  StreamImport,
} from '../../../src/config/account-types.ts'
import { NO_RATE } from '../../../src/config/rate-table.ts'

const OPEN = { accounts: undefined, tokenPosition: 0, tokenRequired: false, revocations: {} }

export function streamExport(subject: string, more: Partial<StreamExport> = {}): StreamExport {
  return { kind: 'stream', subject, ...OPEN, ...more }
}

export function serviceExport(subject: string, more: Partial<ServiceExport> = {}): ServiceExport {
  return {
    kind: 'service',
    subject,
    ...OPEN,
    responseType: 'singleton',
    thresholdMs: 0,
    latency: undefined,
    allowTrace: false,
    ...more,
  }
}

export function streamImport(
  account: string,
  subject: string,
  more: Partial<StreamImport> = {},
): StreamImport {
  return {
    kind: 'stream',
    account,
    subject,
    token: '',
    allowTrace: false,
    prefix: '',
    to: '',
    ...more,
  }
}

export function serviceImport(
  account: string,
  subject: string,
  more: Partial<ServiceImport> = {},
): ServiceImport {
  return {
    kind: 'service',
    account,
    subject,
    token: '',
    allowTrace: false,
    to: '',
    share: false,
    ...more,
  }
}

export function account(
  name: string,
  exports: readonly AccountExport[] = [],
  imports: readonly AccountImport[] = [],
): AccountOptions {
  return {
    name,
    nkey: '',
    exports,
    imports,
    mappings: [],
    limits: {
      maxConnections: -1,
      maxLeafnodes: -1,
      maxSubscriptions: -1,
      maxPayload: -1,
      ...NO_RATE,
    },
    defaultPermissions: undefined,
    trace: undefined,
  }
}
