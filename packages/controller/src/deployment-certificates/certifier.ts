// Writes the certificates of deployments: opens one when a service deployment begins, follows it through its phases, and closes it at its
// end, when the proxies have said what they counted.
import type { Verdict } from '@berth/control/reconciler.ts';
import { baseOf, certified, lateBase, runKey } from '@berth/model/deployment/certificate.ts';
import { isOpen } from '@berth/model/deployment/history.ts';
import { added } from '@berth/model/deployment/latency.ts';
import type {
  CertifiedPhase,
  DeploymentCertificateRecord,
  DeploymentRecord,
  ServiceDeploymentRecord,
} from '@berth/model/generated/messages.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { commitAll, type TermContext } from '../context.ts';
import { packed } from '../writes.ts';
import { type KnownRun, Ledger } from './ledger.ts';
import type { ReplicaCounts } from './replica-counts.ts';
import { waitOf } from './waits.ts';

export const OPEN = 'OPEN';
/** How often the proxies are asked while a deployment goes on: its slowest requests are only known for a while. */
const COUNT_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 500;
const LOOK_MS_A_TASK = 10;
const MOST_EVERY_MS = 30_000;
/** How long the last counts are waited for. */
const CLOSE_WITHIN_MS = 10_000;
const CLOSE_AGAIN_MS = 500;
const MOST_BASE = 4_000;
const MOST_UNKNOWN = 50;

type Certificate = Stored<DeploymentCertificateRecord>;
type RunOfProxy = Pick<KnownRun, 'proxy' | 'startedAt'>;

export class Certifier {
  readonly #context: TermContext;
  readonly #counts: Pick<ReplicaCounts, 'collect'>;
  readonly #ledgers = new Map<string, Ledger>();

  constructor(context: TermContext, counts: Pick<ReplicaCounts, 'collect'>) {
    this.#context = context;
    this.#counts = counts;
  }

  /** Services with a deployment or a certificate that is open, as CLUSTER/SERVICE. */
  *keys(): Generator<string, void, undefined> {
    const { cache } = this.#context;
    const seen = new Set<string>();
    for (const { value } of cache.list(collections.serviceDeployments)) {
      if (isOpen(value)) seen.add(`${value.cluster}/${value.service}`);
    }
    for (const { value } of cache.list(collections.deploymentCertificates)) {
      if (value.status === OPEN) seen.add(`${value.cluster}/${value.service}`);
    }
    yield* seen;
  }

  /** @throws BerthError Unavailable and others: try again later */
  async reconcile(key: string, signal: AbortSignal): Promise<Verdict> {
    const [cluster = '', service = ''] = key.split('/');
    const { cache } = this.#context;
    let wakeAt: number | undefined;
    for (const { value } of [...cache.list(collections.serviceDeployments, cluster, service)]) {
      const parts = [cluster, service, value.id];
      const certificate = cache.get(collections.deploymentCertificates, ...parts);
      const at = await this.#bringOn(value, certificate, signal);
      if (at !== undefined) wakeAt = Math.min(wakeAt ?? at, at);
    }
    return { wakeAt };
  }

  async #bringOn(
    deployment: ServiceDeploymentRecord,
    certificate: Certificate | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (!certificate) return isOpen(deployment) ? this.#open(deployment, signal) : undefined;
    if (certificate.value.status !== OPEN) return undefined;
    let ledger = this.#ledgers.get(certificate.key);
    if (!ledger) {
      ledger = new Ledger(certificate.value);
      this.#ledgers.set(certificate.key, ledger);
    }
    return isOpen(deployment)
      ? this.#follow(deployment, certificate, ledger, signal)
      : this.#close(deployment, certificate, ledger, signal);
  }

  async #open(deployment: ServiceDeploymentRecord, signal: AbortSignal): Promise<number> {
    const { cache, clock } = this.#context;
    const { cluster, service, id, deploymentId, createdAt } = deployment;
    const groups = groupsOf(cache, cluster, service);
    const blank: DeploymentCertificateRecord = {
      cluster,
      service,
      id,
      deploymentId,
      status: OPEN,
      begunAt: createdAt,
      countedFrom: clock.now(),
      revisions: [],
      untaken: [],
      requests: 0,
      failed: 0,
      failedOtherwise: 0,
      failures: [],
      failuresLeftOut: 0,
      phases: [{ name: phaseOf(cache, deployment), from: clock.now(), waits: [] }],
      unknown: [],
      targetGroups: groups,
    };
    const ledger = new Ledger(blank);
    await this.#count(ledger, groups, signal);
    const runs = [...ledger.runs.values()];
    const base = runs.map(baseOf);
    const tooMany = base.reduce((sum, { targets }) => sum + targets.length, 0) > MOST_BASE;
    const record: DeploymentCertificateRecord = {
      ...blank,
      countedFrom: clock.now(),
      unknown: [
        ...(groups.length === 0 ? [] : this.#silentAtBegin(runs)),
        ...(tooMany
          ? [
              `More than ${MOST_BASE} targets were in use at the begin: what they had served by then is counted too.`,
            ]
          : []),
      ],
      draft: {
        base: tooMany ? base.map((each) => ({ ...each, targets: [] })) : base,
        settled: [],
        beforeLatency: base.reduce<readonly number[]>((sum, run) => added(sum, run.latency), []),
        failures: [],
      },
    };
    const parts = [cluster, service, id];
    await this.#write(
      parts,
      guardAbsent(collections.deploymentCertificates, ...parts),
      record,
      signal,
    );
    return clock.now() + LOOK_EVERY_MS;
  }

  #silentAtBegin(runs: readonly KnownRun[]): string[] {
    return this.#unasked(runs).map(
      (proxy) => `Proxy ${proxy} did not say at the begin what it had counted.`,
    );
  }

  /** Proxies with a session that have not just told all that they have counted. */
  #unasked(runs: readonly KnownRun[]): string[] {
    const complete = new Set(
      runs.filter(({ fresh, last }) => fresh || last).map(({ proxy }) => proxy),
    );
    return Array.from(
      this.#context.cache.list(collections.sessions, 'proxy'),
      ({ value }) => value.id,
    ).filter((proxy) => !complete.has(proxy));
  }

  async #follow(
    deployment: ServiceDeploymentRecord,
    certificate: Certificate,
    ledger: Ledger,
    signal: AbortSignal,
  ): Promise<number> {
    const { cache, clock } = this.#context;
    const { cluster, service } = deployment;
    const now = clock.now();
    if (now < ledger.lookAgainAt) return ledger.lookAgainAt;
    const { tasks } = this.#context.views.tasksOf(cluster, service);
    const every = Math.max(LOOK_EVERY_MS, Math.min(MOST_EVERY_MS, tasks.length * LOOK_MS_A_TASK));
    ledger.lookAgainAt = now + every;
    const phase = phaseOf(cache, deployment);
    const [last] = certificate.value.phases.slice(-1);
    const newPhase = last?.name !== phase;
    ledger.waitFor(waitOf(deployment, primaryOf(cache, deployment), tasks), now);
    const { targetGroups: groups } = certificate.value;
    const due = now - ledger.countedAt >= COUNT_EVERY_MS;
    if (groups.length > 0 && (due || newPhase)) await this.#count(ledger, groups, signal);
    const settled = ledger.settled();
    const known = certificate.value.draft?.settled ?? [];
    const late = lateRuns(certificate.value, ledger);
    if (newPhase || settled.length > known.length || late.length > 0) {
      const next = withPhase(
        withLate(certificate.value, late),
        newPhase ? phase : undefined,
        ledger,
        now,
      );
      const counted = certified(next, [...ledger.runs.values()], ledger.owners);
      const draft = next.draft && { ...next.draft, settled, failures: settledFailures(ledger) };
      await this.#write(
        certificate.parts,
        guardUnchanged(certificate),
        { ...counted, draft },
        signal,
      );
    }
    return clock.now() + every;
  }

  async #close(
    deployment: ServiceDeploymentRecord,
    certificate: Certificate,
    ledger: Ledger,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { clock } = this.#context;
    const { targetGroups: groups } = certificate.value;
    ledger.closingSince ??= clock.now();
    if (groups.length > 0) await this.#count(ledger, groups, signal);
    const runs = [...ledger.runs.values()];
    const unasked = groups.length > 0 ? this.#unasked(runs) : [];
    if (unasked.length > 0 && clock.now() - ledger.closingSince < CLOSE_WITHIN_MS) {
      return clock.now() + CLOSE_AGAIN_MS;
    }
    const endedAt = deployment.finishedAt ?? clock.now();
    const late = withLate(certificate.value, lateRuns(certificate.value, ledger));
    const ended = withPhase(late, undefined, ledger, endedAt);
    const counted = certified(ended, runs, ledger.owners);
    const unknown = [...ended.unknown, ...unknownAtEnd(ended, ledger, unasked)];
    const record: DeploymentCertificateRecord = {
      ...counted,
      status: deployment.status,
      rollbackDeploymentId: deployment.rollbackDeploymentId,
      endedAt,
      countedUntil: ledger.countedAt || endedAt,
      unknown: unknown.slice(0, MOST_UNKNOWN),
      draft: undefined,
    };
    await this.#write(certificate.parts, guardUnchanged(certificate), record, signal);
    this.#ledgers.delete(certificate.key);
    return undefined;
  }

  async #count(ledger: Ledger, groups: readonly string[], signal: AbortSignal): Promise<void> {
    const { cache, clock } = this.#context;
    if (groups.length === 0) return;
    const { proxies } = await this.#counts.collect(groups, signal);
    ledger.take(proxies, clock.now());
    for (const { value } of cache.list(collections.clusters)) ledger.noteOwners(cache, value.name);
  }

  /** What was refused has changed meanwhile: its change has put the key into the queue again. */
  async #write(
    parts: readonly string[],
    guard: ReturnType<typeof guardUnchanged>,
    record: DeploymentCertificateRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const put = putRecord(collections.deploymentCertificates, parts, record);
    const writes = packed([{ guards: [guard], puts: [put] }], [this.#context.leadership.guard]);
    await commitAll(this.#context, writes, signal);
  }
}

/** All that the service's tasks are or were registered in, by name. */
function groupsOf(state: State, cluster: string, service: string): string[] {
  const wanted = state.get(collections.services, cluster, service)?.value.loadBalancers ?? [];
  const deployments = state.get(collections.deployments, cluster, service)?.value.deployments ?? [];
  const balancers = [...wanted, ...deployments.flatMap(({ loadBalancers }) => loadBalancers)];
  const names = balancers.flatMap(({ targetGroupArn, advancedConfiguration }) => [
    nameOf(targetGroupArn),
    ...(advancedConfiguration ? [nameOf(advancedConfiguration.alternateTargetGroupArn)] : []),
  ]);
  return [...new Set(names)].sort();
}

function primaryOf(
  state: State,
  { cluster, service }: ServiceDeploymentRecord,
): DeploymentRecord | undefined {
  return state.get(collections.deployments, cluster, service)?.value.deployments[0];
}

function phaseOf(state: State, deployment: ServiceDeploymentRecord): string {
  const primary = primaryOf(state, deployment);
  if (primary?.shift) return primary.shift.stage;
  return primary?.rollbackOf === undefined ? 'ROLLING' : 'ROLLBACK';
}

/** @param next undefined: the last phase has ended */
function withPhase(
  certificate: DeploymentCertificateRecord,
  next: string | undefined,
  ledger: Ledger,
  now: number,
): DeploymentCertificateRecord {
  const phases: CertifiedPhase[] = [...certificate.phases];
  const last = phases.pop();
  if (last) phases.push({ ...last, to: now, waits: ledger.endPhase(now) });
  if (next !== undefined) phases.push({ name: next, from: now, waits: [] });
  return { ...certificate, phases };
}

function lateRuns(certificate: DeploymentCertificateRecord, ledger: Ledger): KnownRun[] {
  return [...ledger.runs.values()].filter((run) => lateBase(certificate, run) !== undefined);
}

function withLate(
  certificate: DeploymentCertificateRecord,
  runs: readonly KnownRun[],
): DeploymentCertificateRecord {
  const { draft } = certificate;
  if (runs.length === 0 || !draft) return certificate;
  return {
    ...certificate,
    unknown: [
      ...certificate.unknown,
      ...runs.map(
        ({ proxy, reportedAt }) =>
          `Proxy ${proxy} was first heard of at ${timeOf(reportedAt)}: what it had counted of older targets by then is left out.`,
      ),
    ],
    draft: {
      ...draft,
      base: [...draft.base, ...runs.flatMap((run) => lateBase(certificate, run) ?? [])],
    },
  };
}

/** A proxy that was started anew has ended before: it counts nothing any more. */
function succeeds(run: RunOfProxy, former: RunOfProxy): boolean {
  return run.proxy === former.proxy && run.startedAt > former.startedAt;
}

function unknownAtEnd(
  certificate: DeploymentCertificateRecord,
  ledger: Ledger,
  unasked: readonly string[],
): string[] {
  const runs = [...ledger.runs.values()];
  const begun = certificate.draft?.base ?? [];
  return [
    ...unasked.map((proxy) => `Proxy ${proxy} did not say at the end what it had counted.`),
    ...runs
      .filter(({ connected, last, proxy }) => !connected && !last && !unasked.includes(proxy))
      .filter((run) => !begun.some((base) => succeeds(base, run)))
      .map(
        ({ proxy, reportedAt }) =>
          `Proxy ${proxy} ended without a last word: what it counted after ${timeOf(reportedAt)} is not known.`,
      ),
    ...runs
      .filter(({ lostAt }) => lostAt !== undefined && lostAt >= certificate.countedFrom)
      .map(
        ({ proxy, lostAt = 0 }) =>
          `A worker of proxy ${proxy} ended at ${timeOf(lostAt)} without a last word: what it counted in its last moments is not known.`,
      ),
    ...begun
      .filter((base) => !ledger.runs.has(runKey(base)))
      .map(
        ({ proxy }) => `Nothing was heard of proxy ${proxy} after the begin, though it was there.`,
      ),
  ];
}

function settledFailures(ledger: Ledger): KnownRun['failures'] {
  return [...ledger.runs.values()]
    .filter(({ connected }) => !connected)
    .flatMap(({ failures }) => failures);
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
