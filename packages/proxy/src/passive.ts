// Passive failure detection: a target whose connections fail is passed over at once, for a short time, without waiting for the
// control plane or for its next check. A probe right away lets it back in if it was only a hiccup. It never
// takes the last target away (see model/routing/select.ts), and it never changes what is reported as health.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';

import type { Group } from './group.ts';
import type { Target } from './target.ts';

export interface PassiveOptions {
  readonly ejectMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Checks a target now, outside its schedule. @returns whether it answered as it should */
  readonly probe: (group: Group, target: Target, signal: AbortSignal) => Promise<boolean>;
}

export class PassiveHealth {
  readonly #options: PassiveOptions;
  readonly #stopping = new AbortController();
  readonly #probing = new Set<Target>();
  /** What ends the present ejection of each target. */
  readonly #ejections = new Map<Target, AbortController>();

  constructor(options: PassiveOptions) {
    this.#options = options;
  }

  /** No connection to it can be had, or a new one broke before any answer. */
  connectionFailed(group: Group, target: Target): void {
    if (target.ejected || target.retired || target.draining || this.#stopping.signal.aborted)
      return;
    target.ejected = true;
    group.refresh();
    group.meter.ejected();
    this.#options.logger.warn({ group: group.name, target: target.record.id }, 'target ejected');
    const ended = new AbortController();
    this.#ejections.set(target, ended);
    this.#expire(group, target, ended.signal).catch(() => undefined);
    this.doubt(group, target);
  }

  /** Something about it is odd: have a look, and let it back in if all is well. */
  doubt(group: Group, target: Target): void {
    if (this.#probing.has(target) || this.#stopping.signal.aborted) return;
    this.#probing.add(target);
    this.#probe(group, target)
      .catch(() => undefined)
      .finally(() => this.#probing.delete(target));
  }

  async #probe(group: Group, target: Target): Promise<void> {
    const well = await this.#options.probe(group, target, this.#stopping.signal);
    if (well) this.#readmit(group, target);
    else if (!target.ejected && !target.retired) this.connectionFailed(group, target);
  }

  async #expire(group: Group, target: Target, ended: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(this.#options.ejectMs, ended);
    this.#readmit(group, target);
  }

  #readmit(group: Group, target: Target): void {
    this.#ejections.get(target)?.abort();
    this.#ejections.delete(target);
    if (!target.ejected || target.retired) return;
    target.ejected = false;
    group.refresh();
  }

  stop(): void {
    this.#stopping.abort(new Error('the proxy stops'));
    for (const ended of this.#ejections.values()) ended.abort();
    this.#ejections.clear();
  }
}
