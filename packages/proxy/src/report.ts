// What the proxy tells the api: the health of targets, the revision that it routes by, and traffic. Nothing is queued: what has changed
// is remembered, and a message is made of the state at the moment when it is sent.
import type {
  GroupTraffic,
  ProxyMessage,
  TargetHealthRecord,
} from '@berth/model/generated/messages.ts';
import { DEREGISTERING, causeOfHealth } from '@berth/model/routing/target-health.ts';

import type { ReportSource } from './core.ts';
import type { Target } from './target.ts';

/** In one message; what is left follows in the next. */
const TARGETS_A_MESSAGE = 500;

export class Reports {
  readonly #proxyId: string;
  readonly #source: () => ReportSource;
  readonly #changed = new Set<Target>();
  #reportedRevision = 0;
  #reportedTraffic = '';
  #trafficDue = false;

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

  /** A new session: the api knows nothing. */
  startOver(): void {
    this.#reportedRevision = 0;
    this.#reportedTraffic = '';
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
    let traffic: readonly GroupTraffic[] | undefined;
    if (this.#trafficDue) {
      this.#trafficDue = false;
      traffic = this.#source().traffic();
      this.#reportedTraffic = JSON.stringify(traffic);
    }
    return {
      ...(newRevision ? { appliedRevision: revision } : {}),
      ...(targets.length > 0 ? { health: { targets } } : {}),
      ...(traffic === undefined ? {} : { traffic: { groups: traffic } }),
    };
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
