// The invariants of the design that can be seen in the state, checked with every change that etcd accepted, by rules of their
// own: nothing here is shared with the code that is checked.
import type { HostRecord, ServiceRecord, TaskRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, ChangeBatch, StateCache, Stored } from '@berth/store/state.ts';

const MOST_KEPT = 50;

export class Invariants {
  readonly #cache: StateCache;
  readonly #violations: string[] = [];
  /** The newest scheduler's term that was seen. */
  #epoch = 0;
  #checked = 0;

  constructor(cache: StateCache) {
    this.#cache = cache;
    this.#epoch = cache.get(collections.leader, 'scheduler')?.createRevision ?? 0;
  }

  /** What did not hold, in words. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  /** Changes that were looked at. */
  get checked(): number {
    return this.#checked;
  }

  check({ changes }: ChangeBatch): void {
    this.#checked += changes.length;
    for (const change of changes) {
      if (change.collection === 'leader' && change.parts[0] === 'scheduler' && change.after) {
        this.#epoch = Math.max(this.#epoch, change.after.createRevision);
      }
    }
    const created = changes.filter(
      ({ collection, before, after }) => collection === 'tasks' && !before && after,
    );
    for (const change of created) this.#fenced(change);
    const tasks = changes.flatMap(({ collection, after }) =>
      collection === 'tasks' && after ? (after as Stored<TaskRecord>).value : [],
    );
    for (const id of new Set(tasks.map(({ hostId }) => hostId))) this.#fits(id);
    if (created.length > 0) this.#withinMaximum();
    if (changes.some(({ collection }) => collection === 'targets')) this.#portsHaveOneOwner();
  }

  #fail(what: string): void {
    if (this.#violations.length < MOST_KEPT) this.#violations.push(what);
  }

  /** 4: a task is created in the term of whoever leads at that revision. */
  #fenced({ after, parts }: Change): void {
    const { value, createRevision } = after as Stored<TaskRecord>;
    if (value.epoch < this.#epoch && createRevision > this.#epoch) {
      this.#fail(
        `invariant 4: task ${parts[1]} of epoch ${value.epoch} was created at ${createRevision}, in epoch ${this.#epoch}`,
      );
    }
  }

  /** 2: pending plus running tasks of a service never exceed its maximum. */
  #withinMaximum(): void {
    for (const { value: service } of this.#cache.list(collections.services)) {
      const active = [...this.#cache.tasksByService(service.cluster, service.name)].filter(
        ({ value }) => value.desiredStatus === 'RUNNING' && this.#isThere(value),
      );
      const most = maximum(service);
      if (active.length > most) {
        this.#fail(`invariant 2: ${service.name} has ${active.length} tasks of at most ${most}`);
      }
    }
  }

  /** 3: what is reserved on a host never exceeds what it registered. */
  #fits(hostId: string): void {
    for (const { value: host } of this.#cache.hostsById(hostId)) {
      const there = [...this.#cache.tasksByHost(hostId)].filter(({ value }) =>
        this.#isThere(value),
      );
      for (const what of ['cpu', 'memory'] as const) {
        const used = there.reduce((sum, { value }) => sum + (value.reserved?.[what] ?? 0), 0);
        if (used > registered(host, what)) {
          this.#fail(`invariant 3: ${host.name} has ${used} of ${registered(host, what)} ${what}`);
        }
      }
    }
  }

  /** 7: no port of a host belongs to two tasks while a proxy may send to either. */
  #portsHaveOneOwner(): void {
    const owners = new Map<string, string>();
    for (const { value } of this.#cache.list(collections.targets)) {
      const place = `${value.address}:${value.port}`;
      const owner = owners.get(place);
      if (owner !== undefined && owner !== value.taskId) {
        this.#fail(`invariant 7: ${place} belongs to task ${owner} and to ${value.taskId}`);
      }
      owners.set(place, value.taskId);
    }
  }

  #isThere({ cluster, id }: TaskRecord): boolean {
    return this.#cache.get(collections.taskStatus, cluster, id)?.value.lastStatus !== 'STOPPED';
  }
}

function maximum({ desiredCount, deploymentConfiguration }: ServiceRecord): number {
  return Math.floor((desiredCount * (deploymentConfiguration?.maximumPercent ?? 200)) / 100);
}

function registered({ registeredResources }: HostRecord, what: 'cpu' | 'memory'): number {
  return registeredResources?.[what] ?? 0;
}
