// Follows the engine: its events for speed, its whole list for truth. Says whether it can be reached; that
// it can't be never means that a task has died. Source: pitfalls D9, D10, D19.
import { backoffDelay } from '@berth/control/backoff.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope } from '@berth/control/scope.ts';
import { messageChain } from '@berth/model/errors.ts';

import type { Labels } from './labels.ts';
import type { ContainerSummary, Runtime, RuntimeEvent } from './runtime/runtime.ts';

export interface EngineWatchOptions {
  readonly runtime: Runtime;
  readonly labels: Labels;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onEvent: (event: RuntimeEvent) => void;
  readonly onList: (summaries: readonly ContainerSummary[]) => void;
}

const LIST_EVERY_MS = 20_000;
const LIST_AGAIN_MS = 2_000;
/** So many lists in a row without an answer make a hung engine. */
const MAX_SILENCE = 2;
/** An event just before the break may have been lost. */
const OVERLAP_MS = 1_000;
const BACKOFF = { initialMs: 200, maxMs: 5_000 };

export class EngineWatch {
  readonly #options: EngineWatchOptions;
  #trouble: string | undefined;
  #listFailures = 0;
  #lastEventAt: number | undefined;

  constructor(options: EngineWatchOptions) {
    this.#options = options;
  }

  /** Why the engine is of no use at the moment; undefined while it answers. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Until the signal is aborted. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow(signal), this.#listRegularly(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, random, logger, runtime } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      try {
        if (failures > 0) await runtime.describe(signal); // it may be another version by now
        await this.#events(signal, () => {
          failures = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#trouble = messageChain(error);
        logger.warn({ err: error }, 'the event stream of the container engine broke');
      }
      failures += 1;
      await clock.sleep(backoffDelay(BACKOFF, failures, random), signal).catch(() => undefined);
    }
  }

  async #events(signal: AbortSignal, onOpen: () => void): Promise<void> {
    const { runtime, labels, clock, logger } = this.#options;
    const scope = childScope(signal);
    const since = this.#lastEventAt === undefined ? undefined : this.#lastEventAt - OVERLAP_MS;
    let listing: Promise<void> = Promise.resolve();
    const opened = (): void => {
      onOpen();
      if (this.#trouble !== undefined) logger.info({}, 'the container engine answers again');
      this.#lastEventAt = clock.now();
      listing = this.#list(scope.signal);
    };
    try {
      for await (const event of runtime.events(labels, since, opened, scope.signal)) {
        this.#lastEventAt = clock.now();
        this.#options.onEvent(event);
      }
    } finally {
      scope.abort(new Error('the event stream has ended'));
      await listing;
    }
  }

  async #listRegularly(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pause = this.#listFailures > 0 ? LIST_AGAIN_MS : LIST_EVERY_MS;
      await this.#options.clock.sleep(pause, signal).catch(() => undefined);
      if (!signal.aborted) await this.#list(signal);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { runtime, labels, logger, onList } = this.#options;
    try {
      const summaries = await runtime.list(labels, signal);
      this.#listFailures = 0;
      this.#trouble = undefined;
      onList(summaries);
    } catch (error) {
      if (signal.aborted) return;
      this.#listFailures += 1;
      logger.warn({ err: error, failures: this.#listFailures }, 'containers could not be listed');
      if (this.#listFailures >= MAX_SILENCE) {
        this.#trouble = `No list of containers: ${messageChain(error)}`;
      }
    }
  }
}
