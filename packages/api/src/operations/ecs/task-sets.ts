// Task sets: what a service of deployment controller EXTERNAL runs. Source: ECS reference, section 6.9.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateTaskSetRequest,
  CreateTaskSetResponse,
  DeleteTaskSetRequest,
  DeleteTaskSetResponse,
  DescribeTaskSetsRequest,
  DescribeTaskSetsResponse,
  Failure,
  ServiceRecord,
  TaskSet,
  TaskSetRecord,
  UpdateServicePrimaryTaskSetRequest,
  UpdateServicePrimaryTaskSetResponse,
  UpdateTaskSetRequest,
  UpdateTaskSetResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawDeploymentId } from '@berth/model/resources/ids.ts';
import { parseTaskSetReference } from '@berth/model/resources/reference.ts';
import { definitionName } from '@berth/model/resources/task-definition.ts';
import { isExternal, taskSetKey } from '@berth/model/resources/task-set.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { checkLaunchOf } from '@berth/model/validation/launch.ts';
import {
  acceptScale,
  acceptTaskSet,
  MOST_DESCRIBED,
  MOST_DRAINING,
  MOST_TASK_SETS,
  type TaskSetOrder,
} from '@berth/model/validation/task-set.ts';
import { checkConstraintsTogether, checkLoadBalancers } from '@berth/model/validation/service.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { taskSetsOf, taskSetView } from '../../views/task-set-view.ts';
import type { OperationContext } from '../deps.ts';
import { included } from '../include.ts';
import {
  type ClusterPlace,
  invalid,
  type Place,
  requireActiveDefinition,
  requireCluster,
  requireService,
} from '../resolve.ts';
import { type Decision, replace, touch, write } from '../write.ts';
import { launchIn, resolveLoadBalancers } from './service-order.ts';

/** The same call with the same client token gives the set that there is. */
export async function createTaskSet(
  on: OperationContext,
  request: CreateTaskSetRequest,
  { signal }: CallContext,
): Promise<CreateTaskSetResponse> {
  const order = acceptTaskSet(request);
  const options = {
    signal,
    attempted: `create a task set of service ${request.service}`,
    turn: `task sets ${request.cluster}/${request.service}`,
  };
  return write(on, options, (state) => {
    const { place, service } = activeService(on, state, request);
    return decideCreate(on, place, service, request, order);
  });
}

function decideCreate(
  on: OperationContext,
  place: ClusterPlace,
  service: Stored<ServiceRecord>,
  request: CreateTaskSetRequest,
  order: TaskSetOrder,
): Decision<CreateTaskSetResponse> {
  const { name, launch: common } = service.value;
  const sets = taskSetsOf(place.state, service.value);
  const repeated = sets.find(
    ({ clientToken }) => clientToken !== undefined && clientToken === request.clientToken,
  );
  const definition = requireActiveDefinition(place, request.taskDefinition);
  const asking = { cluster: place.name, name };
  const { loadBalancers, groups } = resolveLoadBalancers(place, order.loadBalancers, asking);
  checkLoadBalancers(loadBalancers, definition.value);
  checkConstraintsTogether(service.value.placementConstraints, definition.value);
  const launch = {
    ...launchIn(place, order.launch),
    enableExecuteCommand: common?.enableExecuteCommand ?? false,
  };
  checkLaunchOf(launch, definition.value, 'created');
  const now = on.clock.now();
  const id = drawDeploymentId(on.random);
  const record: TaskSetRecord = {
    cluster: place.name,
    service: name,
    id,
    createdAt: now,
    updatedAt: now,
    taskDefinition: definitionName(definition.value),
    launch,
    loadBalancers,
    scale: order.scale,
    externalId: request.externalId,
    clientToken: request.clientToken,
    tags: request.tags,
  };
  if (repeated) {
    refuseUnlessSame(repeated, record);
    return { result: (seen) => ({ taskSet: viewIn(on, seen, service.value, repeated) }) };
  }
  refuseTooMany(service.value, sets);
  // Another set of the service that is made meanwhile, its deletion, or that of a target group must fail: see `touch`.
  const touched = [
    touch(collections.services, service),
    ...groups.map((group) => touch(collections.targetGroups, group)),
  ];
  const parts = [place.name, name, taskSetKey(id)];
  return {
    guards: [
      guardAbsent(collections.taskSets, ...parts),
      guardUnchanged(definition),
      ...touched.map(({ guard }) => guard),
    ],
    puts: [putRecord(collections.taskSets, parts, record), ...touched.map(({ put }) => put)],
    result: (seen) => ({ taskSet: viewIn(on, seen, service.value, record) }),
  };
}

function refuseUnlessSame(existing: TaskSetRecord, asked: TaskSetRecord): void {
  const text = (set: TaskSetRecord): string =>
    JSON.stringify([set.taskDefinition, set.launch, set.loadBalancers, set.externalId, set.tags]);
  // Its scale may have been changed since.
  if (text(existing) === text(asked)) return;
  throw invalid(
    `Creation of task set was not idempotent. (task set "${existing.id}" was made with the same clientToken and other parameters)`,
  );
}

function refuseTooMany({ name }: ServiceRecord, sets: readonly TaskSetRecord[]): void {
  const standing = sets.filter(({ deletedAt }) => deletedAt === undefined).length;
  if (standing >= MOST_TASK_SETS) {
    throw invalid(
      `The service "${name}" has ${standing} task sets; expected at most ${MOST_TASK_SETS}. Delete one first.`,
    );
  }
  if (sets.length >= MOST_DRAINING) {
    throw invalid(
      `The service "${name}" has ${sets.length - standing} task sets that are still DRAINING; wait for them to end.`,
    );
  }
}

/** Only its scale. */
export async function updateTaskSet(
  on: OperationContext,
  request: UpdateTaskSetRequest,
  { signal }: CallContext,
): Promise<UpdateTaskSetResponse> {
  if (!request.scale) throw invalid('scale is missing; expected a value from 0 to 100 PERCENT.');
  const scale = acceptScale(request.scale);
  const attempted = `update task set ${request.taskSet}`;
  return write(on, { signal, attempted }, (state) => {
    const { place, service } = activeService(on, state, request);
    const set = requireTaskSet(place, service.value, request.taskSet);
    refuseDraining(set.value);
    const record = { ...set.value, scale, updatedAt: on.clock.now() };
    const result = (seen: State, of: TaskSetRecord) => ({
      taskSet: viewIn(on, seen, service.value, of),
    });
    if (set.value.scale?.value === scale.value)
      return { result: (seen) => result(seen, set.value) };
    const { guard, put } = replace(collections.taskSets, set, record);
    return {
      guards: [guard, guardUnchanged(service)],
      puts: [put],
      result: (seen) => result(seen, record),
    };
  });
}

/** It becomes DRAINING; the controller stops its tasks and then forgets it. */
export async function deleteTaskSet(
  on: OperationContext,
  request: DeleteTaskSetRequest,
  { signal }: CallContext,
): Promise<DeleteTaskSetResponse> {
  const attempted = `delete task set ${request.taskSet}`;
  return write(on, { signal, attempted }, (state) => {
    const { place, service } = activeService(on, state, request);
    const set = requireTaskSet(place, service.value, request.taskSet);
    const { id, deletedAt, scale } = set.value;
    if (deletedAt !== undefined) {
      return { result: (seen) => ({ taskSet: viewIn(on, seen, service.value, set.value) }) };
    }
    if (request.force !== true && (scale?.value ?? 0) > 0) {
      throw invalid(
        `The task set cannot be deleted while it is scaled above 0. (task set "${id}" has scale ${scale?.value ?? 0} PERCENT; scale it to 0 or use force)`,
      );
    }
    const now = on.clock.now();
    const record = { ...set.value, deletedAt: now, updatedAt: now };
    const change = replace(collections.taskSets, set, record);
    const served = service.value.primaryTaskSet === id;
    const left = { ...service.value, primaryTaskSet: undefined };
    const ofService = served
      ? replace(collections.services, service, {
          ...left,
          generation: service.value.generation + 1,
        })
      : { guard: guardUnchanged(service), put: undefined };
    return {
      guards: [change.guard, ofService.guard],
      puts: [change.put, ...(ofService.put ? [ofService.put] : [])],
      result: (seen) => ({ taskSet: viewIn(on, seen, left, record) }),
    };
  });
}

/** Which set serves; the others are ACTIVE. */
export async function updateServicePrimaryTaskSet(
  on: OperationContext,
  request: UpdateServicePrimaryTaskSetRequest,
  { signal }: CallContext,
): Promise<UpdateServicePrimaryTaskSetResponse> {
  const attempted = `make task set ${request.primaryTaskSet} the primary one`;
  return write(on, { signal, attempted }, (state) => {
    const { place, service } = activeService(on, state, request);
    const set = requireTaskSet(place, service.value, request.primaryTaskSet);
    refuseDraining(set.value);
    const { id } = set.value;
    const record: ServiceRecord = { ...service.value, primaryTaskSet: id };
    const result = (seen: State) => ({ taskSet: viewIn(on, seen, record, set.value) });
    if (service.value.primaryTaskSet === id) return { result };
    const { guard, put } = replace(collections.services, service, {
      ...record,
      generation: record.generation + 1,
    });
    return { guards: [guard, guardUnchanged(set)], puts: [put], result };
  });
}

/** Those that are named, or all of the service: the primary one first, then the newest. */
export function describeTaskSets(
  on: OperationContext,
  request: DescribeTaskSetsRequest,
): DescribeTaskSetsResponse {
  const check = new Checker('InvalidParameterException');
  check.atMost('taskSets', request.taskSets.length, MOST_DESCRIBED, 'ids');
  const tags = included(request.include, ['TAGS']).has('TAGS');
  const { place, service } = activeService(on, on.cache, request);
  const failures: Failure[] = [];
  const found = new Map<string, TaskSetRecord>();
  for (const text of new Set(request.taskSets)) {
    const set = findTaskSet(place, service.value, text)?.value;
    if (set) found.set(set.id, set);
    else failures.push({ arn: missingArn(place, service.value, text), reason: 'MISSING' });
  }
  const sets =
    request.taskSets.length > 0 ? [...found.values()] : taskSetsOf(on.cache, service.value);
  return {
    taskSets: sets
      .map((set) => viewIn(on, on.cache, service.value, set))
      .map((set) => (tags ? set : { ...set, tags: [] })),
    failures,
  };
}

function missingArn({ realm, name: cluster }: ClusterPlace, { name }: ServiceRecord, text: string) {
  return text.startsWith('arn:') ? text : arn.taskSet(realm, cluster, name, text);
}

function viewIn(
  { realm }: OperationContext,
  state: State,
  service: ServiceRecord,
  set: TaskSetRecord,
): TaskSet {
  return taskSetView(state, realm, service, set);
}

/** @throws BerthError ClusterNotFoundException, ServiceNotFoundException, ServiceNotActiveException, InvalidParameterException */
function activeService(
  { realm }: OperationContext,
  state: State,
  request: { readonly cluster: string; readonly service: string },
): { readonly place: ClusterPlace; readonly service: Stored<ServiceRecord> } {
  const place = requireCluster({ state, realm }, request.cluster, 'service', [request.service]);
  const service = requireService(place, request.service);
  const { name, status } = service.value;
  if (status !== 'ACTIVE') {
    throw new BerthError(
      'ServiceNotActiveException',
      `Service was not ACTIVE. (service "${name}" is ${status})`,
    );
  }
  if (!isExternal(service.value)) {
    throw invalid(
      `Amazon ECS only supports task set management on services with deployment controllers of type EXTERNAL. (service "${name}" has ECS)`,
    );
  }
  return { place, service };
}

/** Of a service, by id or ARN; also one that is DRAINING. */
export function findTaskSet(
  { state, realm }: Place,
  { cluster, name }: Pick<ServiceRecord, 'cluster' | 'name'>,
  text: string,
): Stored<TaskSetRecord> | undefined {
  const reference = parseTaskSetReference(realm, text);
  if (!reference) return undefined;
  const elsewhere =
    (reference.cluster ?? cluster) !== cluster || (reference.service ?? name) !== name;
  if (elsewhere) return undefined;
  return state.get(collections.taskSets, cluster, name, taskSetKey(reference.id));
}

function requireTaskSet(
  place: ClusterPlace,
  service: ServiceRecord,
  text: string,
): Stored<TaskSetRecord> {
  const found = findTaskSet(place, service, text);
  if (found) return found;
  throw new BerthError(
    'TaskSetNotFoundException',
    `The specified task set wasn't found. (task set "${text}" of service "${service.name}" in cluster "${place.name}")`,
  );
}

function refuseDraining({ id, deletedAt }: TaskSetRecord): void {
  if (deletedAt === undefined) return;
  throw invalid(`The task set is DRAINING. (task set "${id}" was deleted; make another)`);
}
