// Sends events to one sink, one after the other in their order. How far it has come is in the state, a moment late: after a change of
// leaders the last events come once more.
import { backoffDelay } from '@berth/control/backoff.ts';
import { Latch } from '@berth/control/latch.ts';
import { childScope } from '@berth/control/scope.ts';
import { messageChain } from '@berth/model/errors.ts';
import { eventBridgeEvent } from '@berth/model/events/envelope.ts';
import { type EventPattern, matchesPattern, parsePattern } from '@berth/model/events/pattern.ts';
import { DEAD_LETTERS_KEPT } from '@berth/model/events/sinks.ts';
import type {
  EventDeadLetterRecord,
  EventRecord,
  EventSinkCursorRecord,
  EventSinkRecord,
} from '@berth/model/generated/messages.ts';
import { inOrder } from '@berth/store/event-order.ts';
import { collections } from '@berth/store/keys.ts';
import { guardPresent, putRecord } from '@berth/store/record.ts';
import type { Stored } from '@berth/store/state.ts';
import type { Put } from '@berth/store/store.ts';
import { transaction } from '@berth/store/transaction.ts';

import type { TermContext } from '../context.ts';
import { NotTaken, type Sender } from './sender.ts';

const BACKOFF = { initialMs: 1_000, maxMs: 60_000 };
const SAVE_EVERY_MS = 1_000;
/** Once that many could not be sent again, the others are left for later. */
const MOST_REDRIVE_FAILURES = 3;

export type DeliveryContext = Pick<
  TermContext,
  'store' | 'cache' | 'leadership' | 'clock' | 'random' | 'logger' | 'realm'
> & { readonly metrics: Pick<TermContext['metrics'], 'eventSent'> };

export class Delivery {
  readonly #context: DeliveryContext;
  readonly #sink: Stored<EventSinkRecord>;
  readonly #sender: Sender;
  readonly #pattern: EventPattern | undefined;
  readonly #news = new Latch();
  #cursor: EventSinkCursorRecord;
  #saved: EventSinkCursorRecord | undefined;
  #savedAt = 0;
  #redrives: number;

  constructor(context: DeliveryContext, sink: Stored<EventSinkRecord>, sender: Sender) {
    this.#context = context;
    this.#sink = sink;
    this.#sender = sender;
    const { name, pattern, startAfter, redrives } = sink.value;
    this.#pattern = pattern === undefined ? undefined : parsePattern(pattern);
    this.#redrives = redrives;
    const stored = context.cache.get(collections.eventSinkCursors, name)?.value;
    this.#saved = stored?.sinkRevision === sink.createRevision ? stored : undefined;
    this.#cursor = this.#saved ?? {
      name,
      sinkRevision: sink.createRevision,
      sequence: startAfter,
      delivered: 0,
      dead: 0,
      dropped: 0,
      redrives: 0,
    };
  }

  /** There may be new events, or somebody asked for dead letters to be sent again. */
  wake(redrives: number): void {
    this.#redrives = redrives;
    this.#news.set();
  }

  /** Until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#context;
    let failures = 0;
    this.#news.set();
    while (!signal.aborted) {
      try {
        await this.#rest(signal);
        if (this.#redrives > this.#cursor.redrives) await this.#redrive(signal);
        await this.#sendNew(signal);
        failures = 0;
      } catch (err) {
        if (signal.aborted) break;
        failures += 1;
        logger.warn({ err, sink: this.#sink.value.name }, 'events wait to be sent');
        await clock.sleep(backoffDelay(BACKOFF, failures, random), signal).catch(() => undefined);
        this.#news.set();
      }
    }
    await this.#sender.close();
  }

  /** Wait for news; what has been done meanwhile is saved before long. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    if (this.#cursor === this.#saved) {
      await this.#news.take(signal);
      return;
    }
    const scope = childScope(signal);
    const due = clock.sleep(Math.max(0, this.#savedAt + SAVE_EVERY_MS - clock.now()), scope.signal);
    const news = this.#news.take(scope.signal);
    news.catch(() => undefined);
    due.catch(() => undefined);
    try {
      const first = await Promise.race([due.then(() => 'due'), news.then(() => 'news')]);
      if (first === 'due') await this.#save([], [], signal);
    } finally {
      scope.abort();
    }
  }

  async #sendNew(signal: AbortSignal): Promise<void> {
    const { cache, clock } = this.#context;
    this.#noteMissed();
    const events = inOrder(cache.list(collections.events)).filter(
      ({ sequence }) => sequence > this.#cursor.sequence,
    );
    for (const event of events) {
      if (this.#matches(event)) await this.#deliver(event, signal);
      else this.#cursor = { ...this.#cursor, sequence: event.sequence };
      if (clock.now() - this.#savedAt >= SAVE_EVERY_MS) await this.#save([], [], signal);
    }
  }

  #matches(event: EventRecord): boolean {
    if (!this.#pattern) return true;
    return matchesPattern(this.#pattern, eventBridgeEvent(event, this.#context.realm));
  }

  /** Events that were deleted before they could be sent. */
  #noteMissed(): void {
    for (const { value } of this.#context.cache.list(collections.eventHorizons)) {
      const { sequence, missedUntil = 0 } = this.#cursor;
      if (value.sequence > sequence && value.sequence > missedUntil) {
        this.#cursor = { ...this.#cursor, missedUntil: value.sequence };
      }
    }
  }

  /** Until it is taken, or has become a dead letter. A file of this machine is tried for as long as it takes. */
  async #deliver(event: EventRecord, signal: AbortSignal): Promise<void> {
    const { clock, random, metrics } = this.#context;
    const { kind, mostTries } = this.#sink.value;
    for (let tries = 1; ; tries += 1) {
      const failure = await this.#try(event, signal);
      if (!failure) {
        const { delivered } = this.#cursor;
        this.#cursor = {
          ...this.#cursor,
          sequence: event.sequence,
          delivered: delivered + 1,
          deliveredAt: clock.now(),
        };
        return;
      }
      if (kind === 'webhook' && tries >= mostTries) {
        metrics.eventSent('dead');
        await this.#bury(event, tries, failure.message, signal);
        return;
      }
      if (clock.now() - this.#savedAt >= SAVE_EVERY_MS) await this.#save([], [], signal);
      const wait = Math.min(failure.retryAfterMs ?? 0, BACKOFF.maxMs);
      await clock.sleep(Math.max(wait, backoffDelay(BACKOFF, tries, random)), signal);
    }
  }

  async #try(event: EventRecord, signal: AbortSignal): Promise<NotTaken | undefined> {
    const { clock, metrics } = this.#context;
    try {
      await this.#sender.send(event, signal);
      metrics.eventSent('delivered');
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      metrics.eventSent('failed');
      const failure = error instanceof NotTaken ? error : new NotTaken(messageChain(error));
      this.#cursor = { ...this.#cursor, failedAt: clock.now(), failure: failure.message };
      return failure;
    }
  }

  #letters(): Stored<EventDeadLetterRecord>[] {
    const { cache } = this.#context;
    return [...cache.list(collections.eventDeadLetters, this.#sink.value.name)]
      .filter(({ value }) => value.sinkRevision === this.#sink.createRevision)
      .sort((a, b) => (a.value.event?.sequence ?? 0) - (b.value.event?.sequence ?? 0));
  }

  async #bury(
    event: EventRecord,
    tries: number,
    reason: string,
    signal: AbortSignal,
  ): Promise<void> {
    const letters = this.#letters();
    const dropped = letters.slice(0, Math.max(0, letters.length + 1 - DEAD_LETTERS_KEPT));
    this.#cursor = {
      ...this.#cursor,
      sequence: event.sequence,
      dead: this.#cursor.dead + 1,
      dropped: this.#cursor.dropped + dropped.length,
    };
    await this.#save(
      [this.#letter(event, tries, reason)],
      dropped.map(({ key }) => key),
      signal,
    );
  }

  #letter(event: EventRecord, tries: number, reason: string): Put {
    const { name } = this.#sink.value;
    const sinkRevision = this.#sink.createRevision;
    const at = this.#context.clock.now();
    const letter = { sink: name, sinkRevision, event, tries, reason, at };
    return putRecord(collections.eventDeadLetters, [name, event.id], letter);
  }

  /** Each dead letter gets one more try, the oldest first. */
  async #redrive(signal: AbortSignal): Promise<void> {
    const asked = this.#redrives;
    let failures = 0;
    for (const { key, value } of this.#letters()) {
      const { event, tries } = value;
      if (!event || failures >= MOST_REDRIVE_FAILURES) continue;
      const failure = await this.#try(event, signal);
      if (failure) {
        failures += 1;
        await this.#save([this.#letter(event, tries + 1, failure.message)], [], signal);
      } else {
        const { delivered } = this.#cursor;
        const deliveredAt = this.#context.clock.now();
        this.#cursor = { ...this.#cursor, delivered: delivered + 1, deliveredAt };
        await this.#save([], [key], signal);
      }
    }
    this.#cursor = { ...this.#cursor, redrives: asked };
    await this.#save([], [], signal);
  }

  /** With the cursor, as long as the sink is the same. @throws Error when this controller leads no more */
  async #save(
    puts: readonly Put[],
    deletes: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { store, cache, leadership, clock } = this.#context;
    await this.#sender.flush();
    const cursor = this.#cursor;
    const result = await store.commit(
      transaction({
        guards: [leadership.guard, guardPresent(this.#sink)],
        puts: [putRecord(collections.eventSinkCursors, [cursor.name], cursor), ...puts],
        deletes,
      }),
      signal,
    );
    if (!result.committed) throw new Error('the sink is gone, or another controller leads');
    this.#saved = cursor;
    this.#savedAt = clock.now();
    await cache.reached(result.revision, signal);
  }
}
