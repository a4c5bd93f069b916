// The stream to the api: routing tables come in and are in use before they are acknowledged, reports go out. When it breaks
// the proxy serves on from what it has, dials again and reports everything anew.
import { backoffDelay } from '@berth/control/backoff.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import { Latch } from '@berth/control/latch.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { ProxyMessage, RoutingUpdate } from '@berth/model/generated/messages.ts';
import type { Client } from '@berth/rpc/api.ts';

import type { Reports } from './report.ts';
import { UpdateParts } from './update-parts.ts';

export interface SessionOptions {
  readonly client: Client<'Proxies'>;
  readonly proxyId: string;
  readonly version: string;
  /** Wall time when this run of the proxy began. */
  readonly startedAt: number;
  readonly reports: Reports;
  /** Brings an update in use. It is acknowledged when the reports say that it is. */
  readonly apply: (update: RoutingUpdate) => void;
  /** There is no session now: called once each time that one could not be had or broke. */
  readonly onDown?: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Changes that happen within this time go out together. */
const BATCH_MS = 20;
const TRAFFIC_MS = 1_000;
/** For the last report, when the proxy ends. */
const LAST_MS = 1_000;
const BACKOFF = { initialMs: 200, maxMs: 5_000 };

export class Session {
  readonly #options: SessionOptions;
  readonly #news = new Latch();
  #up = false;
  #failures = 0;
  #ending = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** A snapshot has come over the stream that stands now. */
  get up(): boolean {
    return this.#up;
  }

  /** There is something to report. */
  wake(): void {
    this.#news.set();
  }

  /** The proxy has stopped serving: the api is told what it has counted, if it can be in a short time. Never throws. */
  async finish(): Promise<void> {
    const { reports, clock } = this.#options;
    this.#ending = true;
    reports.finish();
    this.#news.set();
    const until = clock.monotonic() + LAST_MS;
    const never = new AbortController().signal;
    while (this.#up && clock.monotonic() < until) await clock.sleep(BATCH_MS, never);
  }

  /** Until the signal is aborted, or the last report is made. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#converse(signal);
        if (!signal.aborted && !this.#ending) logger.warn({}, 'the api ended the session');
      } catch (err) {
        if (signal.aborted) return;
        if (this.#up || this.#failures === 0) logger.warn({ err }, 'session with the api broke');
      }
      this.#up = false;
      if (this.#ending) return;
      this.#options.onDown?.();
      this.#failures += 1;
      const wait = backoffDelay(BACKOFF, this.#failures, random);
      await clock.sleep(wait, signal).catch(() => undefined);
    }
  }

  async #converse(signal: AbortSignal): Promise<void> {
    const { client, apply, logger } = this.#options;
    const scope = childScope(signal);
    try {
      const updates = client.Session(this.#messages(scope.signal), { signal: scope.signal });
      const parts = new UpdateParts();
      for await (const part of updates) {
        if (part.reportOrder !== undefined) {
          this.#report(part.reportOrder).catch((err: unknown) => {
            logger.warn({ err }, 'what was counted can not be told');
          });
          continue;
        }
        const update = parts.take(part);
        if (update === undefined) continue;
        if (!this.#up && !update.snapshot) {
          throw new BerthError('Internal', 'The first update of a session was not a snapshot');
        }
        apply(update);
        if (!this.#up) logger.info({ revision: update.revision }, 'session with the api stands');
        this.#up = true;
        this.#failures = 0;
        this.#news.set();
      }
    } finally {
      scope.abort(new Error('the session is over'));
    }
  }

  async #report(order: number): Promise<void> {
    await this.#options.reports.order(order);
    this.#news.set();
  }

  async *#messages(signal: AbortSignal): AsyncGenerator<Partial<ProxyMessage>, void, undefined> {
    const { proxyId, version, startedAt, reports, clock } = this.#options;
    yield { hello: { proxyId, version, startedAt } };
    reports.startOver();
    this.#watchTraffic(signal).catch(() => undefined);
    for (;;) {
      if (!reports.pending) await this.#news.take(signal);
      await clock.sleep(BATCH_MS, signal);
      if (reports.pending) yield reports.next();
      if (reports.finished) return;
    }
  }

  async #watchTraffic(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#options.reports.trafficIsDue()) this.#news.set();
      await this.#options.clock.sleep(TRAFFIC_MS, signal);
    }
  }
}
