// The certificate of a deployment: how many requests each of its revisions served meanwhile, and what became of them. Made from the
// totals of proxies at its begin and at its end; whatever can not be known is said. Pure.
import type {
  CertifiedRevision,
  CertifiedTarget,
  CountedProxy,
  DeploymentCertificateRecord,
  FailedRequest,
  SlowRequest,
  TargetCounts,
} from '../generated/messages.ts';
import { added, quantile, since } from './latency.ts';
import { countsKey } from './target-counts.ts';

/** What one run of a proxy has counted until now. */
export interface RunCounts {
  readonly proxy: string;
  /** By the proxy's clock; tells its runs apart. */
  readonly startedAt: number;
  readonly targets: ReadonlyMap<string, TargetCounts>;
  readonly failures: readonly FailedRequest[];
}

/** Whose a task is. */
export interface TaskOwner {
  readonly deploymentId: string;
  readonly taskDefinition: string;
}

const FAILURES_KEPT = 100;
const TARGETS_KEPT = 500;
const P99 = 0.99;

export function runKey({ proxy, startedAt }: Pick<RunCounts, 'proxy' | 'startedAt'>): string {
  return `${proxy} ${startedAt}`;
}

/** The totals of a run, to be taken off later. Targets with none are left out. */
export function baseOf(run: RunCounts): CountedProxy {
  const counts = [...run.targets.values()];
  return {
    proxy: run.proxy,
    startedAt: run.startedAt,
    targets: counts
      .filter(({ requests }) => requests > 0)
      .map((each) => ({ ...each, latency: [], slowest: [] })),
    latency: counts.reduce<readonly number[]>((sum, { latency }) => added(sum, latency), []),
  };
}

/**
 * A run that was not heard of at the begin though it was there: what it counts of older targets is taken from now on.
 * @returns undefined when all is known of it
 */
export function lateBase(
  certificate: DeploymentCertificateRecord,
  run: RunCounts,
): CountedProxy | undefined {
  const known = certificate.draft?.base.some((base) => runKey(base) === runKey(run)) ?? false;
  if (known || run.startedAt >= certificate.countedFrom) return undefined;
  const older = [...run.targets].filter(
    ([, { registeredAt }]) => registeredAt < certificate.countedFrom,
  );
  return baseOf({ ...run, targets: new Map(older) });
}

/** The certificate as the runs have it now. @param owners by task id */
export function certified(
  certificate: DeploymentCertificateRecord,
  runs: readonly RunCounts[],
  owners: ReadonlyMap<string, TaskOwner>,
): DeploymentCertificateRecord {
  const base = new Map(certificate.draft?.base.map((each) => [runKey(each), each]) ?? []);
  const news = new Set([certificate.deploymentId, certificate.rollbackDeploymentId]);
  const isNew = (taskId: string): boolean => news.has(owners.get(taskId)?.deploymentId);
  const targets = new Map<string, CertifiedTarget>();
  let during: readonly number[] = [];
  for (const run of runs) {
    const began = base.get(runKey(run));
    const before = new Map(began?.targets.map((each) => [countsKey(each), each]) ?? []);
    let latency: readonly number[] = [];
    for (const [key, counts] of run.targets) {
      latency = added(latency, counts.latency);
      const grown = growth(counts, before.get(key), isNew(counts.taskId));
      if (grown.requests > 0) targets.set(key, sum(targets.get(key), grown));
    }
    during = added(during, since(latency, began?.latency ?? []));
  }
  const all = [...targets.values()];
  const [untaken, taken] = [all.filter(isUntaken), all.filter((each) => !isUntaken(each))];
  const total = all.reduce(sum, undefined);
  const [failed, otherwise] = [total?.failed ?? 0, total?.failedOtherwise ?? 0];
  const failures = failuresOf(runs, failed + otherwise, isNew);
  return {
    ...certificate,
    revisions: revisionsOf(taken, owners),
    untaken,
    requests: total?.requests ?? 0,
    failed,
    failedOtherwise: otherwise,
    failures,
    failuresLeftOut: failed + otherwise - failures.length,
    latency: latencyOf(certificate, runs, during),
  };
}

/** What came since the begin. What failed at a target of the deployment failed because of it. */
function growth(
  counts: TargetCounts,
  before: TargetCounts | undefined,
  ofDeployment: boolean,
): CertifiedTarget {
  const { group, target, taskId } = counts;
  const failed = counts.failed - (before?.failed ?? 0);
  const otherwise = counts.failedOtherwise - (before?.failedOtherwise ?? 0);
  return {
    group,
    target,
    taskId,
    requests: counts.requests - (before?.requests ?? 0),
    failed: ofDeployment ? failed + otherwise : failed,
    failedOtherwise: ofDeployment ? 0 : otherwise,
    targetErrors: counts.targetErrors - (before?.targetErrors ?? 0),
  };
}

function sum(a: CertifiedTarget | undefined, b: CertifiedTarget): CertifiedTarget {
  if (!a) return b;
  return {
    ...a,
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    failedOtherwise: a.failedOtherwise + b.failedOtherwise,
    targetErrors: a.targetErrors + b.targetErrors,
  };
}

const isUntaken = ({ target }: CertifiedTarget): boolean => target === '';

/** Those with most requests first. */
function revisionsOf(
  targets: readonly CertifiedTarget[],
  owners: ReadonlyMap<string, TaskOwner>,
): CertifiedRevision[] {
  const found = new Map<string, CertifiedTarget[]>();
  for (const target of targets) {
    const of = owners.get(target.taskId)?.deploymentId ?? '';
    const known = found.get(of);
    if (known) known.push(target);
    else found.set(of, [target]);
  }
  const revisions = Array.from(found, ([deploymentId, own]): CertifiedRevision => {
    own.sort((a, b) => b.requests - a.requests || (a.target < b.target ? -1 : 1));
    const total = own.reduce(sum, undefined);
    const [first] = own;
    return {
      deploymentId,
      taskDefinition: owners.get(first?.taskId ?? '')?.taskDefinition ?? '',
      requests: total?.requests ?? 0,
      failed: total?.failed ?? 0,
      failedOtherwise: total?.failedOtherwise ?? 0,
      targetErrors: total?.targetErrors ?? 0,
      targets: own.slice(0, TARGETS_KEPT),
      targetsLeftOut: Math.max(0, own.length - TARGETS_KEPT),
    };
  });
  return revisions.sort((a, b) => b.requests - a.requests);
}

/** The newest; older ones of the same proxies were before the begin. @param count how many there were since */
function failuresOf(
  runs: readonly RunCounts[],
  count: number,
  isNew: (taskId: string) => boolean,
): FailedRequest[] {
  return runs
    .flatMap(({ failures }) => failures)
    .map((failure) => ({ ...failure, ofChange: failure.ofChange || isNew(failure.taskId) }))
    .sort((a, b) => a.at - b.at)
    .slice(-Math.min(count, FAILURES_KEPT) || Infinity);
}

function latencyOf(
  { draft, countedFrom, latency }: DeploymentCertificateRecord,
  runs: readonly RunCounts[],
  during: readonly number[],
): DeploymentCertificateRecord['latency'] {
  const before = draft?.beforeLatency ?? [];
  const [beforeP99, duringP99] = [quantile(before, P99), quantile(during, P99)];
  const slow = runs
    .flatMap(({ targets }) => [...targets.values()].flatMap(({ slowest }) => slowest))
    .filter(({ at }) => at >= countedFrom);
  const worst = slow.reduce<SlowRequest | undefined>(
    (most, each) => (most && most.milliseconds >= each.milliseconds ? most : each),
    latency?.worst,
  );
  return {
    beforeRequests: before.reduce((all, count) => all + count, 0),
    beforeP99,
    duringP99,
    addedP99:
      beforeP99 === undefined || duringP99 === undefined
        ? undefined
        : Math.max(0, duringP99 - beforeP99),
    worst,
  };
}
