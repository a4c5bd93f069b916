// A command in a running container, its input and output carried over a stream. When the caller goes away the
// session is dropped; the engine does not end the command's process for that (pitfall D27).
import { childScope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AgentStreamMessage,
  AgentStreamOrder,
  ExecOrder,
} from '@berth/model/generated/messages.ts';

import { isEssential } from './effective-containers.ts';
import type { ExecSession, Runtime } from './runtime/runtime.ts';
import type { ContainerMemory, TaskMemory } from './task-memory.ts';

export interface ExecSource {
  readonly runtime: Runtime;
  /** undefined when the task is not on this host. */
  readonly memoryOf: (taskId: string) => TaskMemory | undefined;
}

/**
 * Output as it comes, then the exit code.
 * @param input the caller's side: bytes, the end of input, window sizes
 * @throws BerthError InvalidParameterException when there is no such running container, RuntimeError
 */
export async function* taskExec(
  order: ExecOrder,
  source: ExecSource,
  input: AsyncIterable<AgentStreamOrder>,
  signal: AbortSignal,
): AsyncGenerator<AgentStreamMessage, void, undefined> {
  const { command, tty, stdin, columns, rows } = order;
  const id = runningContainer(order, source);
  const scope = childScope(signal);
  const options = { command, tty, stdin, columns, rows };
  const session = await source.runtime.exec(id, options, scope.signal);
  const feeding = feed(session, input).catch((error: unknown) => {
    scope.abort(error);
  });
  try {
    for await (const { stream, data } of session.output) yield { [stream]: data };
    yield { exitCode: await session.exitCode(scope.signal) };
  } finally {
    session.close();
    scope.abort(new Error('the command has ended'));
    void feeding;
  }
}

async function feed(session: ExecSession, input: AsyncIterable<AgentStreamOrder>): Promise<void> {
  for await (const { stdin, stdinEnd, columns, rows } of input) {
    if (stdin) await session.write(stdin);
    if (stdinEnd === true) session.endInput();
    if (columns !== undefined && rows !== undefined) await session.resize(columns, rows);
  }
}

/** The container asked for, or the task's first essential one. */
function runningContainer(order: ExecOrder, source: ExecSource): string {
  const memory = source.memoryOf(order.taskId);
  if (!memory) throw invalid(`Task ${order.taskId} is not on this host any more`);
  const { containerDefinitions } = memory.definition;
  const name =
    order.container ??
    containerDefinitions.find(isEssential)?.name ??
    containerDefinitions[0]?.name;
  const container = memory.containers.find((one) => one.name === name);
  if (!container) {
    const names = memory.containers.map((one) => one.name).join(', ');
    throw invalid(`Task ${order.taskId} has no container "${name ?? ''}"; it has ${names}`);
  }
  if (container.phase !== 'RUNNING' || container.runtimeId === undefined) {
    throw invalid(notRunning(order.taskId, container));
  }
  return container.runtimeId;
}

function notRunning(taskId: string, { name, phase }: ContainerMemory): string {
  const state = phase === 'STOPPED' ? 'STOPPED' : 'PENDING';
  return `Container ${name} of task ${taskId} is ${state}; a command needs it RUNNING`;
}

function invalid(message: string): BerthError {
  return new BerthError('InvalidParameterException', message);
}
