// Log and exec streams. The control plane asks for one over the session; the agent opens it, so that a host needs no
// inbound port. Each lives and dies alone; their number is bounded.
import { Channel } from '@berth/control/channel.ts';
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope } from '@berth/control/scope.ts';
import { messageChain } from '@berth/model/errors.ts';
import type {
  AgentStreamMessage,
  AgentStreamOrder,
  StreamOrder,
} from '@berth/model/generated/messages.ts';
import type { Client, Input } from '@berth/rpc/api.ts';

import { taskExec } from './exec.ts';
import { taskLogs, type LogSource } from './logs.ts';

export interface StreamsOptions {
  readonly source: LogSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onStream: (kind: 'logs' | 'exec') => void;
}

const MAX_STREAMS = 128;
const MAX_OUTGOING = 16;
const MAX_INPUT = 16;
/** How long the other side has to take the end of a stream. */
const END_LIMIT_MS = 10_000;

export class Streams {
  readonly #options: StreamsOptions;
  #open = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#open;
  }

  /** Never throws; what goes wrong is told on the stream. */
  serve(order: StreamOrder, agents: Client<'Agents'>, signal: AbortSignal): void {
    void this.#serve(order, agents, signal).catch((error: unknown) => {
      this.#options.logger.warn({ streamId: order.streamId, err: error }, 'a stream broke');
    });
  }

  async #serve(order: StreamOrder, agents: Client<'Agents'>, signal: AbortSignal): Promise<void> {
    const scope = childScope(signal);
    const outgoing = new Channel<Input<AgentStreamMessage>>(MAX_OUTGOING);
    const input = new Channel<AgentStreamOrder>(MAX_INPUT);
    outgoing.offer({ open: { streamId: order.streamId } });
    this.#open += 1;
    const listening = this.#listen(agents, outgoing, input, scope.signal).finally(() => {
      scope.abort(new Error('the other side has ended the stream'));
    });
    try {
      await this.#send(order, input, outgoing, scope.signal);
      outgoing.close();
      await Promise.race([
        listening,
        this.#options.clock.sleep(END_LIMIT_MS, scope.signal).catch(() => undefined),
      ]);
    } finally {
      this.#open -= 1;
      outgoing.close();
      input.close();
      scope.abort(new Error('the stream is over'));
      await listening;
    }
  }

  async #send(
    order: StreamOrder,
    input: AsyncIterable<AgentStreamOrder>,
    outgoing: Channel<Input<AgentStreamMessage>>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      for await (const message of this.#messages(order, input, signal)) {
        if (!(await outgoing.send(message))) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      await outgoing.send({ error: messageChain(error) });
    }
  }

  async *#messages(
    order: StreamOrder,
    input: AsyncIterable<AgentStreamOrder>,
    signal: AbortSignal,
  ): AsyncGenerator<AgentStreamMessage, void, undefined> {
    const { source, onStream } = this.#options;
    if (this.#open > MAX_STREAMS) {
      throw new Error(`This host already serves ${String(MAX_STREAMS)} log and exec streams`);
    }
    if (order.logs) {
      onStream('logs');
      for await (const log of taskLogs(order.logs, source, signal)) yield { log };
    } else if (order.exec) {
      onStream('exec');
      yield* taskExec(order.exec, source, input, signal);
    } else throw new Error('The order asks for neither logs nor exec');
  }

  /** What the other side sends; the stream is over when it ends. */
  async #listen(
    agents: Client<'Agents'>,
    outgoing: AsyncIterable<Input<AgentStreamMessage>>,
    input: Channel<AgentStreamOrder>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      for await (const order of agents.Stream(outgoing, { signal })) await input.send(order);
    } catch (error) {
      if (!signal.aborted) this.#options.logger.debug({ err: error }, 'a stream was broken off');
    } finally {
      input.close();
    }
  }
}
