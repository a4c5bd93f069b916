// Whether the certificate of a deployment agrees with what clients saw. Pure.
import assert from 'node:assert/strict';

import type { DeploymentCertificateRecord } from '@berth/model/generated/messages.ts';

import type { Fate } from '../load/fate.ts';

export interface Seen {
  /** Of all requests of the load, before and after it too. */
  readonly fates: readonly Fate[];
  /** Requests that others sent meanwhile, at most. */
  readonly others: number;
}

/** No request failed, each that clients saw answered is counted, by the task that answered, and no more were. */
export function assertCertified(
  certificate: DeploymentCertificateRecord,
  status: string,
  { fates, others }: Seen,
): void {
  const { requests, failed, failedOtherwise, failures, untaken, unknown } = certificate;
  assert.deepEqual(
    { status: certificate.status, failed, failedOtherwise, failures, untaken, unknown },
    { status, failed: 0, failedOtherwise: 0, failures: [], untaken: [], unknown: [] },
  );
  const { countedFrom, endedAt = 0, countedUntil = 0 } = certificate;
  const targets = certificate.revisions.flatMap((revision) => revision.targets);
  const counted = new Map<string, number>();
  for (const target of targets) {
    counted.set(target.taskId, (counted.get(target.taskId) ?? 0) + target.requests);
  }
  assert.equal(
    [...counted.values()].reduce((sum, many) => sum + many, 0),
    requests,
    'the sum over its targets',
  );
  const within = fates.filter((fate) => fate.at >= countedFrom && endOf(fate) <= endedAt);
  assert.ok(within.length > 0, 'it lasted for no request');
  for (const [task, many] of tallyOf(within)) {
    const found = counted.get(task) ?? 0;
    assert.ok(found >= many, `${found} requests counted for task ${task}, clients saw ${many}`);
  }
  const meanwhile = fates.filter(
    (fate) => endOf(fate) >= certificate.begunAt && fate.at <= countedUntil,
  );
  assert.ok(
    requests <= meanwhile.length + others,
    `${requests} requests counted, clients sent ${meanwhile.length} and ${others}`,
  );
}

/** The tasks of the revision that a deployment brings. */
export function broughtBy({ deploymentId, revisions }: DeploymentCertificateRecord): Set<string> {
  const brought = revisions.filter((revision) => revision.deploymentId === deploymentId);
  return new Set(brought.flatMap(({ targets }) => targets.map(({ taskId }) => taskId)));
}

function tallyOf(fates: readonly Fate[]): Map<string, number> {
  const tally = new Map<string, number>();
  for (const { task } of fates) {
    if (task !== undefined) tally.set(task, (tally.get(task) ?? 0) + 1);
  }
  return tally;
}

/** Wall time (ms). */
export function endOf({ at, tookMs }: Fate): number {
  return at + tookMs;
}
