// The parts of the views of services, kept ready: each change of a record replaces what is made from it, and a look at a service
// iterates over what is there. A look that read the records anew would look up five of them for each task, far apart in memory.
// A service is taken in when somebody first asks for it, so that a new term begins at once however much there is.
import type { HostView, TaskView } from '@berth/model/deployment/view.ts';
import type {
  TargetRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State, Stored } from '@berth/store/state.ts';

import type { Observations } from './observations.ts';
import {
  areUneven,
  type Names,
  namesIn,
  type Places,
  readHost,
  readPlaces,
  readTargets,
  readTask,
  type ServiceTasks,
  type ViewParts,
} from './read-view.ts';

interface Kept {
  /** By id, in the order of the state. */
  readonly tasks: Map<string, TaskView>;
  /** Undefined: tasks came, went or name something else. */
  names: Names | undefined;
  hosts: { readonly of: Names; readonly version: number; readonly found: ServiceTasks['hosts'] };
  /** Undefined: something has changed since it was given out. */
  ready: ServiceTasks | undefined;
  /** What was found of the tasks that are ready. */
  uneven: { readonly places: Places; readonly are: boolean } | undefined;
}

const NOBODY: Kept['hosts'] = { of: namesIn([]), version: -1, found: new Map() };

export class ServiceViews implements ViewParts {
  readonly #state: State;
  readonly #observations: Observations;
  /** By cluster and name. */
  readonly #services = new Map<string, Map<string, Kept>>();
  /** By cluster and id; undefined: it is not registered. */
  readonly #hosts = new Map<string, Map<string, HostView | undefined>>();
  readonly #places = new Map<string, Places>();
  #hostsVersion = 0;
  #offset: number;
  #absenceCountsFrom: number;

  /**
   * Every change of the state has to be noted from now on: before anybody asks again, and after the observations took note
   * of it.
   */
  constructor(state: State, observations: Observations) {
    this.#state = state;
    this.#observations = observations;
    this.#offset = observations.offset;
    this.#absenceCountsFrom = observations.absenceCountsFrom;
  }

  tasksOf(cluster: string, service: string): ServiceTasks {
    this.#followTimes();
    const kept = this.#find(cluster, service) ?? this.#takeIn(cluster, service);
    kept.names ??= namesIn(kept.tasks.values());
    const hosts = this.#hostsOf(cluster, kept, kept.names);
    if (kept.ready?.hosts !== hosts) {
      const { taskDefinitions, groups } = kept.names;
      kept.uneven = undefined;
      kept.ready = { tasks: [...kept.tasks.values()], hosts, taskDefinitions, groups };
    }
    return kept.ready;
  }

  isUneven(cluster: string, service: string, ontoHosts: boolean): boolean {
    const { tasks } = this.tasksOf(cluster, service);
    const places = this.#placesOf(cluster, ontoHosts);
    const kept = this.#find(cluster, service);
    const known = kept?.uneven;
    if (known?.places === places) return known.are;
    const are = areUneven(tasks, places);
    if (kept) kept.uneven = { places, are };
    return are;
  }

  #placesOf(cluster: string, ontoHosts: boolean): Places {
    const key = `${cluster} ${ontoHosts}`;
    let places = this.#places.get(key);
    if (!places) this.#places.set(key, (places = readPlaces(this.#state, cluster, ontoHosts)));
    return places;
  }

  /** The state has changed so. */
  note({ collection, parts, before, after }: Change): void {
    const [first = '', second = ''] = parts;
    switch (collection) {
      case 'tasks':
        this.#noteTask(
          before as Stored<TaskRecord> | undefined,
          after as Stored<TaskRecord> | undefined,
        );
        return;
      case 'taskStatus':
        this.#noteStatus(first, second, after?.value as TaskStatusRecord | undefined);
        return;
      case 'targets':
        for (const stored of [before, after]) {
          if (stored) this.#noteTarget(stored.value as TargetRecord);
        }
        return;
      case 'targetHealth': {
        const target = this.#state.get(collections.targets, first, second);
        if (target) this.#noteTarget(target.value);
        return;
      }
      case 'services':
      case 'deployments':
        if (!after) this.#services.get(first)?.delete(second);
        return;
      case 'hosts':
        this.#hosts.get(first)?.delete(second);
        this.#hostsVersion += 1;
        this.#places.clear();
        return;
      case 'sessions':
        if (first !== 'host') return;
        for (const hosts of this.#hosts.values()) hosts.delete(second);
        this.#hostsVersion += 1;
        return;
      default:
    }
  }

  #noteTask(before: Stored<TaskRecord> | undefined, after: Stored<TaskRecord> | undefined): void {
    const former = before && this.#keeping(before.value);
    const present = after && this.#keeping(after.value);
    if (former && former !== present) {
      former.tasks.delete(before.value.id);
      former.names = former.ready = undefined;
    }
    if (!present) return;
    const task = after.value;
    const known = present.tasks.get(task.id);
    present.tasks.set(
      task.id,
      known ? { ...known, task } : readTask(this.#state, after, this.#observations),
    );
    present.ready = undefined;
    const { hostId, taskDefinition } = known?.task ?? {};
    if (hostId !== task.hostId || taskDefinition !== task.taskDefinition) present.names = undefined;
  }

  #noteStatus(cluster: string, id: string, status: TaskStatusRecord | undefined): void {
    this.#replace(cluster, id, ({ task, targets }) => ({
      task,
      status,
      runningSince: this.#observations.runningSince(status),
      targets,
    }));
  }

  #noteTarget({ cluster, taskId }: TargetRecord): void {
    const kept = this.#replace(cluster, taskId, ({ task, status, runningSince }) => ({
      task,
      status,
      runningSince,
      targets: readTargets(this.#state, taskId),
    }));
    if (kept) kept.names = undefined;
  }

  /** @returns the service of the task; undefined when it is not kept. A task that came since is noted for itself. */
  #replace(cluster: string, id: string, next: (known: TaskView) => TaskView): Kept | undefined {
    const task = this.#state.get(collections.tasks, cluster, id)?.value;
    const kept = task && this.#keeping(task);
    const known = kept?.tasks.get(id);
    if (!kept || !known) return undefined;
    kept.tasks.set(id, next(known));
    kept.ready = undefined;
    return kept;
  }

  #keeping({ cluster, service }: TaskRecord): Kept | undefined {
    return service === undefined ? undefined : this.#find(cluster, service);
  }

  #find(cluster: string, service: string): Kept | undefined {
    return this.#services.get(cluster)?.get(service);
  }

  #takeIn(cluster: string, service: string): Kept {
    const tasks = new Map<string, TaskView>();
    for (const stored of this.#state.tasksByService(cluster, service)) {
      tasks.set(stored.value.id, readTask(this.#state, stored, this.#observations));
    }
    const kept: Kept = {
      tasks,
      names: undefined,
      hosts: NOBODY,
      ready: undefined,
      uneven: undefined,
    };
    const services = this.#services.get(cluster) ?? new Map<string, Kept>();
    this.#services.set(cluster, services.set(service, kept));
    return kept;
  }

  #hostsOf(cluster: string, kept: Kept, names: Names): ServiceTasks['hosts'] {
    if (kept.hosts.of !== names || kept.hosts.version !== this.#hostsVersion) {
      const found = new Map<string, HostView>();
      for (const id of names.hostIds) {
        const host = this.#host(cluster, id);
        if (host) found.set(id, host);
      }
      kept.hosts = { of: names, version: this.#hostsVersion, found };
    }
    return kept.hosts.found;
  }

  #host(cluster: string, id: string): HostView | undefined {
    let hosts = this.#hosts.get(cluster);
    if (!hosts) {
      hosts = new Map<string, HostView | undefined>();
      this.#hosts.set(cluster, hosts);
    }
    if (!hosts.has(id)) hosts.set(id, readHost(this.#state, cluster, id, this.#observations));
    return hosts.get(id);
  }

  /** Times that were told by a wall clock that was set since are not true any more; nor are those of hosts whose absence counts from later. */
  #followTimes(): void {
    const { offset, absenceCountsFrom } = this.#observations;
    if (offset === this.#offset && absenceCountsFrom === this.#absenceCountsFrom) return;
    if (offset !== this.#offset) this.#services.clear();
    this.#offset = offset;
    this.#absenceCountsFrom = absenceCountsFrom;
    this.#hosts.clear();
    this.#hostsVersion += 1;
  }
}
