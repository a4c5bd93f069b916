// What a chaos test sees of the cluster: its own view of etcd, so that it knows to a few milliseconds when something changed,
// whatever the control plane says.
import { readIdentity } from '@berth/cli/connection.ts';
import type { Lab } from '@berth/cli/lab/lab.ts';
import type { TaskRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { createLogger } from '@berth/process/logger.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import { collections } from '@berth/store/keys.ts';
import { openState } from '@berth/store/open-state.ts';
import type { ChangeBatch, StateCache } from '@berth/store/state.ts';

import { Invariants } from './invariants.ts';

/** Also looked at without news, since some things are only due to time. */
const POLL_MS = 100;
export const SERVICE = 'hello';
export type LeaderRole = 'scheduler' | 'controller';

export interface TaskSeen {
  readonly task: TaskRecord;
  readonly status: TaskStatusRecord | undefined;
}

export interface Watcher {
  readonly cache: StateCache;
  readonly invariants: Invariants;
  /** Tasks of the service whose containers may be there. @param service default: the one that faults strike */
  tasks(service?: string): readonly TaskSeen[];
  /** The deployment of the service that is wanted. */
  deploymentId(): string | undefined;
  /** Which node leads in a role, since which epoch. */
  leader(role: LeaderRole): { readonly node: string; readonly epoch: number } | undefined;
  /** Nodes of hosts and proxies by the replica that holds their session: HOST:PORT. */
  sessions(): ReadonlyMap<string, string>;
  /** Why the cluster is not at rest as it was asked to be; undefined when it is. @param without nodes that can't be */
  unrest(without?: readonly string[]): string | undefined;
  /** Why tasks elsewhere do not yet serve in the place of those on such nodes. */
  unreplaced(without: readonly string[]): string | undefined;
  /** Wait for it. @returns ms since it was asked for. @throws Error that says what was missing last */
  until(what: string, withinMs: number, missing: () => string | undefined): Promise<number>;
  close(): Promise<void>;
}

export async function watch(lab: Lab): Promise<Watcher> {
  const { plan } = lab;
  const endpoints = plan.nodes
    .filter(({ kind }) => kind === 'etcd')
    .map(({ address }) => `${address}:7402`);
  const identity = plan.nodes.find(({ kind }) => kind === 'server')?.certificate.directory ?? '';
  const { cache, close } = await openState({
    endpoints,
    tls: readIdentity(identity, 'control'),
    clock: realClock,
    random: realRandom,
    logger: createLogger({ level: 'error', to: { file: `${plan.directory}/logs/watcher.log` } }),
    signal: AbortSignal.timeout(30_000),
  });
  const invariants = new Invariants(cache);
  const listeners = new Set<() => void>();
  const unsubscribe = cache.subscribe((batch: ChangeBatch) => {
    invariants.check(batch);
    for (const listener of listeners) listener();
  });
  const tasks = (service = SERVICE): TaskSeen[] =>
    [...cache.tasksByService(plan.cluster, service)].map(({ value }) => ({
      task: value,
      status: cache.get(collections.taskStatus, plan.cluster, value.id)?.value,
    }));
  const nodeOf = (kind: string, id: string): string => {
    if (kind === 'proxy') return id;
    const [host] = [...cache.hostsById(id)];
    return host?.value.name ?? id;
  };
  const sessions = (): Map<string, string> =>
    new Map(
      [...cache.list(collections.sessions)].map(({ value }) => [
        nodeOf(value.kind, value.id),
        value.replicaAddress,
      ]),
    );
  const leader: Watcher['leader'] = (role) => {
    const record = cache.get(collections.leader, role);
    const node = record?.value.holder.split(':')[0];
    return record && node !== undefined ? { node, epoch: record.createRevision } : undefined;
  };

  const unrest = (without: readonly string[] = []): string | undefined => {
    for (const role of ['scheduler', 'controller'] as const) {
      if (!leader(role)) return `no ${role} leads`;
    }
    const connected = sessions();
    for (const { name, kind } of plan.nodes) {
      if (kind !== 'host' && kind !== 'proxy') continue;
      if (!without.includes(name) && !connected.has(name)) return `${name} has no session`;
    }
    const service = cache.get(collections.services, plan.cluster, SERVICE)?.value;
    const record = cache.get(collections.deployments, plan.cluster, SERVICE)?.value;
    if (!service || !record) return 'there is no service';
    if (record.observedGeneration !== service.generation) return 'the change is not seen yet';
    const [deployment, ...others] = record.deployments;
    if (others.length > 0) return `${others.length + 1} deployments`;
    if (deployment?.rolloutState !== 'COMPLETED') {
      return `the deployment is ${deployment?.rolloutState ?? 'gone'}`;
    }
    return tasksUnrest(service.desiredCount, without);
  };

  const tasksUnrest = (wanted: number, without: readonly string[]): string | undefined => {
    const leaving = tasksBut(without).filter(
      ({ task, status }) => task.desiredStatus === 'STOPPED' && status?.lastStatus !== 'STOPPED',
    );
    if (leaving.length > 0) return `${leaving.length} tasks are still on their way out`;
    return unserved(wanted, without);
  };
  const tasksBut = (without: readonly string[]): TaskSeen[] =>
    tasks().filter(({ task }) => !without.includes(nodeOf('host', task.hostId)));
  const unserved = (wanted: number, without: readonly string[]): string | undefined => {
    const running = tasksBut(without).filter(
      ({ task, status }) => task.desiredStatus === 'RUNNING' && status?.lastStatus === 'RUNNING',
    );
    if (running.length !== wanted) return `${running.length} of ${wanted} tasks run`;
    for (const { name, kind } of plan.nodes) {
      if (kind !== 'proxy' || without.includes(name)) continue;
      const healthy = running.filter(({ task }) =>
        [...cache.targetsByTask(task.id)].some(
          ({ value }) =>
            value.state === 'REGISTERED' &&
            cache.get(collections.targetHealth, value.group, value.id, name)?.value.state ===
              'healthy',
        ),
      );
      if (healthy.length !== wanted) return `${healthy.length} of ${wanted} healthy at ${name}`;
    }
    return undefined;
  };

  const until: Watcher['until'] = async (what, withinMs, missing) => {
    const begin = performance.now();
    let last = missing();
    let wake: () => void = () => undefined;
    const listener = (): void => wake();
    listeners.add(listener);
    try {
      while (last !== undefined) {
        if (performance.now() - begin > withinMs) {
          throw new Error(`not within ${withinMs} ms: ${what}; at last: ${last}`);
        }
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        last = missing();
      }
    } finally {
      listeners.delete(listener);
    }
    return performance.now() - begin;
  };

  return {
    cache,
    invariants,
    tasks,
    deploymentId: () => cache.get(collections.services, plan.cluster, SERVICE)?.value.deploymentId,
    leader,
    sessions,
    unrest,
    unreplaced: (without) =>
      unserved(
        cache.get(collections.services, plan.cluster, SERVICE)?.value.desiredCount ?? 0,
        without,
      ),
    until,
    close: async () => {
      unsubscribe();
      await close();
    },
  };
}
