// Says which hosts would take one more task, why the others would not, and what would change that. The scheduler's
// leader answers; here is found out what to ask it.
import { placeRequest } from '@berth/model/deployment/place-request.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  ExplainPlacementRequest,
  ExplainPlacementResponse,
  PlaceRequest,
  RunTaskRequest,
  ServiceRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { specOf } from '@berth/model/placement/parts.ts';
import { checkLaunchOf } from '@berth/model/validation/launch.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { acceptRunTask } from '@berth/model/validation/run-task.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { definitionOf } from '../views/definition.ts';
import { taskSetsOf } from '../views/task-set-view.ts';
import { taskView } from '../views/task-view.ts';
import type { OperationsDeps } from './deps.ts';
import { placeWish } from './ecs/run-task.ts';
import { launchIn } from './ecs/service-order.ts';
import { decisionOf } from './placement-decisions.ts';
import {
  type ClusterPlace,
  invalid,
  requireActiveDefinition,
  requireCluster,
  requireService,
  requireTask,
} from './resolve.ts';

/** What to ask the scheduler, and what to say besides. */
interface Question {
  readonly cluster: string;
  readonly place: Omit<PlaceRequest, 'viewRevision'>;
  readonly withoutTask?: string | undefined;
  readonly about: Partial<ExplainPlacementResponse>;
}

/** @throws BerthError as RunTask and DescribeServices do; InvalidParameterException; Unavailable without a scheduler */
export async function explainPlacement(
  deps: OperationsDeps,
  request: ExplainPlacementRequest,
  signal: AbortSignal,
): Promise<ExplainPlacementResponse> {
  const { cache, realm, freshen } = deps;
  await freshen(signal);
  const { service, task, run } = request;
  if ([service, task, run].filter((one) => one !== undefined).length !== 1) {
    throw invalid('Expected exactly one of service, task and run.');
  }
  const asked = request.cluster ?? run?.cluster;
  const kind = task === undefined ? 'service' : 'task';
  const named = [service, task].filter((text) => text !== undefined);
  const place = requireCluster({ state: cache, realm }, asked, kind, named);
  const question =
    service !== undefined
      ? aboutService(place, service)
      : task !== undefined
        ? aboutTask(place, task)
        : aboutRun(place, run as RunTaskRequest);
  return answer(deps, question, signal);
}

async function answer(
  { cache, schedulerExplain }: OperationsDeps,
  { cluster, place, withoutTask, about }: Question,
  signal: AbortSignal,
): Promise<ExplainPlacementResponse> {
  const definition = definitionOf(cache, place.taskDefinition);
  const { cpu, memory, ports, portsUdp, gpus } = specOf(place, definition).requirements;
  const common = {
    servedHostIds: [],
    rulesForgotten: false,
    ...about,
    cluster,
    taskDefinition: place.taskDefinition,
    group: place.group,
    asked: { cpu, memory, ports, portsUdp, gpuIds: [], gpus: gpus || undefined },
    placementConstraints: [
      ...(definition?.placementConstraints ?? []),
      ...place.placementConstraints,
    ],
    placementStrategy: place.placementStrategy,
  };
  // Named hosts, of which none is left, are not all hosts.
  if (common.servedHostIds.length > 0 && place.hostIds.length === 0)
    return { ...common, hosts: [] };
  const viewRevision = cache.revision;
  const said = await schedulerExplain({ place: { ...place, viewRevision }, withoutTask }, signal);
  return { ...common, ...said };
}

function aboutService(place: ClusterPlace, text: string): Question {
  const service = requireService(place, text).value;
  if (service.status !== 'ACTIVE') {
    throw new BerthError(
      'ServiceNotActiveException',
      `Service was not ACTIVE. (service "${service.name}" is ${service.status})`,
    );
  }
  const { state, name: cluster } = place;
  const daemon = service.schedulingStrategy === 'DAEMON';
  const served = daemon ? servedHosts(state, service) : new Set<string>();
  const hosts = daemon ? Array.from(state.list(collections.hosts, cluster)) : [];
  const hostIds = hosts.map(({ value }) => value.id).filter((id) => !served.has(id));
  const deployments = state.get(collections.deployments, cluster, service.name)?.value.deployments;
  const [primary] = isExternal(service) ? taskSetsOf(state, service) : (deployments ?? []);
  if (!primary && isExternal(service)) {
    throw invalid(`The service "${service.name}" has no task set whose tasks could be placed.`);
  }
  const start = {
    deploymentId: primary?.id ?? service.deploymentId,
    taskDefinition: primary?.taskDefinition ?? service.taskDefinition,
    count: 1,
    hostIds,
  };
  return {
    cluster,
    place: ofService(place, service, start),
    about: { servedHostIds: [...served] },
  };
}

/** Hosts with a task of the service that has not stopped. */
function servedHosts(state: State, { cluster, name }: ServiceRecord): Set<string> {
  const served = new Set<string>();
  for (const { value: task } of state.tasksByService(cluster, name)) {
    const status = state.get(collections.taskStatus, cluster, task.id)?.value;
    if (task.desiredStatus === 'RUNNING' && status?.lastStatus !== 'STOPPED') {
      served.add(task.hostId);
    }
  }
  return served;
}

function ofService(
  { state, name: cluster }: ClusterPlace,
  service: ServiceRecord,
  start: Parameters<typeof placeRequest>[0]['start'],
): PlaceRequest {
  const { name } = service;
  return placeRequest({
    cluster,
    name,
    service,
    deployments: state.get(collections.deployments, cluster, name)?.value.deployments ?? [],
    taskSet: isExternal(service)
      ? taskSetsOf(state, service).find(({ id }) => id === start.deploymentId)
      : undefined,
    definition: definitionOf(state, start.taskDefinition),
    start,
    revision: 0,
  });
}

function aboutTask(place: ClusterPlace, text: string): Question {
  const { state, realm, name: cluster } = place;
  const stored = requireTask(place, text);
  const task = stored.value;
  const decision = decisionOf(state, stored);
  const service =
    task.service === undefined
      ? undefined
      : state.get(collections.services, cluster, task.service)?.value;
  const about = { task: taskView(state, realm, task), decision };
  if (service) {
    const daemon = service.schedulingStrategy === 'DAEMON';
    const start = {
      deploymentId: task.owner,
      taskDefinition: task.taskDefinition,
      count: 1,
      hostIds: daemon ? [task.hostId] : [],
    };
    return { cluster, place: ofService(place, service, start), withoutTask: task.id, about };
  }
  return {
    cluster,
    place: alone(stored, decision),
    withoutTask: task.id,
    about: { ...about, rulesForgotten: decision === undefined },
  };
}

/** A task of RunTask or StartTask: what the call asked for is known as long as the decision is kept. */
function alone(
  { value: task }: Stored<TaskRecord>,
  decision: ExplainPlacementResponse['decision'],
): Question['place'] {
  return {
    cluster: task.cluster,
    taskDefinition: task.taskDefinition,
    count: 1,
    owner: task.owner,
    group: task.group,
    startedBy: task.startedBy,
    service: task.service,
    placementConstraints: decision?.placementConstraints ?? [],
    placementStrategy: decision?.placementStrategy ?? [],
    overrides: task.overrides,
    tags: [],
    loadBalanced: false,
    hostIds: decision?.hostIds ?? [],
    capacityProviderStrategy: [],
  };
}

function aboutRun(place: ClusterPlace, run: RunTaskRequest): Question {
  const definition = requireActiveDefinition(place, run.taskDefinition).value;
  const accepted = acceptRunTask({ ...run, count: 1 }, definition);
  const order = { ...accepted, launch: launchIn(place, accepted.launch) };
  checkLaunchOf(order.launch, definition, 'run');
  return {
    cluster: place.name,
    place: placeWish(place, definition, order, 'asked', []),
    about: {},
  };
}
