// The logs of one task, from the replica that holds its host's session.
import { BerthError } from '@berth/model/errors.ts';
import type { LogChunk, LogOrder, TaskRecord } from '@berth/model/generated/messages.ts';
import type { CallContext, Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import type { AgentStream } from '../sessions/streams.ts';
import type { OwnOperationsDeps } from './deps-operations.ts';
import { routeTo } from './host-route.ts';

export type LogWishes = Pick<
  Input<LogOrder>,
  'container' | 'follow' | 'tail' | 'since' | 'timestamps'
>;

/** @throws BerthError Unavailable when the host is not connected, ClientException when the agent has no such logs */
export async function* taskLogs(
  deps: OwnOperationsDeps,
  task: TaskRecord,
  wishes: LogWishes,
  context: CallContext,
  signal: AbortSignal,
): AsyncGenerator<LogChunk, void, undefined> {
  const { agents, streams, replicas } = deps;
  const holds = (hostId: string): boolean => agents.holds(hostId);
  const route = routeTo(deps.cache, task, holds, deps.replicaAddress(), context);
  if (route.kind === 'replica') {
    const request = { ...wishes, cluster: task.cluster, task: task.id };
    yield* replicas.operations(route.address).StreamLogs(request, replicas.forwarding(signal));
    return;
  }
  const order = { ...wishes, taskId: task.id };
  yield* streams.relay(task.hostId, { kind: 'logs', order }, signal, (stream) =>
    chunks(stream, task.id),
  );
}

async function* chunks(
  stream: AgentStream,
  taskId: string,
): AsyncGenerator<LogChunk, void, undefined> {
  for await (const { log, error } of stream.messages) {
    if (error !== undefined) throw new BerthError('ClientException', error);
    if (log && log.lines.length > 0) yield complete('LogChunk', { ...log, taskId });
  }
}
