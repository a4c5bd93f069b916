// How many tasks of each cluster, service and deployment run or are to run, kept up to date with each change: to count them anew for
// each question would cost as much as there are tasks.
import type { Clock } from '@berth/control/clock.ts';
import { inSlices } from '@berth/control/slices.ts';
import type { TargetRecord, TaskRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State, StateCache, Stored } from '@berth/store/state.ts';

import { countedAs, countTasks, type TaskCounts } from './task-status.ts';

type Counts = { -readonly [K in keyof TaskCounts]: TaskCounts[K] };
type Counted = keyof TaskCounts;

const NONE: TaskCounts = { running: 0, pending: 0 };

/** Of states that are followed, and counted as a whole. */
const tallies = new WeakMap<State, TaskTally>();

export class TaskTally {
  readonly #state: State;
  /** What each task counts as, with whose it is; of those that count. */
  readonly #counted = new Map<string, { readonly task: TaskRecord; readonly as: Counted }>();
  readonly #clusters = new Map<string, Counts>();
  readonly #services = new Map<string, Counts>();
  readonly #owners = new Map<string, Counts>();

  constructor(state: State) {
    this.#state = state;
  }

  ofCluster(cluster: string): TaskCounts {
    return this.#clusters.get(cluster) ?? NONE;
  }

  ofService(cluster: string, service: string): TaskCounts {
    return this.#services.get(`${cluster}/${service}`) ?? NONE;
  }

  ofOwner(owner: string): TaskCounts {
    return this.#owners.get(owner) ?? NONE;
  }

  /** To be called after the state has moved on. */
  note({ collection, parts, before, after }: Change): void {
    const [first = '', second = ''] = parts;
    if (collection === 'tasks' || collection === 'taskStatus') this.count(first, second);
    else if (collection === 'targets') {
      const { cluster, taskId } = ((after ?? before) as Stored<TargetRecord>).value;
      if (taskId !== '') this.count(cluster, taskId);
    }
  }

  /** Count one task as what it is now. */
  count(cluster: string, id: string): void {
    const task = this.#state.get(collections.tasks, cluster, id)?.value;
    const as = task && countedAs(this.#state, task);
    const former = this.#counted.get(id);
    if (former?.as === as) return;
    if (former) {
      this.#add(former.task, former.as, -1);
      this.#counted.delete(id);
    }
    if (!task || !as) return;
    this.#add(task, as, 1);
    this.#counted.set(id, { task, as });
  }

  #add({ cluster, service, owner }: TaskRecord, as: Counted, one: 1 | -1): void {
    add(this.#clusters, cluster, as, one);
    add(this.#owners, owner, as, one);
    if (service !== undefined) add(this.#services, `${cluster}/${service}`, as, one);
  }
}

function add(to: Map<string, Counts>, key: string, as: Counted, one: 1 | -1): void {
  const counts = to.get(key);
  if (!counts) {
    to.set(key, { ...NONE, [as]: one });
    return;
  }
  counts[as] += one;
  if (counts.running === 0 && counts.pending === 0) to.delete(key);
}

/** As soon as everything was counted once, what is asked of this cache is answered by a tally. @returns ends it */
export function followTasks(cache: StateCache, clock: Clock): () => void {
  const tally = new TaskTally(cache);
  const ended = new AbortController();
  const unsubscribe = cache.subscribe(({ changes }) => {
    for (const change of changes) tally.note(change);
  });
  const count = ({ value: { cluster, id } }: Stored<TaskRecord>): void => tally.count(cluster, id);
  void inSlices(cache.list(collections.tasks), count, clock, ended.signal).then(
    () => tallies.set(cache, tally),
    () => undefined, // it has ended meanwhile
  );
  return () => {
    ended.abort(new Error('the tally has ended'));
    tallies.delete(cache);
    unsubscribe();
  };
}

export function countOfCluster(state: State, cluster: string): TaskCounts {
  const tally = tallies.get(state);
  return tally?.ofCluster(cluster) ?? countTasks(state, state.list(collections.tasks, cluster));
}

export function countOfService(state: State, cluster: string, service: string): TaskCounts {
  const tally = tallies.get(state);
  return (
    tally?.ofService(cluster, service) ?? countTasks(state, state.tasksByService(cluster, service))
  );
}

/** Of a deployment, or a task set. */
export function countOfOwner(state: State, owner: string): TaskCounts {
  return tallies.get(state)?.ofOwner(owner) ?? countTasks(state, state.tasksByOwner(owner));
}
