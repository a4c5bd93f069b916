// A control plane for tests of the agent: serves `Agents` over real gRPC, keeps what it is told, orders what a test
// wants, and behaves as the api does towards stale reports.
import { Channel } from '@berth/control/channel.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AgentHello,
  AgentMessage,
  AgentOrder,
  AgentStreamMessage,
  AgentStreamOrder,
  AssignedTask,
  ImageAnswer,
  ImagePin,
  ImageQuestion,
  StreamOrder,
  TaskDefinitionRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { realClock } from '@berth/process/real-clock.ts';
import type { Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import { serve, type RpcServer } from '@berth/rpc/server.ts';
import { testIdentity, testLogger } from '@berth/rpc/testing/fixtures.ts';

export interface ServedStream {
  /** What the agent sends on it, `open` left out. */
  readonly messages: AsyncIterable<AgentStreamMessage>;
  readonly orders: Channel<Input<AgentStreamOrder>>;
}

interface Pending {
  readonly messages: Channel<AgentStreamMessage>;
  readonly orders: Channel<Input<AgentStreamOrder>>;
}

const LIMIT_MS = 45_000;

export class ScriptedApi {
  readonly #server: RpcServer;
  readonly #assigned = new Map<string, AssignedTask>();
  readonly #streams: Map<string, Pending>;
  readonly #state: { orders: Channel<Input<AgentOrder>> | undefined };
  readonly statuses: Map<string, TaskStatusRecord>;
  /** Questions about images, in order. */
  readonly questions: ImageQuestion[];
  /** What images are pinned to, by owner and image; the first finding counts. */
  readonly pins: Map<string, ImagePin>;
  /** Every status that was accepted, in order. */
  readonly history: TaskStatusRecord[];
  readonly hellos: AgentHello[];

  private constructor(parts: {
    server: RpcServer;
    assigned: Map<string, AssignedTask>;
    streams: Map<string, Pending>;
    state: { orders: Channel<Input<AgentOrder>> | undefined };
    statuses: Map<string, TaskStatusRecord>;
    history: TaskStatusRecord[];
    hellos: AgentHello[];
    questions: ImageQuestion[];
    pins: Map<string, ImagePin>;
  }) {
    this.#server = parts.server;
    this.#assigned = parts.assigned;
    this.#streams = parts.streams;
    this.#state = parts.state;
    this.statuses = parts.statuses;
    this.history = parts.history;
    this.hellos = parts.hellos;
    this.questions = parts.questions;
    this.pins = parts.pins;
  }

  static async open(): Promise<ScriptedApi> {
    const assigned = new Map<string, AssignedTask>();
    const streams = new Map<string, Pending>();
    const statuses = new Map<string, TaskStatusRecord>();
    const history: TaskStatusRecord[] = [];
    const hellos: AgentHello[] = [];
    const questions: ImageQuestion[] = [];
    const pins = new Map<string, ImagePin>();
    const state: { orders: Channel<Input<AgentOrder>> | undefined } = { orders: undefined };

    const take = (status: TaskStatusRecord): void => {
      const known = statuses.get(status.id);
      if (known && known.sequence >= status.sequence) return;
      statuses.set(status.id, status);
      history.push(status);
    };
    const answer = (question: ImageQuestion): Input<ImageAnswer> => {
      const { taskId, image, found } = question;
      questions.push(question);
      const key = `${assigned.get(taskId)?.task?.owner ?? ''} ${image}`;
      if (found && !pins.has(key)) pins.set(key, { image, ...found, hostId: '', at: 0 });
      const pin = pins.get(key);
      return { taskId, image, answer: pin ? 'pinned' : 'find', pin };
    };
    const listen = async (
      messages: AsyncIterable<AgentMessage>,
      orders: Channel<Input<AgentOrder>>,
    ): Promise<void> => {
      try {
        for await (const { hello, report, imageQuestion } of messages) {
          if (hello) {
            hellos.push(hello);
            for (const status of hello.tasks) take(status);
            const tasks = [...assigned.values()].map((one) => stored(one, statuses));
            orders.offer({ welcome: { hostId: hello.hostId, tasks } });
          }
          for (const status of report?.tasks ?? []) take(status);
          if (imageQuestion) orders.offer({ imageAnswer: answer(imageQuestion) });
        }
      } catch {
        // the agent has gone
      } finally {
        orders.close();
      }
    };
    const server = await serve({
      address: '127.0.0.1:0',
      tls: await testIdentity('control', 'api'),
      logger: testLogger(),
      services: {
        Agents: {
          async *Session(messages) {
            const orders = new Channel<Input<AgentOrder>>(1000);
            state.orders = orders;
            void listen(messages, orders);
            yield* orders;
          },
          async *Stream(messages) {
            const iterator = messages[Symbol.asyncIterator]();
            const first = await iterator.next();
            const id = first.done === true ? '' : (first.value.open?.streamId ?? '');
            const pending = streams.get(id);
            if (!pending) throw new BerthError('Unavailable', `nobody waits for stream ${id}`);
            void (async () => {
              try {
                for await (const message of { [Symbol.asyncIterator]: () => iterator }) {
                  await pending.messages.send(message);
                }
              } catch {
                // the agent has gone
              } finally {
                pending.messages.close();
                pending.orders.close();
              }
            })();
            yield* pending.orders;
          },
        },
      },
    });
    return new ScriptedApi({
      server,
      assigned,
      streams,
      state,
      statuses,
      history,
      hellos,
      questions,
      pins,
    });
  }

  get address(): string {
    return this.#server.address;
  }

  /** Order a task, or change the order for it. */
  assign(task: TaskRecord, taskDefinition: TaskDefinitionRecord): void {
    const assigned = { task, taskDefinition, imagePins: [] };
    this.#assigned.set(task.id, assigned);
    this.#state.orders?.offer({ changes: { tasks: [stored(assigned, this.statuses)] } });
  }

  change(taskId: string, change: Partial<TaskRecord>): void {
    const assigned = this.#assigned.get(taskId);
    if (!assigned?.task || !assigned.taskDefinition) throw new Error(`no task ${taskId}`);
    this.assign({ ...assigned.task, ...change }, assigned.taskDefinition);
  }

  /** The record is deleted. */
  remove(taskId: string): void {
    this.#assigned.delete(taskId);
    this.statuses.delete(taskId);
    this.#state.orders?.offer({ changes: { removedTaskIds: [taskId] } });
  }

  /** Break the session off. */
  drop(): void {
    this.#state.orders?.close();
  }

  stream(order: Input<StreamOrder> & { readonly streamId: string }): ServedStream {
    const pending = {
      messages: new Channel<AgentStreamMessage>(1000),
      orders: new Channel<Input<AgentStreamOrder>>(1000),
    };
    this.#streams.set(order.streamId, pending);
    this.#state.orders?.offer({ stream: complete('StreamOrder', order) });
    return pending;
  }

  /** @throws Error with the newest status when it does not come to that in time */
  async until(
    taskId: string,
    what: string,
    condition: (status: TaskStatusRecord) => boolean,
  ): Promise<TaskStatusRecord> {
    const { signal } = new AbortController();
    const limit = realClock.monotonic() + LIMIT_MS;
    for (;;) {
      const status = this.statuses.get(taskId);
      if (status && condition(status)) return status;
      if (realClock.monotonic() > limit) {
        throw new Error(`task ${taskId} is not ${what}: ${JSON.stringify(status)}`);
      }
      await realClock.sleep(20, signal);
    }
  }

  async close(): Promise<void> {
    this.drop();
    await this.#server.close(0);
  }
}

function stored(assigned: AssignedTask, statuses: Map<string, TaskStatusRecord>): AssignedTask {
  return { ...assigned, status: statuses.get(assigned.task?.id ?? '') };
}
