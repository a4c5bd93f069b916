// The audit log: who did what, from where, with which result. One JSON line a call, with the names of CloudTrail's
// records where it has one for the same thing.
//
// A call that changes something is answered only after its line has been handed to the operating system. Where that is
// impossible (the disk is full, the queue is, or the disk does not answer within two seconds) the call is answered all the
// same: it has been carried out, and a cluster must be steerable when its disk is full. The line then goes to the log of the
// process, and `berth_audit_lines_lost_total` counts it. Lines of calls that only read are dropped when there is no room.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { LineSink } from '@berth/process/line-writer.ts';
import type { Identity } from '@berth/rpc/api.ts';

import { addressOf } from './caller-context.ts';
import { redacted } from './redact.ts';

export interface AuditOptions {
  readonly sink: LineSink;
  /** Whether calls that only read are told too. */
  readonly reads: boolean;
}

interface AuditDeps {
  readonly options: AuditOptions | undefined;
  readonly clock: Clock;
  readonly realm: Realm;
  readonly logger: Logger;
  readonly onLost: (kind: 'read' | 'write') => void;
}

/** A call, as far as it is known. */
export interface AuditedCall {
  /** ecs, elasticloadbalancing, iam, sts, berth ... */
  readonly service: string;
  readonly operation: string;
  readonly readOnly: boolean;
  /** Undefined for one who could not prove who it is. */
  readonly identity: Identity | undefined;
  /** As it was claimed, where it could not be proved. */
  readonly accessKeyId?: string | undefined;
  readonly peer: string;
  readonly userAgent?: string | undefined;
  readonly requestId: string;
  readonly request?: unknown;
  readonly resources: readonly string[];
  readonly durationMs: number;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

const HANDED_WITHIN_MS = 2000;
/** Longer requests are left out. */
const MOST_PARAMETERS = 16_384;
const MOST_RESOURCES = 100;
/** Of texts that callers make up: who is refused gets a line too, and must not push the lines of others out with it. */
const LONGEST = { userAgent: 1024, message: 2048, arn: 2048 } as const;

export class Audit {
  readonly #deps: AuditDeps;

  constructor(deps: AuditDeps) {
    this.#deps = deps;
  }

  /** Never rejects, and takes two seconds at most. */
  async record(call: AuditedCall): Promise<void> {
    const { options } = this.#deps;
    // Who was refused is told even of reads.
    if (!options || (call.readOnly && !options.reads && call.error === undefined)) return;
    const entry = this.#entry(call);
    const line = JSON.stringify(entry);
    if (call.readOnly) {
      if (!options.sink.offer(line)) this.#deps.onLost('read');
      return;
    }
    if (await this.#handed(options.sink, line)) return;
    this.#deps.onLost('write');
    this.#deps.logger.error({ audit: entry }, 'an audit line could not be written');
  }

  async #handed(sink: LineSink, line: string): Promise<boolean> {
    const { signal } = new AbortController();
    const what = 'writing an audit line';
    try {
      return await withDeadline(sink.write(line), HANDED_WITHIN_MS, this.#deps.clock, signal, what);
    } catch {
      return false;
    }
  }

  #entry(call: AuditedCall): object {
    const { clock, realm } = this.#deps;
    return {
      eventVersion: '1.11',
      eventTime: new Date(clock.now()).toISOString(),
      eventSource: call.service === 'berth' ? 'berth' : `${call.service}.amazonaws.com`,
      eventName: call.operation,
      awsRegion: realm.region,
      recipientAccountId: realm.account,
      sourceIPAddress: addressOf(call.peer),
      userAgent: call.userAgent?.slice(0, LONGEST.userAgent),
      userIdentity: identityOf(call, realm),
      readOnly: call.readOnly,
      requestID: call.requestId,
      requestParameters: parametersOf(call.request),
      resources: call.resources
        .slice(0, MOST_RESOURCES)
        .map((text) => ({ ARN: text.slice(0, LONGEST.arn) })),
      errorCode: call.error?.code,
      errorMessage: call.error?.message.slice(0, LONGEST.message),
      durationMs: Math.round(call.durationMs * 10) / 10,
    };
  }
}

/** What was thrown, for the log. What is no `BerthError` is told in the log of the process only. */
export function auditedError(error: unknown): { code: string; message: string } | undefined {
  if (error === undefined) return undefined;
  if (isBerthError(error)) return { code: error.code, message: error.message };
  return { code: 'Internal', message: 'failed unexpectedly; see the log of the process' };
}

function identityOf({ identity, accessKeyId }: AuditedCall, { account }: Realm): object {
  if (!identity) return { type: 'Unknown', accessKeyId };
  if (identity.role !== 'user') {
    return { type: 'BerthCertificate', principalId: `${identity.role}/${identity.name}` };
  }
  const { principal } = identity;
  return {
    type: principal.authority.kind === 'role' ? 'AssumedRole' : 'IAMUser',
    principalId: principal.uniqueId,
    arn: principal.arn,
    accountId: account,
    accessKeyId: principal.accessKeyId,
    userName:
      principal.authority.kind === 'role' ? principal.authority.role : principal.authority.user,
  };
}

function parametersOf(request: unknown): unknown {
  if (request === undefined) return undefined;
  const parameters = redacted(request);
  return JSON.stringify(parameters).length <= MOST_PARAMETERS
    ? parameters
    : { omitted: `longer than ${MOST_PARAMETERS} characters` };
}
