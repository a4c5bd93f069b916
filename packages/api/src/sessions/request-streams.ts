// What the proxies connected to this replica tell of single requests. Each holds a stream open over which it is asked; an order goes to
// all of them and their answers come back as one. Nobody waits for a proxy that does not answer, and a slow reader loses requests, never memory.
import { Channel } from '@berth/control/channel.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import { childScope, untilAborted } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { RequestAnswer, RequestBatch, RequestOrder } from '@berth/model/generated/messages.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import type { CallContext, Input } from '@berth/rpc/api.ts';

/** What is asked for: recent requests, at most `limit` a proxy, and with `follow` each one as it ends. */
export type RequestQuestion = Pick<
  RequestOrder,
  'requestId' | 'targetGroup' | 'minimumStatus' | 'maximumStatus'
> & { readonly limit: number; readonly follow: boolean };

export interface RequestSource {
  /**
   * Ends when all have answered or the time for it is over; with `follow` when the signal is aborted.
   * @throws BerthError LimitExceededException when too many ask, the signal's reason
   */
  ask(
    question: RequestQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<RequestBatch, void, undefined>;
}

export interface RequestStreamsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** For the answers to a question about what has been. */
  readonly answerMs?: number;
}

const ANSWER_MS = 3_000;
const MOST_QUESTIONS = 64;
/** Orders that may wait for a slow proxy; each question makes two. */
const MOST_ORDERS = 4 * MOST_QUESTIONS;
/** Batches that may wait for a slow reader; what comes beyond is counted and dropped. */
const MOST_BATCHES = 256;

interface ProxyStream {
  readonly name: string;
  readonly orders: Channel<Input<RequestOrder>>;
}

interface Question {
  readonly order: Input<RequestOrder>;
  readonly out: Channel<RequestBatch>;
  readonly follow: boolean;
  /** Who has not said yet that it is done. */
  readonly waiting: Set<ProxyStream>;
  skipped: number;
}

export class RequestStreams implements RequestSource {
  readonly #options: RequestStreamsOptions;
  readonly #proxies = new Map<string, ProxyStream>();
  readonly #questions = new Map<string, Question>();

  constructor(options: RequestStreamsOptions) {
    this.#options = options;
  }

  /** Proxies that can be asked. */
  get size(): number {
    return this.#proxies.size;
  }

  /** The handler of `Proxies.Requests`. A newer stream of the same proxy ends the older. */
  async *serve(
    answers: AsyncIterable<RequestAnswer>,
    context: CallContext,
  ): AsyncGenerator<Input<RequestOrder>, void, undefined> {
    const { name } = context.identity;
    const proxy: ProxyStream = { name, orders: new Channel(MOST_ORDERS) };
    this.#proxies.get(name)?.orders.close();
    this.#proxies.set(name, proxy);
    for (const question of this.#questions.values()) {
      // What was before is asked of those who were there.
      if (question.follow) proxy.orders.offer({ ...question.order, limit: 0 });
    }
    void this.#read(answers, proxy, context.signal);
    try {
      yield* untilAborted(proxy.orders, context.signal);
    } finally {
      this.#leave(proxy);
    }
  }

  async #read(
    answers: AsyncIterable<RequestAnswer>,
    proxy: ProxyStream,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      for await (const answer of untilAborted(answers, signal)) this.#take(proxy, answer);
    } catch {
      // The stream has broken: its proxy dials again.
    }
    proxy.orders.close();
  }

  #take(proxy: ProxyStream, { orderId, requests, skipped, done }: RequestAnswer): void {
    const question = this.#questions.get(orderId);
    if (question === undefined) return;
    if (requests.length > 0 || skipped > 0) {
      const own = requests.map((request) => ({ ...request, proxy: proxy.name }));
      const batch = { requests: own, skipped: skipped + question.skipped, missing: [] };
      if (question.out.offer(batch)) question.skipped = 0;
      else question.skipped += own.length + skipped;
    }
    if (done) this.#done(question, proxy);
  }

  #done(question: Question, proxy: ProxyStream): void {
    if (question.waiting.delete(proxy) && question.waiting.size === 0 && !question.follow) {
      question.out.close();
    }
  }

  #leave(proxy: ProxyStream): void {
    proxy.orders.close();
    if (this.#proxies.get(proxy.name) === proxy) this.#proxies.delete(proxy.name);
    for (const question of this.#questions.values()) {
      if (!question.waiting.has(proxy)) continue;
      question.out.offer(nothing([`${proxy.name}: its connection ended`]));
      this.#done(question, proxy);
    }
  }

  async *ask(
    { limit, follow, ...filter }: RequestQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<RequestBatch, void, undefined> {
    if (this.#questions.size >= MOST_QUESTIONS) {
      throw new BerthError(
        'LimitExceededException',
        `${MOST_QUESTIONS} others ask this api replica for requests already; end some or try again later.`,
      );
    }
    const { clock, random, answerMs = ANSWER_MS } = this.#options;
    const orderId = drawHexId(random, 16);
    const question: Question = {
      order: { ...filter, orderId, limit, follow },
      out: new Channel(MOST_BATCHES),
      follow,
      waiting: new Set(),
      skipped: 0,
    };
    this.#questions.set(orderId, question);
    for (const proxy of this.#proxies.values()) {
      if (proxy.orders.offer(question.order)) question.waiting.add(proxy);
      else question.out.offer(nothing([`${proxy.name}: it does not read what it is asked`]));
    }
    if (question.waiting.size === 0 && !follow) question.out.close();
    const scope = childScope(signal);
    const expire = async (): Promise<void> => {
      await clock.sleep(answerMs, scope.signal);
      const late = [...question.waiting].map(({ name }) => `${name}: no answer in ${answerMs} ms`);
      question.out.offer(nothing(late));
      question.out.close();
    };
    if (!follow) expire().catch(() => undefined);
    try {
      yield* untilAborted(question.out, scope.signal);
    } finally {
      scope.abort();
      this.#questions.delete(orderId);
      for (const proxy of this.#proxies.values()) proxy.orders.offer({ orderId, cancel: true });
    }
  }
}

function nothing(missing: readonly string[]): RequestBatch {
  return { requests: [], skipped: 0, missing };
}
