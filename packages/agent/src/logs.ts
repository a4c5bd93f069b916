// The logs of a task: of one container or of all, interleaved as they come, with a bound on what waits for a slow
// reader: the engine then waits.
import { Channel } from '@berth/control/channel.ts';
import type { Clock } from '@berth/control/clock.ts';
import { childScope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { AgentLogLines, LogOrder } from '@berth/model/generated/messages.ts';

import { LineSplitter } from './lines.ts';
import { RuntimeError, type OutputStream, type Runtime } from './runtime/runtime.ts';
import type { TaskMemory } from './task-memory.ts';

export interface LogSource {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** undefined when the task is not on this host. */
  readonly memoryOf: (taskId: string) => TaskMemory | undefined;
}

const MAX_WAITING_BATCHES = 32;
const CREATION_POLL_MS = 250;

/** Ends with the containers' output. @throws BerthError InvalidParameterException, RuntimeError */
export async function* taskLogs(
  order: LogOrder,
  source: LogSource,
  signal: AbortSignal,
): AsyncGenerator<AgentLogLines, void, undefined> {
  const names = containersOf(order, source);
  const scope = childScope(signal);
  const channel = new Channel<AgentLogLines>(MAX_WAITING_BATCHES);
  const all = Promise.all(
    names.map((name) => followContainer(name, order, source, channel, scope.signal)),
  ).then(
    () => {
      channel.close();
    },
    (error: unknown) => {
      channel.fail(error instanceof Error ? error : new Error(String(error)));
    },
  );
  try {
    yield* channel;
  } finally {
    scope.abort(new Error('the reader has gone'));
    channel.close();
    await all;
  }
}

function containersOf(order: LogOrder, source: LogSource): readonly string[] {
  const memory = source.memoryOf(order.taskId);
  if (!memory) throw invalid(`Task ${order.taskId} is not on this host any more`);
  const definitions = memory.definition.containerDefinitions;
  const chosen = definitions.filter(
    ({ name }) => order.container === undefined || name === order.container,
  );
  if (chosen.length === 0) {
    const names = definitions.map(({ name }) => name).join(', ');
    throw invalid(
      `Task ${order.taskId} has no container "${order.container ?? ''}"; it has ${names}`,
    );
  }
  const kept = chosen.filter(({ logConfiguration }) => logConfiguration?.logDriver !== 'none');
  if (kept.length === 0) {
    throw invalid(`The logs of task ${order.taskId} are not kept: its log driver is "none"`);
  }
  return kept.map(({ name }) => name);
}

async function followContainer(
  container: string,
  order: LogOrder,
  source: LogSource,
  channel: Channel<AgentLogLines>,
  signal: AbortSignal,
): Promise<void> {
  const id = await createdId(container, order, source, signal);
  if (id === undefined) return;
  const { follow, tail, since, timestamps } = order;
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  const send = async (stream: OutputStream, lines: readonly string[]): Promise<boolean> =>
    lines.length === 0 ? !channel.closed : await channel.send({ container, stream, lines });
  const frames = source.runtime.logs(id, { follow, tail, since, timestamps }, signal);
  try {
    for await (const { stream, data } of frames) {
      if (!(await send(stream, splitters[stream].push(data)))) return;
    }
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.kind !== 'gone') throw error;
    throw invalid(`Container ${container} of task ${order.taskId} is removed, its logs with it`);
  }
  await send('stdout', splitters.stdout.end());
  await send('stderr', splitters.stderr.end());
}

/** Whoever follows a task that is being started waits for its containers. */
async function createdId(
  container: string,
  { taskId, follow }: LogOrder,
  { memoryOf, clock }: LogSource,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (;;) {
    const known = memoryOf(taskId)?.containers.find(({ name }) => name === container);
    const created = known?.phase === 'RUNNING' || known?.phase === 'STOPPED';
    if (created || known === undefined || !follow) return known?.runtimeId;
    await clock.sleep(CREATION_POLL_MS, signal);
  }
}

function invalid(message: string): BerthError {
  return new BerthError('InvalidParameterException', message);
}
