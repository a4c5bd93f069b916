// Turns a plan into transactions: each creates some of the tasks, holds by itself, and is refused when the
// scheduler was deposed or one of the hosts has changed since the plan was made.
import { invariant } from '@berth/model/assert.ts';
import type { TaskRecord } from '@berth/model/generated/messages.ts';
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
 * @param decision goes with the first of them
 */
export function batches(
  tasks: readonly TaskRecord[],
  decision: Put,
  leader: Guard,
  state: State,
): Batch[] {
  const parts: Part[] = [];
  for (const task of tasks) {
    const put = putRecord(collections.tasks, [task.cluster, task.id], task);
    const bytes = put.key.length + put.value.length;
    let open = parts.at(-1);
    if (!open || open.tasks.length >= MAX_TASKS || open.bytes + bytes > MAX_BYTES) {
      const puts = parts.length === 0 ? [decision] : [];
      open = { tasks: [], puts, guards: new Map([['', leader]]), bytes: 0 };
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
