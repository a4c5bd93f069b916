// What the proxies that are or were connected to this replica have counted of single targets, by their runs. What a proxy has counted
// outlives its session for a while, so that whoever adds it up need not be there when a proxy ends.
import type { Clock } from '@berth/control/clock.ts';
import { runKey } from '@berth/model/deployment/certificate.ts';
import { countsKey, newer } from '@berth/model/deployment/target-counts.ts';
import type {
  FailedRequest,
  ProxyCounts,
  TargetCounts,
  TrafficReport,
} from '@berth/model/generated/messages.ts';

/** Of one run of a proxy. */
export interface Run {
  readonly proxy: string;
  readonly startedAt: number;
  readonly targets: Map<string, TargetCounts>;
  failures: FailedRequest[];
  reportedAt: number;
  /** Sessions of it that stand here: the next may begin before the one before it has ended. */
  sessions: number;
  endedAt: number | undefined;
  last: boolean;
  lostAt: number | undefined;
}

/** Beyond these, those that were told first are forgotten. */
const MOST_TARGETS = 20_000;
const MOST_FAILURES = 500;
const MOST_RUNS = 200;
const ENDED_KEPT_MS = 15 * 60_000;

export class CountsBook {
  readonly #clock: Clock;
  readonly #runs = new Map<string, Run>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A session of a proxy begins. */
  begin(proxy: string, startedAt: number): Run {
    this.#forget();
    const key = runKey({ proxy, startedAt });
    let run = this.#runs.get(key);
    if (!run) {
      run = {
        proxy,
        startedAt,
        targets: new Map(),
        failures: [],
        reportedAt: this.#clock.now(),
        sessions: 0,
        endedAt: undefined,
        last: false,
        lostAt: undefined,
      };
      this.#runs.set(key, run);
    }
    run.sessions += 1;
    run.endedAt = undefined;
    return run;
  }

  take(run: Run, { targets, failures, last, lostAt }: TrafficReport): void {
    run.reportedAt = this.#clock.now();
    run.last ||= last;
    run.lostAt = lostAt ?? run.lostAt;
    for (const counts of targets) {
      const key = countsKey(counts);
      const known = run.targets.get(key);
      if (!known && run.targets.size >= MOST_TARGETS) {
        const [oldest = ''] = run.targets.keys();
        run.targets.delete(oldest);
      }
      run.targets.set(key, newer(known, counts));
    }
    const known = new Set(run.failures.map(({ number }) => number));
    run.failures = [
      ...run.failures,
      ...failures
        .filter(({ number }) => !known.has(number))
        .map((failure) => ({ ...failure, proxy: run.proxy })),
    ].slice(-MOST_FAILURES);
  }

  end(run: Run): void {
    run.sessions -= 1;
    if (run.sessions === 0) run.endedAt = this.#clock.now();
  }

  /** @param fresh runs that have just answered */
  of(groups: ReadonlySet<string>, fresh: ReadonlySet<Run>): ProxyCounts[] {
    this.#forget();
    return Array.from(this.#runs.values(), (run) => ({
      proxy: run.proxy,
      startedAt: run.startedAt,
      connected: run.sessions > 0,
      fresh: fresh.has(run),
      last: run.last,
      lostAt: run.lostAt,
      reportedAt: run.reportedAt,
      targets: [...run.targets.values()].filter(({ group }) => groups.has(group)),
      failures: run.failures.filter(({ group }) => groups.has(group)),
    }));
  }

  #forget(): void {
    const now = this.#clock.now();
    for (const [key, { endedAt }] of this.#runs) {
      if (endedAt === undefined) continue;
      if (now - endedAt >= ENDED_KEPT_MS || this.#runs.size > MOST_RUNS) this.#runs.delete(key);
    }
  }
}
