// What would follow from a change: the forecast of the model on a copy of this replica's view. It reads the view and
// nothing else, writes nothing, and asks nobody.
import { BerthError } from '@berth/model/errors.ts';
import type { Change, ClusterNow } from '@berth/model/forecast/copy.ts';
import {
  type Forecast,
  forecast,
  type HostRoom,
  type TaskChange,
} from '@berth/model/forecast/forecast.ts';
import { leftOut } from '@berth/model/forecast/left-out.ts';
import { zoneOf } from '@berth/model/deployment/targets.ts';
import type {
  PredictedHost,
  PredictedService,
  PredictedTask,
  PredictPlacementRequest,
  PredictPlacementResponse,
  ServiceRecord,
} from '@berth/model/generated/messages.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { definitionName } from '@berth/model/resources/task-definition.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { definitionOf } from '../views/definition.ts';
import type { OperationsDeps } from './deps.ts';
import {
  type ClusterPlace,
  invalid,
  requireActiveDefinition,
  requireCluster,
  requireHost,
  requireService,
} from './resolve.ts';
import { Turns } from './turns.ts';

/** Of one replica: a prediction holds a copy of all tasks of a cluster. */
const turns = new WeakMap<State, Turns>();
const MOST_COUNT = 100_000;
/** Then others get their turn. */
const TURN_MS = 10;

/**
 * @throws BerthError ClusterNotFoundException, ServiceNotFoundException, ServiceNotActiveException, ClientException,
 * InvalidParameterException
 */
export async function predictPlacement(
  { cache, realm, clock, freshen }: OperationsDeps,
  request: PredictPlacementRequest,
  signal: AbortSignal,
): Promise<PredictPlacementResponse> {
  await freshen(signal);
  const place = requireCluster({ state: cache, realm }, request.cluster);
  changeOf(place, request);
  let own = turns.get(cache);
  if (!own) turns.set(cache, (own = new Turns()));
  return own.run('predictions', signal, async () => {
    const { revision } = cache;
    const change = changeOf(place, request);
    const now = clusterNow(cache, place.name, clock.now());
    const work = forecast(now, change);
    for (let since = clock.monotonic(); ;) {
      const next = work.next();
      if (next.done === true) return answer(next.value, now, revision);
      if (clock.monotonic() - since < TURN_MS) continue;
      await clock.sleep(0, signal);
      since = clock.monotonic();
    }
  });
}

function changeOf(place: ClusterPlace, request: PredictPlacementRequest): Change {
  const { drain, lose, scale, deploy, rebalance } = request;
  const asked = [drain, lose.length > 0 ? lose : undefined, scale, deploy, rebalance];
  if (asked.filter((one) => one !== undefined).length !== 1) {
    throw invalid('Expected exactly one of drain, lose, scale, deploy and rebalance.');
  }
  if (drain !== undefined) return { kind: 'drain', hostId: requireHost(place, drain).value.id };
  if (rebalance) {
    const { service, ontoHosts } = rebalance;
    if (service === undefined) return { kind: 'rebalance', ontoHosts };
    const { name, schedulingStrategy } = activeService(place, service);
    if (schedulingStrategy === 'DAEMON') {
      throw invalid(`The service "${name}" is a DAEMON service; its tasks are not moved.`);
    }
    return { kind: 'rebalance', service: name, ontoHosts };
  }
  if (scale) {
    const { desiredCount } = scale;
    const { name, schedulingStrategy } = activeService(place, scale.service);
    if (schedulingStrategy === 'DAEMON') {
      throw invalid(`The service "${name}" is a DAEMON service; its count is that of its hosts.`);
    }
    if (desiredCount < 0 || desiredCount > MOST_COUNT) {
      throw invalid(`desiredCount is ${desiredCount}; expected 0 to ${MOST_COUNT}.`);
    }
    return { kind: 'scale', service: name, desiredCount };
  }
  if (deploy) {
    const record = activeService(place, deploy.service);
    const service = record.name;
    if (isExternal(record)) {
      throw invalid(
        `The service "${service}" has a deployment controller of type EXTERNAL: it has task sets and no deployments.`,
      );
    }
    const definition = requireActiveDefinition(place, deploy.taskDefinition).value;
    return { kind: 'deploy', service, taskDefinition: definitionName(definition) };
  }
  return { kind: 'lose', hostIds: lose.map((text) => requireHost(place, text).value.id) };
}

function activeService(place: ClusterPlace, text: string): ServiceRecord {
  const service = requireService(place, text).value;
  if (service.status === 'ACTIVE') return service;
  throw new BerthError(
    'ServiceNotActiveException',
    `Service was not ACTIVE. (service "${service.name}" is ${service.status})`,
  );
}

/** The view of one moment: records are never changed, so a list of them is a copy. */
function clusterNow(state: State, cluster: string, now: number): ClusterNow {
  const statusOf = (id: string) => state.get(collections.taskStatus, cluster, id)?.value;
  const definitions = new Map<string, ReturnType<typeof definitionOf>>();
  const tasks = Array.from(state.list(collections.tasks, cluster), ({ value: task }) => ({
    task,
    status: statusOf(task.id),
  }));
  return {
    cluster,
    now,
    tasks,
    hosts: Array.from(state.list(collections.hosts, cluster), ({ value: record }) => ({
      record,
      connected: state.get(collections.sessions, 'host', record.id) !== undefined,
    })),
    services: Array.from(state.list(collections.services, cluster), ({ value: service }) => ({
      service,
      record: state.get(collections.deployments, cluster, service.name)?.value,
      taskSets: Array.from(
        state.list(collections.taskSets, cluster, service.name),
        ({ value }) => value,
      ),
    })).filter(({ service }) => service.status !== 'INACTIVE'),
    definition: (name) => {
      if (!definitions.has(name)) definitions.set(name, definitionOf(state, name));
      return definitions.get(name);
    },
  };
}

function answer(found: Forecast, now: ClusterNow, revision: number): PredictPlacementResponse {
  const { before, after, exact, settled, staying } = found;
  const changed = new Set(found.tasks.map(({ service }) => service));
  return {
    revision,
    tasks: found.tasks.map((task) => taskOf(task, before)),
    hosts: [...before.values()]
      .map((room) => hostOf(room, after.get(room.record.id) ?? room))
      .filter((host) => host !== undefined)
      .sort((a, b) => (a.hostName < b.hostName ? -1 : 1)),
    services: found.services
      .filter(({ service, unplaced }) => changed.has(service) || unplaced !== undefined)
      .map((outcome): PredictedService => outcome)
      .sort((a, b) => (a.service < b.service ? -1 : 1)),
    exact,
    settled,
    staying,
    leftOut: leftOutOf(now, found.tasks),
  };
}

/** Of the services that do something. */
function leftOutOf({ services, definition }: ClusterNow, tasks: readonly TaskChange[]): string[] {
  const found = services.flatMap(({ service }) => {
    const own = tasks.filter((task) => task.service === service.name);
    const names = new Set(own.map(({ taskDefinition }) => taskDefinition));
    return own.length === 0 ? [] : leftOut(service, [...names].map(definition));
  });
  return [...new Set(found)];
}

function taskOf(task: TaskChange, hosts: ReadonlyMap<string, HostRoom>): PredictedTask {
  const record = hosts.get(task.hostId)?.record;
  return {
    ...task,
    hostName: record?.name ?? task.hostId,
    zone: zoneOf(record?.attributes),
  };
}

function hostOf({ record, ...before }: HostRoom, after: HostRoom): PredictedHost | undefined {
  const same =
    before.tasks === after.tasks &&
    before.cpuFree === after.cpuFree &&
    before.memoryFree === after.memoryFree;
  if (same) return undefined;
  return {
    hostId: record.id,
    hostName: record.name,
    zone: zoneOf(record.attributes),
    tasksBefore: before.tasks,
    tasksAfter: after.tasks,
    cpuFreeBefore: before.cpuFree,
    cpuFreeAfter: after.cpuFree,
    memoryFreeBefore: before.memoryFree,
    memoryFreeAfter: after.memoryFree,
  };
}
