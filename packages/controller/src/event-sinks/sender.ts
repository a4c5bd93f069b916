// How one sink takes an event: a request to a webhook, or a line in a file of this machine.
import type { Clock } from '@berth/control/clock.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import { cloudEvent, eventBridgeEvent } from '@berth/model/events/envelope.ts';
import type { EventRecord, EventSinkRecord } from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Sealer } from '@berth/process/seal.ts';
import { version } from '@berth/process/version.ts';
import { collections, keyOf } from '@berth/store/keys.ts';

import { FileSender } from './file-sender.ts';

export interface Sender {
  /** @throws Error that says why it was not taken; `retryAfterMs` where the receiver said when to come again */
  send(event: EventRecord, signal: AbortSignal): Promise<void>;
  /** What was sent is safe. @throws Error */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface SenderOptions {
  readonly sink: EventSinkRecord;
  readonly realm: Realm;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Undefined: this machine keeps no files of events. */
  readonly eventDirectory: string | undefined;
  /** How large such a file gets; default: 64 MiB. */
  readonly eventFileBytes?: number | undefined;
}

export class NotTaken extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

const CONTENT_TYPES = {
  cloudevents: 'application/cloudevents+json; charset=utf-8',
  eventbridge: 'application/json',
};
const REASON_LIMIT = 200;

export function senderOf(options: SenderOptions): Sender {
  return options.sink.kind === 'file'
    ? new FileSender({ ...options, textOf: (event) => textOf(event, options) })
    : new WebhookSender(options);
}

function textOf(event: EventRecord, { sink, realm }: SenderOptions): string {
  const made = sink.format === 'eventbridge' ? eventBridgeEvent : cloudEvent;
  return JSON.stringify(made(event, realm));
}

class WebhookSender implements Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  async send(event: EventRecord, signal: AbortSignal): Promise<void> {
    const { sink, clock } = this.#options;
    const { url = '', timeoutSeconds } = sink;
    const ending = new AbortController();
    try {
      const answer = await withDeadline(
        fetch(url, {
          method: 'POST',
          headers: this.#headers(),
          body: textOf(event, this.#options),
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
