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
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
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
  const wanted = ({ value: task }: Candidate): boolean => {
    if (task.cluster !== place.name || !matches(request, task)) return false;
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
  const some = candidates(place, request);
  const page = some
    ? pageOf(Array.from(some).filter(wanted), idOf, asked)
    : pageOfOrdered((id) => on.cache.tasksAfter(place.name, id), idOf, wanted, asked);
  return {
    taskArns: page.items.map(({ value }) => arn.task(on.realm, place.name, value.id)),
    nextToken: page.nextToken,
  };
}

interface Candidate {
  readonly value: TaskRecord;
}

/** The smallest set that has all that match, by the indexes of the view; undefined: all tasks of the cluster. */
function candidates(
  place: ClusterPlace,
  request: ListTasksRequest,
): Iterable<Candidate> | undefined {
  const { family, serviceName, containerInstance, startedBy } = request;
  if (startedBy && (family || serviceName || containerInstance)) {
    throw invalid(
      'startedBy is given with another filter; expected it alone: family, serviceName and containerInstance can be combined with each other only.',
    );
  }
  const service = serviceName ? requireService(place, serviceName).value : undefined;
  const host = containerInstance ? requireHost(place, containerInstance).value : undefined;
  if (host && service) {
    const tasks = Array.from(place.state.tasksByHost(host.id));
    return tasks.filter(({ value }) => value.service === service.name);
  }
  if (host) return place.state.tasksByHost(host.id);
  if (service) return place.state.tasksByService(place.name, service.name);
  if (startedBy) return place.state.tasksByStarter(place.name, startedBy);
  return family ? place.state.tasksByFamily(place.name, family) : undefined;
}

function matches({ family, startedBy, launchType }: ListTasksRequest, task: TaskRecord): boolean {
  if (family && parseDefinitionName(task.taskDefinition)?.family !== family) return false;
  if (launchType && launchTypeOf(task) !== launchType) return false;
  return !startedBy || task.startedBy === startedBy;
}
