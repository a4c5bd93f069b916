// A sink that is a webhook: a POST for each event.
import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { EventRecord, EventSinkRecord } from '@berth/model/generated/messages.ts';
import type { Sealer } from '@berth/process/seal.ts';
import { version } from '@berth/process/version.ts';
import { collections, keyOf } from '@berth/store/keys.ts';

import { NotTaken, type Sender } from './sender.ts';

export interface WebhookSenderOptions {
  readonly sink: EventSinkRecord;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** The body of a request. */
  readonly textOf: (event: EventRecord) => string;
}

const CONTENT_TYPES = {
  cloudevents: 'application/cloudevents+json; charset=utf-8',
  eventbridge: 'application/json',
};
const REASON_LIMIT = 200;

export class WebhookSender implements Sender {
  readonly #options: WebhookSenderOptions;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  async send(event: EventRecord, signal: AbortSignal): Promise<void> {
    const { sink, clock, textOf } = this.#options;
    const { url = '', timeoutSeconds } = sink;
    const ending = new AbortController();
    try {
      const answer = await withDeadline(
        fetch(url, {
          method: 'POST',
          headers: this.#headers(),
          body: textOf(event),
          redirect: 'manual',
          signal: ending.signal,
        }),
        timeoutSeconds * 1_000,
        clock,
        signal,
        `POST ${url}`,
      );
      if (answer.ok) return;
      const wait = Number(answer.headers.get('retry-after') ?? NaN) * 1_000;
      throw new NotTaken(
        `POST ${url} was answered ${answer.status} ${answer.statusText}`
          .trim()
          .slice(0, REASON_LIMIT),
        Number.isFinite(wait) && wait >= 0 ? wait : undefined,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NotTaken || error instanceof BerthError) throw error;
      throw new NotTaken(`POST ${url} failed: ${causeOf(error)}`.slice(0, REASON_LIMIT));
    } finally {
      ending.abort();
    }
  }

  #headers(): Record<string, string> {
    const { sink, sealer } = this.#options;
    const key = keyOf(collections.eventSinks, sink.name);
    const own = sink.headers.map(({ name, sealedValue }) => [
      name,
      Buffer.from(sealer.open(sealedValue, key)).toString('latin1'),
    ]);
    return {
      'user-agent': `berth/${version}`,
      ...(Object.fromEntries(own) as Record<string, string>),
      'content-type': CONTENT_TYPES[sink.format],
    };
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** `fetch` says little itself. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
