// Turns a plan into transactions: each creates some of the tasks, holds by itself, and is refused when the
// scheduler was deposed or one of the hosts has changed since the plan was made.
import { invariant } from '@berth/model/assert.ts';
import type { PlaceRequest, TaskRecord } from '@berth/model/generated/messages.ts';
import type { Assignment } from '@berth/model/placement/plan.ts';
import type { PlacementSpec } from '@berth/model/placement/spec.ts';
import { collections } from '@berth/store/keys.ts';
import { guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';
import type { Guard, Put, Transaction } from '@berth/store/store.ts';

/** Below the store's 128 guards: each task may bring its host's, and one is the leader's. */
const MAX_TASKS = 100;
const MAX_BYTES = 512 * 1024;

export interface Batch {
  readonly tasks: readonly TaskRecord[];
  readonly transaction: Transaction;
}

export interface TaskMaker {
  readonly request: PlaceRequest;
  readonly spec: PlacementSpec;
  /** The capacity provider of all these tasks; absent: that of their host, where the request has a strategy. */
  readonly provider?: string | undefined;
  readonly epoch: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** @param hostProvider the capacity provider that the host belongs to */
export function taskRecord(
  { request, spec, provider, epoch, now }: TaskMaker,
  { taskId, hostId }: Assignment,
  hostProvider?: string,
): TaskRecord {
  const { cpu, memory, ports, portsUdp } = spec.requirements;
  return {
    id: taskId,
    cluster: request.cluster,
    hostId,
    taskDefinition: request.taskDefinition,
    group: request.group,
    startedBy: request.startedBy,
    owner: request.owner,
    service: request.service,
    desiredStatus: 'RUNNING',
    createdAt: now,
    epoch,
    overrides: request.overrides,
    reserved: { cpu, memory, ports, portsUdp },
    tags: request.tags,
    holdPorts: request.loadBalanced,
    drainBeforeStop: request.loadBalanced,
    launchType: request.launchType,
    capacityProviderName:
      request.capacityProviderStrategy.length > 0 ? (provider ?? hostProvider) : undefined,
    enableExecuteCommand: request.enableExecuteCommand,
    platformVersion: request.platformVersion,
  };
}

interface Part {
  readonly tasks: TaskRecord[];
  readonly puts: Put[];
  /** By host; the leader's under ''. */
  readonly guards: Map<string, Guard>;
  bytes: number;
}

/**
 * The transactions that create these tasks, small enough for the store. Call it in the same turn of the loop
 * in which the plan was made: it takes the hosts' revisions from `state`.
 */
export function batches(tasks: readonly TaskRecord[], leader: Guard, state: State): Batch[] {
  const parts: Part[] = [];
  for (const task of tasks) {
    const put = putRecord(collections.tasks, [task.cluster, task.id], task);
    const bytes = put.key.length + put.value.length;
    let open = parts.at(-1);
    if (!open || open.tasks.length >= MAX_TASKS || open.bytes + bytes > MAX_BYTES) {
      open = { tasks: [], puts: [], guards: new Map([['', leader]]), bytes: 0 };
      parts.push(open);
    }
    const host = state.get(collections.hosts, task.cluster, task.hostId);
    invariant(host !== undefined, `a task was placed on host ${task.hostId}, which has no record`);
    open.tasks.push(task);
    open.puts.push(put);
    open.guards.set(task.hostId, guardUnchanged(host));
    open.bytes += bytes;
  }
  return parts.map(({ tasks: own, puts, guards }) => ({
    tasks: own,
    transaction: { guards: [...guards.values()], puts, deletes: [] },
  }));
}
