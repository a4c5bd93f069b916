// Puts together what decides who may do what, for the api's own handlers and for callers in the same process.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { AccessCredentials } from '@berth/model/access/principal.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Sealer } from '@berth/process/seal.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import type { State } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';
import { Counter, type Registry } from 'prom-client';

import { Audit, type AuditOptions, type AuditedCall } from './audit.ts';
import { Directory } from './directory.ts';
import { Guard } from './guard.ts';
import { KeyUses } from './key-uses.ts';
import { missingSealKeys } from './operations/reseal.ts';
import type { Need } from './rule.ts';

interface AccessParts {
  readonly store: Store;
  readonly cache: State;
  readonly realm: Realm;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly freshen: (signal: AbortSignal) => Promise<void>;
  readonly audit: AuditOptions | undefined;
}

/** For the AWS endpoint in the same process. */
export interface AccessDoor {
  /** The credentials of a key and a session token; undefined when there are none such. Made anywhere, they are known here at once. */
  credentials(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): Promise<AccessCredentials | undefined>;
  /** For what no handler of the api's stands for. @throws BerthError AccessDeniedException */
  check(needs: readonly Need[], call: CallContext): Promise<void>;
  /** For the audit log: calls that came to no handler, for instance because nobody could be made out. */
  record(call: AuditedCall): Promise<void>;
}

export interface Access {
  readonly guard: Guard;
  readonly door: AccessDoor;
  stop(): Promise<void>;
}

export function startAccess(parts: AccessParts): Access {
  const { cache, realm, clock, logger, freshen } = parts;
  const lost = new Counter({
    name: 'berth_audit_lines_lost_total',
    help: 'Lines that could not be written to the audit log, by whether the call read or wrote.',
    labelNames: ['kind'],
    registers: [parts.metrics],
  });
  for (const kind of ['read', 'write']) lost.inc({ kind }, 0);
  const onLost = (kind: 'read' | 'write'): void => lost.inc({ kind });
  const audit = new Audit({ options: parts.audit, clock, realm, logger, onLost });
  const directory = new Directory(parts);
  const uses = new KeyUses(parts);
  const guard = new Guard({ cache, realm, clock, directory, freshen, audit, uses });
  for (const [id, keys] of missingSealKeys(cache, parts.sealer)) {
    logger.error(
      { sealKey: id, records: keys.length, first: keys[0] },
      'the key ring lacks a key that sealed secrets: what needs them fails until it is added to the file of --secrets-key',
    );
  }
  return {
    guard,
    door: {
      credentials: async (accessKeyId, sessionToken) => {
        const known = directory.credentials(accessKeyId, sessionToken);
        if (known) return known;
        await freshen(new AbortController().signal);
        return directory.credentials(accessKeyId, sessionToken);
      },
      check: (needs, call) => guard.check(needs, call),
      record: (call) => audit.record(call),
    },
    stop: async () => {
      await uses.stop();
      await parts.audit?.sink.close();
    },
  };
}
