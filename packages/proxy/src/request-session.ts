// The stream over which the control plane asks about single requests. It stands beside the session and breaks without harm: then it is opened again.
import { backoffDelay } from '@berth/control/backoff.ts';
import { Channel } from '@berth/control/channel.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope } from '@berth/control/scope.ts';
import type { RequestAnswer } from '@berth/model/generated/messages.ts';
import type { Client } from '@berth/rpc/api.ts';

import type { RequestTeller } from './core.ts';

export interface RequestSessionOptions {
  readonly client: Pick<Client<'Proxies'>, 'Requests'>;
  readonly teller: RequestTeller;
  /** The session stands. */
  readonly up: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Answers that may wait for a slow connection. */
const MOST_ANSWERS = 200;
/** Kept free for the answers that end an order. */
const RESERVE = 20;
const LOOK_MS = 200;
const BACKOFF = { initialMs: 500, maxMs: 10_000 };

export class RequestSession {
  readonly #options: RequestSessionOptions;

  constructor(options: RequestSessionOptions) {
    this.#options = options;
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger, up } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      while (!up()) await clock.sleep(LOOK_MS, signal);
      const began = clock.monotonic();
      await this.#answer(signal).catch((err: unknown) => {
        if (!signal.aborted) logger.debug({ err }, 'the stream for questions about requests broke');
      });
      failures = clock.monotonic() - began > BACKOFF.maxMs ? 1 : failures + 1;
      await clock.sleep(backoffDelay(BACKOFF, failures, random), signal);
    }
  }

  async #answer(signal: AbortSignal): Promise<void> {
    const { client, teller } = this.#options;
    const scope = childScope(signal);
    const answers = new Channel<RequestAnswer>(MOST_ANSWERS);
    teller.onAnswer = (answer) =>
      (answer.done || answers.size < MOST_ANSWERS - RESERVE) && answers.offer(answer);
    try {
      for await (const order of client.Requests(answers, { signal: scope.signal })) {
        teller.take(order);
      }
    } finally {
      scope.abort(new Error('the stream is over'));
      answers.close();
      teller.onAnswer = () => false;
      teller.stopTelling();
    }
  }
}
