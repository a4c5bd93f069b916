// The agent's session with the control plane: it dials, says hello with everything it knows, takes the full
// set of tasks and then the changes, and reports. When the stream ends, for whatever reason, it dials the next
// address after a pause. A session that is gone changes nothing for running containers.
import { backoffDelay } from '@berth/control/backoff.ts';
import { Channel } from '@berth/control/channel.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AgentChanges,
  AgentHello,
  AgentMessage,
  AgentOrder,
  AgentWelcome,
  StreamOrder,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import type { Client, Input, TlsIdentity } from '@berth/rpc/api.ts';
import type { Transport } from '@berth/rpc/transport.ts';

import type { ImageQuestions } from './image-questions.ts';
import type { Reporter } from './reporter.ts';

export interface SessionOptions {
  /** HOST:PORT of api replicas. */
  readonly api: readonly string[];
  readonly tls: TlsIdentity;
  readonly connect: Transport['connect'];
  /** All of the hello but the tasks. */
  readonly hello: () => Omit<AgentHello, 'tasks'>;
  readonly reporter: Reporter;
  readonly questions: ImageQuestions;
  readonly orders: SessionOrders;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface SessionOrders {
  welcome(welcome: AgentWelcome): void;
  changes(changes: AgentChanges): void;
  /** @param signal ends with the session */
  stream(order: StreamOrder, agents: Client<'Agents'>, signal: AbortSignal): void;
}

/** Well within the time after which a host is lost, also where that is set short. */
const BACKOFF = { initialMs: 200, maxMs: 5_000 };
/** From dialling to the welcome. */
const WELCOME_LIMIT_MS = 20_000;
const MAX_OUTGOING = 16;

export class Session {
  readonly #options: SessionOptions;
  #connectedTo: string | undefined;
  #sessions = 0;
  #outgoing: Channel<Input<AgentMessage>> | undefined;
  #finishing = false;
  #ended: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Where the present session goes; undefined while there is none. */
  get connectedTo(): string | undefined {
    return this.#connectedTo;
  }

  /** How many welcomes there have been. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Say no more: what has been said still goes out. Resolves when the present session has ended; none follows. */
  async finish(): Promise<void> {
    this.#finishing = true;
    if (!this.#outgoing) return;
    const ended = new Promise<void>((resolve) => (this.#ended = resolve));
    this.#outgoing.close();
    await ended;
  }

  /** Until the signal is aborted, or the session is finished. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { api, clock, random, logger } = this.#options;
    let failures = 0;
    for (let turn = Math.floor(random() * api.length); !signal.aborted; turn += 1) {
      const address = api[turn % api.length] ?? '';
      const before = this.#sessions;
      try {
        await this.#once(address, signal);
        logger.info({ address }, 'the session was ended by the control plane');
      } catch (error) {
        if (!signal.aborted)
          logger.warn({ address, err: error }, 'the session broke or was refused');
      } finally {
        this.#connectedTo = undefined;
        this.#outgoing = undefined;
        this.#ended?.();
      }
      if (this.#finishing) return;
      failures = this.#sessions > before ? 1 : failures + 1;
      try {
        await clock.sleep(backoffDelay(BACKOFF, failures, random), signal);
      } catch {
        return;
      }
    }
  }

  async #once(address: string, signal: AbortSignal): Promise<void> {
    const { tls, connect, reporter, hello, clock } = this.#options;
    const scope = childScope(signal);
    const connection = connect({ addresses: [address], tls });
    const outgoing = new Channel<Input<AgentMessage>>(MAX_OUTGOING);
    this.#outgoing = outgoing;
    try {
      const agents = connection.client('Agents');
      const tasks: readonly TaskStatusRecord[] = reporter.all();
      outgoing.offer({ hello: { ...hello(), tasks } });
      const patience = clock.sleep(WELCOME_LIMIT_MS, scope.signal).then(
        () => {
          if (this.#connectedTo === undefined) scope.abort(noWelcome(address));
        },
        () => undefined,
      );
      for await (const order of agents.Session(outgoing, { signal: scope.signal })) {
        if (order.welcome) {
          void this.#report(outgoing, scope.signal);
          void this.#ask(outgoing, scope.signal);
        }
        this.#dispatch(order, address, agents, scope.signal);
      }
      scope.abort();
      await patience;
    } catch (error) {
      if (scope.signal.aborted && scope.signal.reason instanceof BerthError) {
        throw scope.signal.reason;
      }
      throw error;
    } finally {
      scope.abort(new BerthError('Cancelled', 'The session has ended'));
      outgoing.close();
      connection.close();
    }
  }

  #dispatch(
    order: AgentOrder,
    address: string,
    agents: Client<'Agents'>,
    signal: AbortSignal,
  ): void {
    const { orders, logger } = this.#options;
    if (order.welcome) {
      this.#connectedTo = address;
      this.#sessions += 1;
      logger.info({ address, tasks: order.welcome.tasks.length }, 'session established');
      orders.welcome(order.welcome);
    }
    if (order.changes) orders.changes(order.changes);
    if (order.imageAnswer) this.#options.questions.answer(order.imageAnswer);
    if (order.stream) orders.stream(order.stream, agents, signal);
  }

  async #ask(outgoing: Channel<Input<AgentMessage>>, signal: AbortSignal): Promise<void> {
    const { questions } = this.#options;
    questions.askAnew();
    try {
      for (;;) {
        const imageQuestion = await questions.next(signal);
        if (!(await outgoing.send({ imageQuestion }))) return;
      }
    } catch {
      // the session is over; the next one is asked anew
    }
  }

  /** Statuses in batches, as fast as the control plane takes them. */
  async #report(outgoing: Channel<Input<AgentMessage>>, signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        const tasks = await this.#options.reporter.next(signal);
        if (!(await outgoing.send({ report: { tasks } }))) return;
      }
    } catch {
      // the session is over; the next one's hello says everything
    }
  }
}

function noWelcome(address: string): BerthError {
  return new BerthError(
    'DeadlineExceeded',
    `The api at ${address} did not welcome this host within ${String(WELCOME_LIMIT_MS / 1000)} s`,
  );
}
