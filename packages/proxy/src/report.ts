// What the proxy tells the api: the health of targets, the revision that it routes by, and traffic. Nothing is queued: what has changed
// is remembered, and a message is made of the state at the moment when it is sent.
import type {
  ProxyMessage,
  TargetHealthRecord,
  TrafficReport,
} from '@berth/model/generated/messages.ts';
import { DEREGISTERING, causeOfHealth } from '@berth/model/routing/target-health.ts';

import type { ReportSource } from './core.ts';
import type { Target } from './target.ts';

/** In one message; what is left follows in the next. */
const TARGETS_A_MESSAGE = 500;
const COUNTS_A_MESSAGE = 500;

export class Reports {
  readonly #proxyId: string;
  readonly #source: () => ReportSource;
  readonly #changed = new Set<Target>();
  #reportedRevision = 0;
  #reportedTraffic = '';
  #trafficDue = false;
  /** What the api knows of single targets. */
  #counted = { mark: 0, failure: 0 };
  /** An order to report that is to be answered. */
  #order: number | undefined;
  #last: 'no' | 'due' | 'said' = 'no';

  constructor(proxyId: string, source: () => ReportSource) {
    this.#proxyId = proxyId;
    this.#source = source;
  }

  targetChanged(target: Target): void {
    this.#changed.add(target);
  }

  /** Traffic may be reported again. @returns true when it has changed since it was last */
  trafficIsDue(): boolean {
    this.#trafficDue = JSON.stringify(this.#source().traffic()) !== this.#reportedTraffic;
    return this.#trafficDue;
  }

  /** Answer an order to report, once everything that has ended is counted. @throws Error when that can't be had */
  async order(number: number): Promise<void> {
    await this.#source().settleCounts();
    this.#order = number;
    this.#trafficDue = true;
  }

  /** The proxy has stopped: one more report, and it says so. */
  finish(): void {
    if (this.#last === 'no') this.#last = 'due';
    this.#trafficDue = true;
  }

  /** The last report has been made. */
  get finished(): boolean {
    return this.#last === 'said';
  }

  /** A new session: the api knows nothing. */
  startOver(): void {
    this.#reportedRevision = 0;
    this.#reportedTraffic = '';
    this.#counted = { mark: 0, failure: 0 };
    this.#order = undefined;
    if (this.#last === 'said') this.#last = 'due';
    for (const target of this.#source().targets()) this.#changed.add(target);
  }

  get pending(): boolean {
    return (
      this.#sayable() ||
      this.#trafficDue ||
      this.#source().appliedRevision !== this.#reportedRevision
    );
  }

  #sayable(): boolean {
    for (const target of this.#changed) {
      if (target.retired || this.#source().isRouted(target)) return true;
    }
    return false;
  }

  /** All that is new, or as much of it as fits a message. */
  next(): Partial<ProxyMessage> {
    const revision = this.#source().appliedRevision;
    const targets: TargetHealthRecord[] = [];
    for (const target of this.#changed) {
      if (targets.length >= TARGETS_A_MESSAGE) break;
      if (!target.retired && !this.#source().isRouted(target)) continue;
      this.#changed.delete(target);
      if (!target.retired) targets.push(healthRecord(target, this.#proxyId, revision));
    }
    const newRevision = revision !== this.#reportedRevision;
    this.#reportedRevision = revision;
    const traffic = this.#trafficDue ? this.#traffic() : undefined;
    return {
      ...(newRevision ? { appliedRevision: revision } : {}),
      ...(targets.length > 0 ? { health: { targets } } : {}),
      ...(traffic === undefined ? {} : { traffic }),
    };
  }

  /** As much as fits a message; an order is answered, and the end is said, with the last of it. */
  #traffic(): TrafficReport {
    const source = this.#source();
    const groups = source.traffic();
    this.#reportedTraffic = JSON.stringify(groups);
    const { counts, mark, more } = source.counts.countsAfter(this.#counted.mark, COUNTS_A_MESSAGE);
    const failures = source.counts.failuresAfter(this.#counted.failure);
    this.#counted = { mark, failure: failures.at(-1)?.number ?? this.#counted.failure };
    this.#trafficDue = more;
    const order = more ? undefined : this.#order;
    if (!more) this.#order = undefined;
    const last = !more && this.#last === 'due';
    if (last) this.#last = 'said';
    return { groups, targets: counts, failures, order, last, lostAt: source.countsLostAt };
  }
}

/** @param revision the routing revision in use */
function healthRecord(target: Target, proxy: string, revision: number): TargetHealthRecord {
  const { phase } = target.drain;
  const cause = phase === 'registered' ? causeOfHealth(target.health) : DEREGISTERING;
  return {
    group: target.record.group,
    target: target.record.id,
    proxy,
    state: phase === 'registered' ? target.health.state : phase,
    reason: cause?.reason,
    description: cause?.description,
    anomaly: target.anomalous ? 'anomalous' : undefined,
    mitigationInEffect: target.weight < 1 ? true : undefined,
    routingRevision: revision,
    since: target.since,
  };
}
