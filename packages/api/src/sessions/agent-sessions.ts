// The sessions of agents that are connected to this replica: it tells each what its host should run and
// takes in what it reports. An agent speaks for the host that its certificate names and for no other.
import { Latch } from '@berth/control/latch.ts';
import { PacedWakes } from '@berth/control/paced-wakes.ts';
import { abortable, withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AgentHello,
  AgentMessage,
  AgentOrder,
  ImageAnswer,
  StreamOrder,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import type { CallContext, Input } from '@berth/rpc/api.ts';
import type { ChangeBatch, Stored } from '@berth/store/state.ts';

import { assignedChanges, assignedTasks } from './assigned.ts';
import { firstMessage } from './hello.ts';
import { checkHello } from './host-record.ts';
import { answerAboutImage } from './image-pins.ts';
import { registration } from './registration.ts';
import { CLOSED, SessionRegistry, type Session, type SessionDeps } from './session-registry.ts';
import type { Reporter, StatusWriter } from './status-writer.ts';

const MOST_STREAM_ORDERS = 100;
const MOST_IMAGE_ANSWERS = 1_000;
/** How long the reports of an agent that leaves may take to be stored. */
const LAST_WORDS_MS = 5_000;

interface HostSession extends Session, Reporter {
  /** Set when there is something to tell. */
  readonly news: Latch;
  readonly changed: Map<string, readonly [cluster: string, taskId: string]>;
  readonly streams: StreamOrder[];
  readonly imageAnswers: ImageAnswer[];
}

export class AgentSessions {
  readonly #deps: SessionDeps;
  readonly #statuses: StatusWriter;
  readonly #sessions: SessionRegistry<HostSession>;
  readonly #wakes: PacedWakes<HostSession>;

  constructor(deps: SessionDeps, statuses: StatusWriter) {
    this.#deps = deps;
    this.#statuses = statuses;
    this.#sessions = new SessionRegistry(deps, 'host');
    this.#wakes = new PacedWakes(deps.clock, ({ news }) => news.set());
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Whether the host's session is held here. */
  holds(hostId: string): boolean {
    return this.#sessions.get(hostId) !== undefined;
  }

  /** To be called when this replica can't stand for its sessions any more. */
  endAll(reason: BerthError): void {
    this.#sessions.endAll(reason);
  }

  /** Ask an agent to open a stream. @throws BerthError Unavailable when it has no session here or is behind with its orders */
  order(hostId: string, order: StreamOrder): void {
    const session = this.#sessions.get(hostId);
    if (!session || session.streams.length >= MOST_STREAM_ORDERS) {
      const why = session
        ? 'does not take orders at present'
        : 'is not connected to this api replica';
      throw new BerthError('Unavailable', `Host ${hostId} ${why}.`);
    }
    session.streams.push(order);
    session.news.set();
  }

  /** To be called for each batch of the cache. */
  observe(batch: ChangeBatch): void {
    this.#sessions.observe(batch);
    for (const { collection, parts, before, after } of batch.changes) {
      if (collection !== 'tasks') continue;
      const task = (after ?? before) as Stored<TaskRecord> | undefined;
      const session = task && this.#sessions.get(task.value.hostId);
      if (!session) continue;
      const [cluster = '', taskId = ''] = parts;
      session.changed.set(taskId, [cluster, taskId]);
      this.#wakes.add(session);
    }
  }

  /** Tell the agents of what was observed, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void> {
    return this.#wakes.run(signal);
  }

  /** The handler of `Agents.Session`. */
  async *serve(
    messages: AsyncIterable<AgentMessage>,
    context: CallContext,
  ): AsyncGenerator<Input<AgentOrder>, void, undefined> {
    const { clock, logger } = this.#deps;
    const input = messages[Symbol.asyncIterator]();
    const hello = await firstMessage(
      input,
      (message) => message.hello,
      'hello',
      clock,
      context.signal,
    );
    if (hello.hostId !== context.identity.name) {
      throw new BerthError(
        'AccessDeniedException',
        `The certificate of ${context.identity.name} does not speak for host ${hello.hostId}.`,
      );
    }
    checkHello(hello);
    const session = await this.#begin(hello, context);
    const log = logger.child({ hostId: session.id, cluster: session.cluster });
    log.info(
      { host: hello.name, tasks: hello.tasks.length, peer: context.peer },
      'agent session began',
    );
    try {
      for (const task of hello.tasks) this.#statuses.offer(session, task);
      void this.#read(input, session);
      yield* this.#orders(session);
    } catch (error) {
      if (error !== CLOSED) throw error;
    } finally {
      this.#sessions.end(session);
      const reason: unknown = session.signal.reason;
      log.info(reason === CLOSED ? {} : { err: reason }, 'agent session ended');
    }
  }

  #begin(hello: AgentHello, context: CallContext): Promise<HostSession> {
    const { cache, clock } = this.#deps;
    return this.#sessions.begin(
      hello.hostId,
      context,
      () => registration(cache, hello, clock.now()),
      (session) => ({
        ...session,
        hostId: hello.hostId,
        cluster: hello.cluster,
        news: new Latch(),
        changed: new Map(),
        streams: [],
        imageAnswers: [],
      }),
    );
  }

  /** Everything first, then what changes. Ends by throwing the reason why the session is over. */
  async *#orders(session: HostSession): AsyncGenerator<Input<AgentOrder>, void, undefined> {
    const { cache } = this.#deps;
    // After an outage all agents come at once, each to be told of all its tasks.
    this.#wakes.add(session);
    await session.news.take(session.signal);
    session.changed.clear();
    yield { welcome: { hostId: session.id, tasks: assignedTasks(cache, session.id) } };
    for (;;) {
      for (const stream of session.streams.splice(0)) yield { stream };
      for (const imageAnswer of session.imageAnswers.splice(0)) yield { imageAnswer };
      if (session.changed.size > 0) {
        const changed = [...session.changed.values()];
        session.changed.clear();
        yield { changes: assignedChanges(cache, session.id, changed) };
      }
      await session.news.take(session.signal);
    }
  }

  /** An agent that leaves in order has said how its tasks ended: that is stored while its session still stands. */
  async #lastWords(session: HostSession): Promise<void> {
    const { clock, logger } = this.#deps;
    const flushed = this.#statuses.flushed(session, session.signal);
    try {
      await withDeadline(flushed, LAST_WORDS_MS, clock, session.signal, 'storing the last reports');
    } catch (error) {
      logger.warn(
        { err: error, hostId: session.id },
        'the last reports of an agent were not stored',
      );
    }
  }

  async #read(input: AsyncIterator<AgentMessage>, session: HostSession): Promise<void> {
    try {
      for (;;) {
        const step = await abortable(input.next(), session.signal);
        if (step.done) break;
        const { report, imageQuestion } = step.value;
        for (const task of report?.tasks ?? []) this.#statuses.offer(session, task);
        if (imageQuestion) {
          // One at a time: what the agent has yet to say waits in its stream.
          if (session.imageAnswers.length >= MOST_IMAGE_ANSWERS) {
            const why = `Host ${session.id} does not read what it is answered.`;
            throw new BerthError('Unavailable', why);
          }
          session.imageAnswers.push(await answerAboutImage(imageQuestion, session, this.#deps));
          session.news.set();
        }
      }
      await this.#lastWords(session);
      session.scope.abort(CLOSED);
    } catch (error) {
      session.scope.abort(error);
    }
  }
}
