// A data path with one listener of any protocol, for tests that need more of its record than a port.
import type {
  Action,
  ListenerRecord,
  RoutingUpdate,
  ServedCertificate,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import * as records from '@berth/model/routing/testing.ts';

import { type Made, certificate } from './certificates.ts';
import { type TestProxy, group, targetAt } from './data-path.ts';

let shared: Promise<Made> | undefined;

export async function served(): Promise<ServedCertificate> {
  const made = await (shared ??= certificate({ names: ['example.com', 'localhost'] }));
  return {
    arn: 'arn:aws:acm:local:000000000000:certificate/1',
    chainPem: made.pem,
    keyPem: made.keyPem,
  };
}

export interface Place {
  readonly listener?: Partial<ListenerRecord>;
  readonly group?: Partial<TargetGroupRecord>;
  readonly action?: Action;
  /** Ports of the targets. */
  readonly targets?: readonly number[];
  readonly more?: Partial<RoutingUpdate>;
}

let revision = 1_000;

/** Routes everything on one HTTPS listener, or what `place` says, to a group `web`. */
export async function place(proxy: TestProxy, parts: Place): Promise<void> {
  const pair = await served();
  revision += 1;
  const update = records.update(revision, {
    snapshot: true,
    listeners: [
      {
        ...records.listener(0, parts.action ?? records.forward('web')),
        protocol: 'HTTPS',
        certificates: [{ certificateArn: pair.arn }],
        ...parts.listener,
      },
    ],
    targetGroups: [{ ...group('web'), ...parts.group }],
    targets: (parts.targets ?? []).map((port) => targetAt('web', port)),
    certificates: [pair],
    ...parts.more,
  });
  proxy.path.swap(updateTable(EMPTY_TABLE, update));
}
