// What this term knows of one deployment besides its certificate: the newest totals of each run of a proxy, whose the tasks are, and
// what was waited for how long in the present phase.
import type { RunCounts, TaskOwner } from '@berth/model/deployment/certificate.ts';
import { runKey } from '@berth/model/deployment/certificate.ts';
import { countsKey, newer } from '@berth/model/deployment/target-counts.ts';
import type {
  CertifiedWait,
  CountedProxy,
  DeploymentCertificateRecord,
  FailedRequest,
  ProxyCounts,
  TargetCounts,
} from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export interface KnownRun extends RunCounts {
  readonly targets: Map<string, TargetCounts>;
  failures: readonly FailedRequest[];
  connected: boolean;
  fresh: boolean;
  last: boolean;
  reportedAt: number;
  lostAt: number | undefined;
}

export class Ledger {
  readonly runs = new Map<string, KnownRun>();
  readonly owners = new Map<string, TaskOwner>();
  /** Wall times. */
  countedAt = 0;
  lookAgainAt = 0;
  closingSince: number | undefined;
  #waiting: { readonly what: string; readonly since: number } | undefined;
  readonly #waits = new Map<string, number>();

  /** @param certificate what an earlier term has left */
  constructor(certificate: DeploymentCertificateRecord) {
    for (const { deploymentId, taskDefinition, targets } of certificate.revisions) {
      for (const { taskId } of targets) this.owners.set(taskId, { deploymentId, taskDefinition });
    }
    for (const { proxy, startedAt, targets } of certificate.draft?.settled ?? []) {
      const run = this.#run(proxy, startedAt);
      for (const counts of targets) run.targets.set(countsKey(counts), counts);
      run.failures = (certificate.draft?.failures ?? []).filter(
        (failure) => failure.proxy === proxy,
      );
      run.last = true;
    }
  }

  #run(proxy: string, startedAt: number): KnownRun {
    const key = runKey({ proxy, startedAt });
    let run = this.runs.get(key);
    if (!run) {
      run = {
        proxy,
        startedAt,
        targets: new Map(),
        failures: [],
        connected: false,
        fresh: false,
        last: false,
        reportedAt: 0,
        lostAt: undefined,
      };
      this.runs.set(key, run);
    }
    return run;
  }

  /** Several replicas may know of the same run; totals only grow, so the greatest is the newest. */
  take(proxies: readonly ProxyCounts[], now: number): void {
    this.countedAt = now;
    for (const run of this.runs.values()) run.connected = run.fresh = false;
    for (const told of proxies) {
      const run = this.#run(told.proxy, told.startedAt);
      run.connected ||= told.connected;
      run.fresh ||= told.fresh;
      run.last ||= told.last;
      run.reportedAt = Math.max(run.reportedAt, told.reportedAt);
      run.lostAt = told.lostAt ?? run.lostAt;
      for (const counts of told.targets) {
        const key = countsKey(counts);
        run.targets.set(key, newer(run.targets.get(key), counts));
      }
      if ((told.failures.at(-1)?.number ?? 0) >= (run.failures.at(-1)?.number ?? 0)) {
        run.failures = told.failures;
      }
    }
  }

  /** Tasks whose records are still there. */
  noteOwners(state: State, cluster: string): void {
    for (const { targets } of this.runs.values()) {
      for (const { taskId } of targets.values()) {
        const task =
          taskId === '' ? undefined : state.get(collections.tasks, cluster, taskId)?.value;
        if (!task) continue;
        const { owner, taskDefinition } = task;
        this.owners.set(taskId, { deploymentId: owner, taskDefinition });
      }
    }
  }

  /** Runs that will not be asked again: a later term finds them nowhere but here. */
  settled(): CountedProxy[] {
    return [...this.runs.values()]
      .filter(({ connected }) => !connected)
      .map(({ proxy, startedAt, targets }) => ({
        proxy,
        startedAt,
        targets: [...targets.values()],
        latency: [],
      }));
  }

  /** It is waited for this now. */
  waitFor(what: string | undefined, now: number): void {
    const before = this.#waiting;
    if (before) {
      const waited = (this.#waits.get(before.what) ?? 0) + now - before.since;
      this.#waits.set(before.what, waited);
    }
    this.#waiting = what === undefined ? undefined : { what, since: now };
  }

  /** The waits of the phase that ends now, the longest first. */
  endPhase(now: number): CertifiedWait[] {
    this.waitFor(this.#waiting?.what, now);
    const waits = Array.from(this.#waits, ([waitsFor, milliseconds]) => ({
      waitsFor,
      milliseconds,
    })).filter(({ milliseconds }) => milliseconds > 0);
    this.#waits.clear();
    return waits.sort((a, b) => b.milliseconds - a.milliseconds);
  }
}
