// Everything about one service in one view, again whenever something of it changes.
import { Latch } from '@berth/control/latch.ts';
import { childScope } from '@berth/control/scope.ts';
import type {
  ServiceProgress,
  ServiceRecord,
  TargetRecord,
  TaskRecord,
  TrafficCounters,
  WatchServiceRequest,
} from '@berth/model/generated/messages.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State, Stored } from '@berth/store/state.ts';

import { lastStatusOf, reportedStatus } from '../views/task-status.ts';
import { serviceView } from '../views/service-view.ts';
import { taskSetsOf } from '../views/task-set-view.ts';
import { taskProgressView } from '../views/task-progress-view.ts';
import type { OwnOperationsDeps } from './deps-operations.ts';
import { requireCluster, requireService } from './resolve.ts';

/** At most four times a second. */
const LEAST_INTERVAL_MS = 250;
/** What is counted and what only time changes is looked at this often. */
const TICK_MS = 1_000;
/** Stopped tasks stay in sight so long, so that people see how they ended. */
const STOPPED_SHOWN_MS = 600_000;
const MOST_STOPPED = 20;

/** @throws BerthError ClusterNotFoundException, ServiceNotFoundException, also when it is deleted later */
export async function* watchService(
  deps: OwnOperationsDeps,
  request: WatchServiceRequest,
  context: CallContext,
): AsyncGenerator<ServiceProgress, void, undefined> {
  const { cache, realm, clock } = deps;
  const { signal } = context;
  await deps.freshen(signal);
  const place = requireCluster({ state: cache, realm }, request.cluster, 'service', [
    request.service,
  ]);
  const { cluster, name } = requireService(place, request.service).value;
  const news = new Latch();
  const unsubscribe = cache.subscribe(({ changes }) => {
    if (changes.some((change) => concerns(cache, change, cluster, name))) news.set();
  });
  try {
    let last = '';
    for (;;) {
      const traffic = await trafficOf(deps, requireService(place, name).value, signal);
      const progress = progressOf(deps, requireService(place, name).value, traffic);
      const text = JSON.stringify({ ...progress, at: 0 });
      if (text !== last) yield progress;
      last = text;
      await clock.sleep(LEAST_INTERVAL_MS, signal);
      await newsOrTick(deps, news, signal);
    }
  } finally {
    unsubscribe();
  }
}

function progressOf(
  deps: OwnOperationsDeps,
  service: ServiceRecord,
  traffic: TrafficCounters | undefined,
): ServiceProgress {
  const { cache, realm, clock } = deps;
  const now = clock.now();
  const view = serviceView(cache, realm, service, now);
  return {
    service: view,
    tasks: shownTasks(cache, service, now).map((task) => taskProgressView(cache, realm, task, now)),
    traffic,
    at: now,
  };
}

/** All that live and the last that stopped, oldest first. */
function shownTasks(state: State, service: ServiceRecord, now: number): TaskRecord[] {
  const tasks = Array.from(
    state.tasksByService(service.cluster, service.name),
    ({ value }) => value,
  );
  const isStopped = (task: TaskRecord): boolean => lastStatusOf(state, task) === 'STOPPED';
  const stoppedAt = (task: TaskRecord): number =>
    reportedStatus(state, task)?.stoppedAt ?? task.stoppingAt ?? task.createdAt;
  const stopped = tasks
    .filter((task) => isStopped(task) && stoppedAt(task) > now - STOPPED_SHOWN_MS)
    .sort((a, b) => stoppedAt(b) - stoppedAt(a))
    .slice(0, MOST_STOPPED);
  const living = tasks.filter((task) => !isStopped(task));
  return [...living, ...stopped].sort(
    (a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1),
  );
}

/** Of all of the service's target groups; absent for a service without any. */
async function trafficOf(
  deps: OwnOperationsDeps,
  service: ServiceRecord,
  signal: AbortSignal,
): Promise<TrafficCounters | undefined> {
  const sets = isExternal(service) ? taskSetsOf(deps.cache, service) : [];
  const balancers = [service, ...sets].flatMap(({ loadBalancers }) => loadBalancers);
  const groups = new Set(balancers.map((item) => nameOf(item.targetGroupArn)));
  return groups.size === 0 ? undefined : deps.traffic.counters([...groups], signal);
}

async function newsOrTick(
  deps: OwnOperationsDeps,
  news: Latch,
  signal: AbortSignal,
): Promise<void> {
  const scope = childScope(signal);
  try {
    await Promise.race([news.take(scope.signal), deps.clock.sleep(TICK_MS, scope.signal)]);
  } finally {
    scope.abort();
  }
}

/** Whether a change is of this service, its tasks or their targets. */
function concerns(state: State, change: Change, cluster: string, name: string): boolean {
  const { parts } = change;
  const [first = '', second = ''] = parts;
  switch (change.collection) {
    case 'services':
    case 'deployments':
      return first === cluster && second === name;
    case 'tasks':
    case 'targets':
    case 'events': {
      const item = (change.after ?? change.before) as Stored<TaskRecord | TargetRecord> | undefined;
      return item?.value.cluster === cluster && item.value.service === name;
    }
    case 'taskStatus':
      return (
        first === cluster && state.get(collections.tasks, first, second)?.value.service === name
      );
    case 'targetHealth': {
      const target = state.get(collections.targets, first, second)?.value;
      return target?.cluster === cluster && target.service === name;
    }
    default:
      return false;
  }
}
