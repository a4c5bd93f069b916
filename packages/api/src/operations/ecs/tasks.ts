// Reading and stopping tasks. Source: ECS reference, sections 2.4, 4.3 and 4.4.
import type {
  DescribeTasksRequest,
  DescribeTasksResponse,
  Failure,
  ListTasksRequest,
  ListTasksResponse,
  StopTaskRequest,
  StopTaskResponse,
  Task,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf, pageOfOrdered } from '@berth/model/validation/pagination.ts';
import { checkStopReason } from '@berth/model/validation/run-task.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { lastStatusOf } from '../../views/task-status.ts';
import { launchTypeOf, taskView } from '../../views/task-view.ts';
import type { OperationContext } from '../deps.ts';
import { included } from '../include.ts';
import { lookUpTask } from '../lookup.ts';
import {
  ambiguous,
  type ClusterPlace,
  invalid,
  lookUp,
  requireCluster,
  requireHost,
  requireService,
  requireTask,
} from '../resolve.ts';
import { replace, write } from '../write.ts';

/**
 * Orders a task to stop; it drains first where it is load-balanced. Stopping a task that is stopping or has stopped
 * changes nothing.
 */
export async function stopTask(
  on: OperationContext,
  request: StopTaskRequest,
  { signal }: CallContext,
): Promise<StopTaskResponse> {
  checkStopReason(request.reason);
  const attempted = `stop task ${request.task}`;
  return write(on, { signal, attempted }, (state) => {
    const place = requireCluster({ state, realm: on.realm }, request.cluster, 'task', [
      request.task,
    ]);
    const task = requireTask(place, request.task);
    const stopped = lastStatusOf(state, task.value) === 'STOPPED';
    if (stopped || task.value.desiredStatus === 'STOPPED') {
      return { result: (seen) => ({ task: taskView(seen, on.realm, task.value) }) };
    }
    const record: TaskRecord = {
      ...task.value,
      desiredStatus: 'STOPPED',
      stopCode: 'UserInitiated',
      stoppedReason: request.reason || 'Task stopped by user',
      stoppingAt: on.clock.now(),
    };
    const { guard, put } = replace(collections.tasks, task, record);
    return {
      guards: [guard],
      puts: [put],
      result: (seen) => ({ task: taskView(seen, on.realm, record) }),
    };
  });
}

export function describeTasks(
  on: OperationContext,
  request: DescribeTasksRequest,
): DescribeTasksResponse {
  if (request.tasks.length === 0) {
    throw invalid('Tasks cannot be empty. (tasks has 0 ids; expected 1 to 100)');
  }
  new Checker('InvalidParameterException').atMost('tasks', request.tasks.length, 100, 'ids');
  const place = requireCluster(
    { state: on.cache, realm: on.realm },
    request.cluster,
    'task',
    request.tasks,
  );
  const tags = included(request.include, ['TAGS']).has('TAGS');
  const tasks = new Map<string, Task>();
  const failures: Failure[] = [];
  for (const text of new Set(request.tasks)) {
    const found = lookUp(place, 'task', text, lookUpTask);
    if (found.kind === 'found') {
      const task = taskView(on.cache, on.realm, found.item.value);
      tasks.set(found.item.key, tags ? task : { ...task, tags: [] });
    } else {
      failures.push({
        arn: text.startsWith('arn:') ? text : arn.task(on.realm, place.name, text),
        reason: 'MISSING',
        detail: found.kind === 'ambiguous' ? ambiguous('task', text, found.ids).message : undefined,
      });
    }
  }
  return { tasks: [...tasks.values()], failures };
}

/** By id. Without `desiredStatus` those that shall run: a task on its way down is not among them. */
export function listTasks(on: OperationContext, request: ListTasksRequest): ListTasksResponse {
  const place = requireCluster({ state: on.cache, realm: on.realm }, request.cluster);
  const desired = request.desiredStatus || 'RUNNING';
  const within = withinOf(place, request);
  const wanted = ({ value: task }: Candidate): boolean => {
    if (task.cluster !== place.name || !matches(request, within, task)) return false;
    const stopped = task.desiredStatus === 'STOPPED' || lastStatusOf(on.cache, task) === 'STOPPED';
    return stopped ? desired === 'STOPPED' : desired === 'RUNNING';
  };
  const idOf = ({ value }: Candidate): string => value.id;
  const asked = {
    question: [
      'ListTasks',
      place.name,
      request.family,
      request.serviceName,
      request.containerInstance,
      request.startedBy,
      request.launchType,
      desired,
    ],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 100,
  };
  // Where many match, the page is full long before all of them have been looked at.
  const few = atMost(MOST_SORTED, candidates(place, request, within));
  const page = few
    ? pageOf(few.filter(wanted), idOf, asked)
    : pageOfOrdered((id) => on.cache.tasksAfter(place.name, id), idOf, wanted, asked);
  return {
    taskArns: page.items.map(({ value }) => arn.task(on.realm, place.name, value.id)),
    nextToken: page.nextToken,
  };
}

const MOST_SORTED = 500;

/** All items, if there are no more than so many. */
function atMost<T>(most: number, items: Iterable<T> | undefined): T[] | undefined {
  const found: T[] = [];
  for (const item of items ?? []) {
    if (found.length === most) return undefined;
    found.push(item);
  }
  return items && found;
}

interface Candidate {
  readonly value: TaskRecord;
}

/** The service and the host that the request names: the one by its name, the other by its id. */
interface Within {
  readonly service: string | undefined;
  readonly host: string | undefined;
}

function withinOf(place: ClusterPlace, request: ListTasksRequest): Within {
  const { family, serviceName, containerInstance, startedBy } = request;
  if (startedBy && (family || serviceName || containerInstance)) {
    throw invalid(
      'startedBy is given with another filter; expected it alone: family, serviceName and containerInstance can be combined with each other only.',
    );
  }
  return {
    service: serviceName ? requireService(place, serviceName).value.name : undefined,
    host: containerInstance ? requireHost(place, containerInstance).value.id : undefined,
  };
}

/** The smallest set that has all that match, by the indexes of the view; undefined: all tasks of the cluster. */
function candidates(
  place: ClusterPlace,
  { startedBy, family }: ListTasksRequest,
  { service, host }: Within,
): Iterable<Candidate> | undefined {
  if (host !== undefined) return place.state.tasksByHost(host);
  if (service !== undefined) return place.state.tasksByService(place.name, service);
  if (startedBy) return place.state.tasksByStarter(place.name, startedBy);
  return family ? place.state.tasksByFamily(place.name, family) : undefined;
}

function matches(request: ListTasksRequest, { service, host }: Within, task: TaskRecord): boolean {
  const { family, startedBy, launchType } = request;
  if (service !== undefined && task.service !== service) return false;
  if (host !== undefined && task.hostId !== host) return false;
  if (family && !task.taskDefinition.startsWith(`${family}:`)) return false;
  if (launchType && launchTypeOf(task) !== launchType) return false;
  return !startedBy || task.startedBy === startedBy;
}
