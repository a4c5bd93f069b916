// Passive failure detection, in two ways. A target whose connections fail is passed over at once, for a short time, without waiting for the
// control plane or for its next check; a probe right away lets it back in if it was only a hiccup. A target that takes connections but
// fails one request after the other is ejected for longer each time, up to a share of its group. Neither takes the
// last target away (see model/routing/select.ts), and neither changes what is reported as health.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { afterFailure, afterSuccess, readmitted } from '@berth/model/routing/ejection.ts';

import type { Group } from './group.ts';
import type { Target } from './target.ts';

export interface PassiveOptions {
  readonly ejectMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Checks a target now, outside its schedule. @returns whether it answered as it should */
  readonly probe: (group: Group, target: Target, signal: AbortSignal) => Promise<boolean>;
  /** It has been found here that the target can't be reached, or can be again. */
  readonly onChange?: (target: Target) => void;
}

const NO_CROWD = { targets: 0, ejected: 0 };

export class PassiveHealth {
  readonly #options: PassiveOptions;
  readonly #stopping = new AbortController();
  readonly #probing = new Set<Target>();
  /** What ends the present passing over of each target that can't be reached. */
  readonly #unreachable = new Map<Target, AbortController>();

  constructor(options: PassiveOptions) {
    this.#options = options;
  }

  /** A target has answered. On the path of every request. */
  answered(group: Group, target: Target, status: number): void {
    target.answers.add(status >= 500);
    if (status >= 502 && status <= 504) this.#gatewayFailed(group, target);
    else if (target.outlier.failures > 0) target.outlier = afterSuccess(target.outlier);
  }

  /** A request has been lost on a target: no connection, no answer, or none in time. */
  failed(group: Group, target: Target): void {
    target.answers.add(true);
    this.#gatewayFailed(group, target);
  }

  #gatewayFailed(group: Group, target: Target): void {
    if (target.retired || target.draining || this.#stopping.signal.aborted) return;
    const { ejection } = group.settings;
    const before = target.outlier;
    const may = before.failures + 1 >= ejection.consecutiveFailures;
    const now = this.#options.clock.monotonic();
    target.outlier = afterFailure(before, ejection, may ? group.crowd : NO_CROWD, now);
    const until = target.outlier.ejectedUntil;
    if (until === undefined || before.ejectedUntil !== undefined) return;
    group.refresh();
    group.meter.ejected();
    this.#options.logger.warn(
      { group: group.name, target: target.record.id, ms: until - now },
      'target ejected: one failure after the other',
    );
    this.#readmitAt(group, target, until).catch(() => undefined);
  }

  async #readmitAt(group: Group, target: Target, until: number): Promise<void> {
    const { clock } = this.#options;
    // A timer may fire a moment before its time.
    do await clock.sleep(until - clock.monotonic(), this.#stopping.signal);
    while (clock.monotonic() < until);
    target.outlier = readmitted(target.outlier);
    if (!target.retired) group.refresh();
  }

  /** No connection to it can be had, or a new one broke before any answer. */
  connectionFailed(group: Group, target: Target): void {
    if (!this.#passOver(group, target)) return;
    group.meter.ejected();
    this.#options.logger.warn({ group: group.name, target: target.record.id }, 'target ejected');
    this.#options.onChange?.(target);
    this.doubt(group, target);
  }

  /** What somebody else has found of the target's connections. */
  hear(group: Group, target: Target, unreachable: boolean): void {
    if (unreachable) this.#passOver(group, target);
    else this.#takeBack(group, target);
  }

  /** @returns false when nothing changes */
  #passOver(group: Group, target: Target): boolean {
    if (target.unreachable || target.retired || target.draining || this.#stopping.signal.aborted) {
      return false;
    }
    target.unreachable = true;
    group.refresh();
    const ended = new AbortController();
    this.#unreachable.set(target, ended);
    this.#expire(group, target, ended.signal).catch(() => undefined);
    return true;
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
    else if (!target.unreachable && !target.retired) this.connectionFailed(group, target);
  }

  async #expire(group: Group, target: Target, ended: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(this.#options.ejectMs, ended);
    this.#readmit(group, target);
  }

  #readmit(group: Group, target: Target): void {
    if (this.#takeBack(group, target)) this.#options.onChange?.(target);
  }

  /** @returns false when nothing changes */
  #takeBack(group: Group, target: Target): boolean {
    this.#unreachable.get(target)?.abort();
    this.#unreachable.delete(target);
    if (!target.unreachable || target.retired) return false;
    target.unreachable = false;
    group.refresh();
    return true;
  }

  stop(): void {
    this.#stopping.abort(new Error('the proxy stops'));
    for (const ended of this.#unreachable.values()) ended.abort();
    this.#unreachable.clear();
  }
}
