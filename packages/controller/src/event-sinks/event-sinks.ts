// The sinks of one term: each gets its events by itself, so that one that is slow or away keeps no other waiting.
import { childScope, type Scope } from '@berth/control/scope.ts';
import { cloudEvent, eventBridgeEvent } from '@berth/model/events/envelope.ts';
import type { EventRecord, EventSinkRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Stored } from '@berth/store/state.ts';

import type { TermContext } from '../context.ts';
import { Delivery } from './delivery.ts';
import { FileSender } from './file-sender.ts';
import type { Sender } from './sender.ts';
import { WebhookSender } from './webhook-sender.ts';

interface Running {
  readonly createRevision: number;
  readonly delivery: Delivery;
  readonly scope: Scope;
  readonly ended: Promise<void>;
}

export class EventSinks {
  readonly #context: TermContext;
  readonly #running = new Map<string, Running>();

  constructor(context: TermContext) {
    this.#context = context;
  }

  /** Until the signal is aborted and all is at rest. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { cache } = this.#context;
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#look(signal);
    const unsubscribe = cache.subscribe(({ changes }) => {
      const sinks = changes.some(({ collection }) => collection === 'eventSinks');
      if (sinks) this.#look(signal);
      else if (changes.some(({ collection }) => collection === 'events')) this.#wake();
    });
    await ended;
    unsubscribe();
    await Promise.all(Array.from(this.#running.values(), (running) => running.ended));
  }

  #wake(): void {
    for (const { value } of this.#context.cache.list(collections.eventSinks)) {
      this.#running.get(value.name)?.delivery.wake(value.redrives);
    }
  }

  #look(signal: AbortSignal): void {
    const sinks = new Map(
      Array.from(this.#context.cache.list(collections.eventSinks), (sink) => [
        sink.value.name,
        sink,
      ]),
    );
    for (const [name, { scope, createRevision }] of this.#running) {
      if (sinks.get(name)?.createRevision === createRevision) continue;
      scope.abort();
      this.#running.delete(name);
    }
    for (const sink of sinks.values()) this.#start(sink, signal);
    this.#wake();
  }

  #start(sink: Stored<EventSinkRecord>, signal: AbortSignal): void {
    const { name } = sink.value;
    if (this.#running.has(name) || signal.aborted) return;
    const delivery = new Delivery(this.#context, sink, senderOf(this.#context, sink.value));
    const scope = childScope(signal);
    const ended = delivery.run(scope.signal);
    this.#running.set(name, { createRevision: sink.createRevision, delivery, scope, ended });
  }
}

function senderOf({ realm, ...context }: TermContext, sink: EventSinkRecord): Sender {
  const made = sink.format === 'eventbridge' ? eventBridgeEvent : cloudEvent;
  const textOf = (event: EventRecord): string => JSON.stringify(made(event, realm));
  const { sealer, clock, eventDirectory, eventFileBytes } = context;
  return sink.kind === 'file'
    ? new FileSender({ sink, textOf, eventDirectory, eventFileBytes })
    : new WebhookSender({ sink, textOf, sealer, clock });
}
