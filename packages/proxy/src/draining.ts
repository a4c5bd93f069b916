// Lets targets go. From the swap that makes a target draining, nothing new is selected for it (see group.ts); here its idle
// connections are closed, its end is noticed, and what is left is cut when the deregistration delay is over.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { nextDrain } from '@berth/model/routing/drain.ts';
import type { GroupSettings } from '@berth/model/routing/group-settings.ts';

import type { Group } from './group.ts';
import type { Target } from './target.ts';

export interface DrainingOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is to be reported of the target has changed. */
  readonly onChange: (target: Target) => void;
}

type DrainSettings = Pick<GroupSettings, 'deregistrationDelayMs' | 'earlyDrain'>;

const AT_ONCE: DrainSettings = { deregistrationDelayMs: 0, earlyDrain: true };
const CUT = 'the deregistration delay is over';

export class Draining {
  readonly #options: DrainingOptions;
  readonly #stopping = new AbortController();

  constructor(options: DrainingOptions) {
    this.#options = options;
  }

  /** To be called after each swap, and when the last request on a draining target ends. */
  look(target: Target, settings: DrainSettings): void {
    const { clock, logger } = this.#options;
    const before = target.drain;
    const { draining, inFlight } = target;
    const now = clock.monotonic();
    const drain = nextDrain(before, {
      draining,
      inFlight,
      now,
      delayMs: settings.deregistrationDelayMs,
      early: settings.earlyDrain,
    });
    if (drain.phase === before.phase) return;
    target.drain = drain;
    target.since = clock.now();
    const { group, id } = target.record;
    logger.info(
      { group, target: id, inFlight, transition: `${before.phase}->${drain.phase}` },
      'target drains',
    );
    if (before.phase === 'registered') target.pool.closeIdle();
    if (drain.phase === 'draining') this.#await(target, drain.deadline).catch(() => undefined);
    if (drain.phase === 'drained' && drain.cut) {
      logger.warn(
        { group, target: id, inFlight },
        'requests cut: the deregistration delay is over',
      );
      target.pool.cut(CUT);
    }
    this.#options.onChange(target);
  }

  /** A target that has left the table: as draining, but nobody is told. */
  release(group: Group, target: Target): void {
    target.pool.closeIdle();
    target.pool.refuseWaiting();
    if (target.inFlight === 0) return;
    this.#cutLater(target, group.settings.deregistrationDelayMs).catch(() => undefined);
  }

  async #await(target: Target, deadline: number): Promise<void> {
    const { clock } = this.#options;
    // A timer may fire a moment before its time; nobody would look again.
    do await clock.sleep(deadline - clock.monotonic(), this.#stopping.signal);
    while (clock.monotonic() < deadline);
    if (!target.retired) this.look(target, AT_ONCE);
  }

  async #cutLater(target: Target, ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#stopping.signal);
    target.pool.cut(CUT);
  }

  stop(): void {
    this.#stopping.abort(new Error('the proxy stops'));
  }
}
