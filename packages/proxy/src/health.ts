// Active health checks: a loop a target, from the moment that it is in the table. The first check is made at once, later ones
// at the group's interval give or take a tenth; no more than a bounded number at the same time. A new target that does not
// answer yet is looked at in between, so that it serves as soon as it can; only checks on schedule count against it.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { Semaphore } from '@berth/control/semaphore.ts';
import type { CheckSettings } from '@berth/model/routing/group-settings.ts';
import {
  CHECKING,
  NOT_IN_USE,
  type ProbeOutcome,
  REGISTERING,
  type TargetHealth,
  causeOfHealth,
  nextHealth,
  probeSucceeded,
  sameReport,
} from '@berth/model/routing/target-health.ts';

import type { Group } from './group.ts';
import { probe } from './probe.ts';
import type { Target } from './target.ts';

export interface HealthOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly concurrency: number;
  /** Default: over the network. */
  readonly probe?: typeof probe | undefined;
  /** What is to be reported of the target has changed. */
  readonly onChange: (target: Target) => void;
}

interface Watch {
  readonly check: CheckSettings;
  readonly inUse: boolean;
  readonly stopping: AbortController;
}

const JITTER = 0.1;
/** The first look in between; the next ones come after twice the time of the one before. */
const FIRST_LOOK_MS = 50;

export class HealthChecks {
  readonly #options: HealthOptions;
  readonly #watches = new Map<Target, Watch>();
  readonly #slots: Semaphore;
  readonly #probe: typeof probe;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#probe = options.probe ?? probe;
    this.#slots = new Semaphore(options.concurrency);
  }

  /** Starts, restarts and ends loops so that they fit the groups as they are now. */
  apply(groups: Iterable<Group>): void {
    const wanted = new Set<Target>();
    for (const group of groups) {
      for (const target of group.targets.values()) {
        if (target.draining) continue;
        wanted.add(target);
        const watch = this.#watches.get(target);
        if (watch && sameCheck(watch.check, group.settings.check) && watch.inUse === group.inUse) {
          continue;
        }
        watch?.stopping.abort();
        this.#start(group, target, watch);
      }
    }
    for (const [target, watch] of this.#watches) {
      if (wanted.has(target)) continue;
      watch.stopping.abort();
      this.#watches.delete(target);
    }
  }

  #start(group: Group, target: Target, previous: Watch | undefined): void {
    const { check } = group.settings;
    const stopping = new AbortController();
    this.#watches.set(target, { check, inUse: group.inUse, stopping });
    if (!group.inUse) {
      this.#set(group, target, NOT_IN_USE);
      return;
    }
    if (previous?.inUse !== true) {
      this.#set(group, target, REGISTERING);
      this.#options.onChange(target);
    }
    this.#run(group, target, check, stopping.signal).catch((error: unknown) => {
      if (stopping.signal.aborted) return;
      this.#options.logger.error({ group: group.name, err: error }, 'health checks ended');
    });
  }

  async #run(
    group: Group,
    target: Target,
    check: CheckSettings,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, random } = this.#options;
    let due = clock.monotonic();
    let lookMs = FIRST_LOOK_MS;
    for (;;) {
      const outcome = await this.#slots.run(signal, () => {
        if (target.health === REGISTERING) this.#set(group, target, CHECKING);
        return this.#probe(target.record, check, signal);
      });
      signal.throwIfAborted();
      const now = clock.monotonic();
      if (now >= due || probeSucceeded(outcome, check)) {
        // What fails for want of files here says nothing about a target that was well.
        if (outcome.kind !== 'internal' || !target.healthy) {
          this.#set(group, target, nextHealth(target.health, outcome, check), outcome);
        }
        due = now + check.intervalMs * (1 + JITTER * (2 * random() - 1));
      }
      if (target.health.state === 'initial') {
        await clock.sleep(Math.min(lookMs, due - now), signal);
        lookMs *= 2;
      } else await clock.sleep(due - now, signal);
    }
  }

  /** A check outside the schedule, which changes nothing. */
  async look(group: Group, target: Target, signal: AbortSignal): Promise<boolean> {
    const { check } = group.settings;
    const outcome = await this.#slots.run(signal, () => this.#probe(target.record, check, signal));
    return probeSucceeded(outcome, check);
  }

  #set(group: Group, target: Target, health: TargetHealth, outcome?: ProbeOutcome): void {
    const before = target.health;
    target.health = health;
    if (sameReport(before, health)) return;
    target.since = this.#options.clock.now();
    if (before.state !== health.state) {
      group.refresh();
      this.#log(group, target, `${before.state}->${health.state}`, outcome);
    }
    this.#options.onChange(target);
  }

  #log(group: Group, target: Target, transition: string, outcome: ProbeOutcome | undefined): void {
    const { id, address, port } = target.record;
    this.#options.logger.info(
      {
        group: group.name,
        target: id,
        address: `${address}:${port}`,
        transition,
        reason: causeOfHealth(target.health)?.reason,
        outcome,
      },
      'target health changed',
    );
  }

  /** True when every target that is checked has had its first answer. */
  get settled(): boolean {
    return [...this.#watches].every(
      ([target, { inUse }]) =>
        !inUse || (target.health !== REGISTERING && target.health !== CHECKING),
    );
  }

  stop(): void {
    for (const { stopping } of this.#watches.values()) stopping.abort();
    this.#watches.clear();
  }
}

/** Settings that are read again from an equal record are no reason to begin anew. */
function sameCheck(a: CheckSettings, b: CheckSettings): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
