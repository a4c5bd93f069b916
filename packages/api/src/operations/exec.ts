// A command in a running container: what the caller types goes to the agent that runs it, what the command
// writes comes back, both as fast as the slower end allows.
import { untilAborted } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AgentStreamOrder,
  ExecInput,
  ExecOutput,
  ExecStart,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import type { CallContext, Input } from '@berth/rpc/api.ts';

import { firstMessage } from '../sessions/hello.ts';
import type { AgentStream } from '../sessions/streams.ts';
import { lastStatusOf } from '../views/task-status.ts';
import type { OwnOperationsDeps } from './deps-operations.ts';
import { routeTo } from './host-route.ts';
import { invalid, requireCluster, requireTask } from './resolve.ts';

const DEFAULT_SIZE = { columns: 80, rows: 24 };

/**
 * @throws BerthError InvalidParameterException when the task is not known or does not run, ClientException when the command
 *   can't be started, Unavailable when the host is not connected or is lost
 */
export async function* exec(
  deps: OwnOperationsDeps,
  inputs: AsyncIterable<ExecInput>,
  context: CallContext,
): AsyncGenerator<Input<ExecOutput>, void, undefined> {
  const { signal } = context;
  const input = inputs[Symbol.asyncIterator]();
  const start = await firstMessage(input, (message) => message.start, 'start', deps.clock, signal);
  await deps.freshen(signal);
  if (start.command.length === 0) throw invalid('command is empty; expected the command to run.');
  const task = runningTask(deps, start);
  const holds = (hostId: string): boolean => deps.agents.holds(hostId);
  const route = routeTo(deps.cache, task, holds, deps.replicaAddress(), context);
  const rest: AsyncIterable<ExecInput> = { [Symbol.asyncIterator]: () => input };
  if (route.kind === 'replica') {
    const { replicas } = deps;
    const again = { ...start, cluster: task.cluster, task: task.id };
    yield* replicas
      .operations(route.address)
      .Exec(startingWith({ start: again }, rest), replicas.forwarding(signal));
    return;
  }
  const { columns, rows } = start.size ?? DEFAULT_SIZE;
  const { container, command, tty, stdin } = start;
  const order = { taskId: task.id, container, command, tty, stdin, columns, rows };
  yield* deps.streams.relay(task.hostId, { kind: 'exec', order }, signal, (stream, over) => {
    void sendInput(rest, stream, over);
    return outputs(stream);
  });
}

function runningTask(deps: OwnOperationsDeps, start: ExecStart): TaskRecord {
  const view = { state: deps.cache, realm: deps.realm };
  const place = requireCluster(view, start.cluster, 'task', [start.task]);
  const task = requireTask(place, start.task).value;
  const status = lastStatusOf(deps.cache, task);
  if (status === 'RUNNING' || status === 'DEACTIVATING' || status === 'ACTIVATING') return task;
  throw invalid(
    `The execute command failed because task ${task.id} is ${status}; expected one that is RUNNING.`,
  );
}

/** Ends with the exit code, which is the last message. */
async function* outputs(stream: AgentStream): AsyncGenerator<Input<ExecOutput>, void, undefined> {
  for await (const { stdout, stderr, exitCode, error } of stream.messages) {
    if (error !== undefined) throw new BerthError('ClientException', error);
    if (stdout) yield { stdout };
    if (stderr) yield { stderr };
    if (exitCode !== undefined) {
      yield { exitCode };
      return;
    }
  }
  throw new BerthError('Unavailable', 'The connection to the command was lost before it ended.');
}

/** Never rejects: when the caller is gone, its call ends and the stream with it. */
async function sendInput(
  inputs: AsyncIterable<ExecInput>,
  stream: AgentStream,
  over: AbortSignal,
): Promise<void> {
  try {
    for await (const message of untilAborted(inputs, over)) {
      for (const order of ordersOf(message)) if (!(await stream.send(order))) return;
    }
    await stream.send({ stdinEnd: true });
  } catch {
    stream.close();
  }
}

function ordersOf({ stdin, stdinEnd, resize }: ExecInput): Input<AgentStreamOrder>[] {
  const orders: Input<AgentStreamOrder>[] = [];
  if (stdin) orders.push({ stdin });
  if (resize) orders.push({ columns: resize.columns, rows: resize.rows });
  if (stdinEnd) orders.push({ stdinEnd });
  return orders;
}

async function* startingWith<T>(
  first: T,
  rest: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  yield first;
  yield* rest;
}
