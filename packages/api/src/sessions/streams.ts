// Streams that agents open when they are asked to: logs and exec. A caller waits here for the agent's
// stream and then reads it directly, so that a slow reader slows the container's output and not this process.
import { Channel } from '@berth/control/channel.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import { childScope, untilAborted, withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AgentStreamMessage,
  AgentStreamOrder,
  ExecOrder,
  LogOrder,
  StreamOrder,
} from '@berth/model/generated/messages.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import type { CallContext, Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import { firstMessage } from './hello.ts';

/** How long an agent may take to open a stream that it was asked for. */
const OPEN_MS = 10_000;
const MOST_STREAMS = 1_000;
/** Orders that may wait for a slow agent: input of an exec. */
const MOST_ORDERS = 64;

export type StreamKind = 'logs' | 'exec';

/** What an agent is asked for. */
export type StreamRequest =
  | { readonly kind: 'logs'; readonly order: Input<LogOrder> }
  | { readonly kind: 'exec'; readonly order: Input<ExecOrder> };

export interface AgentStream {
  /** For one reader. Ends when the agent has said everything; throws when it could not. */
  readonly messages: AsyncIterable<AgentStreamMessage>;
  /** Waits for room. @returns false when the stream is over */
  send(order: Input<AgentStreamOrder>): Promise<boolean>;
  /** The agent learns that nobody reads any more. */
  close(): void;
}

export interface StreamBrokerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Hands an order to the host's session. @throws BerthError Unavailable */
  readonly order: (hostId: string, order: StreamOrder) => void;
}

interface Asked {
  readonly hostId: string;
  readonly opened: (stream: AgentStream) => void;
}

export class StreamBroker {
  readonly #options: StreamBrokerOptions;
  readonly #asked = new Map<string, Asked>();
  readonly #open: Record<StreamKind, number> = { logs: 0, exec: 0 };

  constructor(options: StreamBrokerOptions) {
    this.#options = options;
  }

  /** How many streams of a kind are asked for or open. */
  open(kind: StreamKind): number {
    return this.#open[kind];
  }

  /**
   * Ask the host's agent for a stream, hand it to `use` once it is open, and close it when that is over.
   * @throws BerthError Unavailable when the host has no session here, DeadlineExceeded when its agent does not open the stream in
   *   time, LimitExceededException when too many are open, the signal's reason
   */
  async *relay<T>(
    hostId: string,
    request: StreamRequest,
    signal: AbortSignal,
    use: (stream: AgentStream, signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    if (this.#open.logs + this.#open.exec >= MOST_STREAMS) {
      throw new BerthError(
        'LimitExceededException',
        `This api replica relays ${MOST_STREAMS} streams already; end some or try again later.`,
      );
    }
    this.#open[request.kind] += 1;
    const scope = childScope(signal);
    try {
      const stream = await this.#ask(hostId, request, scope.signal);
      try {
        yield* untilAborted(use(stream, scope.signal), scope.signal);
      } finally {
        stream.close();
      }
    } finally {
      this.#open[request.kind] -= 1;
      scope.abort();
    }
  }

  /** The handler of `Agents.Stream`. */
  async *serve(
    messages: AsyncIterable<AgentStreamMessage>,
    context: CallContext,
  ): AsyncGenerator<Input<AgentStreamOrder>, void, undefined> {
    const { clock } = this.#options;
    const input = messages[Symbol.asyncIterator]();
    const { streamId } = await firstMessage(
      input,
      ({ open }) => open,
      'open',
      clock,
      context.signal,
    );
    const asked = this.#asked.get(streamId);
    if (asked?.hostId !== context.identity.name) {
      throw new BerthError(
        'InvalidParameterException',
        `No stream ${streamId} was asked for, or no longer.`,
      );
    }
    this.#asked.delete(streamId);
    const orders = new Channel<Input<AgentStreamOrder>>(MOST_ORDERS);
    asked.opened({
      messages: { [Symbol.asyncIterator]: () => input },
      send: (order) => orders.send(order),
      close: () => orders.close(),
    });
    try {
      yield* untilAborted(orders, context.signal);
    } finally {
      orders.close();
    }
  }

  async #ask(hostId: string, request: StreamRequest, signal: AbortSignal): Promise<AgentStream> {
    const { clock, random, order } = this.#options;
    const streamId = drawHexId(random, 32);
    const opened = new Promise<AgentStream>((resolve) => {
      this.#asked.set(streamId, { hostId, opened: resolve });
    });
    try {
      order(hostId, complete('StreamOrder', { streamId, [request.kind]: request.order }));
      const what = `opening a stream to host ${hostId}`;
      return await withDeadline(opened, OPEN_MS, clock, signal, what);
    } catch (error) {
      void opened.then((stream) => stream.close()); // it came all the same, but too late
      throw error;
    } finally {
      this.#asked.delete(streamId);
    }
  }
}
