// Protection of tasks from scale-in and deployments. Source: ECS reference, sections 2.4 and 4.7.
import { limitsOf } from '@berth/model/deployment/limits.ts';
import type {
  Failure,
  GetTaskProtectionRequest,
  GetTaskProtectionResponse,
  ProtectedTask,
  TaskRecord,
  UpdateTaskProtectionRequest,
  UpdateTaskProtectionResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { Checker } from '@berth/model/validation/check.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { primaryDeployment } from '../../views/deployment-view.ts';
import { countedAs, lastStatusOf } from '../../views/task-status.ts';
import type { OperationContext } from '../deps.ts';
import { lookUpTask } from '../lookup.ts';
import { type ClusterPlace, invalid, lookUp, requireCluster } from '../resolve.ts';
import { replace, write } from '../write.ts';

const MINUTE_MS = 60_000;
const DEFAULT_MINUTES = 120;

/** Of the named tasks, or of all running tasks of the cluster's services. */
export function getTaskProtection(
  on: OperationContext,
  request: GetTaskProtectionRequest,
): GetTaskProtectionResponse {
  new Checker('InvalidParameterException').atMost('tasks', request.tasks.length, 100, 'ids');
  const { place, found, failures } = findTasks(on, on.cache, request);
  const tasks =
    request.tasks.length > 0
      ? found
      : [...on.cache.tasksAfter(place.name)].filter(({ value }) => isProtectable(on.cache, value));
  const now = on.clock.now();
  return { protectedTasks: tasks.map(({ value }) => view(on, value, now)), failures };
}

/** A repeated call counts the time anew. All that can be protected are, or none if the call is refused. */
export async function updateTaskProtection(
  on: OperationContext,
  request: UpdateTaskProtectionRequest,
  { signal }: CallContext,
): Promise<UpdateTaskProtectionResponse> {
  const { protectionEnabled, expiresInMinutes = DEFAULT_MINUTES } = request;
  const check = new Checker('InvalidParameterException');
  if (request.tasks.length === 0) throw invalid('Tasks cannot be empty.');
  check.atMost('tasks', request.tasks.length, 10, 'ids');
  check.integer('expiresInMinutes', expiresInMinutes, { least: 1, most: 2880 });
  const attempted = 'update the protection of tasks';
  return write(on, { signal, attempted }, (state) => {
    const { found, failures: missing } = findTasks(on, state, request);
    const now = on.clock.now();
    const failures = [...missing];
    const records: TaskRecord[] = [];
    const changes: ReturnType<typeof replace>[] = [];
    for (const task of found) {
      const reason = protectionEnabled
        ? refusal(state, task.value, [...records, task.value], now)
        : undefined;
      if (reason !== undefined) {
        failures.push({ arn: taskArn(on, task.value), reason });
        continue;
      }
      const protectedUntil = protectionEnabled ? now + expiresInMinutes * MINUTE_MS : undefined;
      const record = { ...task.value, protectedUntil };
      records.push(record);
      changes.push(replace(collections.tasks, task, record));
    }
    return {
      guards: changes.map(({ guard }) => guard),
      puts: changes.map(({ put }) => put),
      result: () => ({ protectedTasks: records.map((record) => view(on, record, now)), failures }),
    };
  });
}

function findTasks(
  on: OperationContext,
  state: State,
  request: { readonly cluster: string; readonly tasks: readonly string[] },
): {
  readonly place: ClusterPlace;
  readonly found: readonly Stored<TaskRecord>[];
  readonly failures: readonly Failure[];
} {
  const place = requireCluster({ state, realm: on.realm }, request.cluster, 'task', request.tasks);
  const found = new Map<string, Stored<TaskRecord>>();
  const failures: Failure[] = [];
  for (const text of new Set(request.tasks)) {
    const task = lookUp(place, 'task', text, lookUpTask);
    if (task.kind === 'found') {
      const { item } = task;
      if (isProtectable(state, item.value)) found.set(item.key, item);
      else failures.push({ arn: taskArn(on, item.value), reason: 'TASK_NOT_VALID' });
    } else {
      const missing = text.startsWith('arn:') ? text : arn.task(on.realm, place.name, text);
      failures.push({ arn: missing, reason: 'MISSING' });
    }
  }
  return { place, found: [...found.values()], failures };
}

/** Only tasks of services, and only as long as they are to run. */
function isProtectable(state: State, task: TaskRecord): boolean {
  if (task.service === undefined || task.desiredStatus !== 'RUNNING') return false;
  return lastStatusOf(state, task) !== 'STOPPED';
}

/** While a deployment is under way only so many old tasks may be protected that the new ones still find room. */
function refusal(
  state: State,
  task: TaskRecord,
  asked: readonly TaskRecord[],
  now: number,
): 'DEPLOYMENT_BLOCKED' | undefined {
  const service = state.get(collections.services, task.cluster, task.service ?? '')?.value;
  if (!service || service.status !== 'ACTIVE' || isExternal(service)) return undefined;
  const primary = primaryDeployment(state, service);
  if (primary.rolloutState !== 'IN_PROGRESS' || task.owner === primary.id) return undefined;
  const protectedIds = new Set(
    asked
      .filter(({ service: name, owner }) => name === service.name && owner !== primary.id)
      .map(({ id }) => id),
  );
  for (const { value } of state.tasksByService(task.cluster, service.name)) {
    const held = (value.protectedUntil ?? 0) > now && value.owner !== primary.id;
    if (held && countedAs(state, value) !== undefined) protectedIds.add(value.id);
  }
  const desired = primary.desiredCount;
  const room = limitsOf(service, desired).maxTotal - desired;
  return protectedIds.size > room ? 'DEPLOYMENT_BLOCKED' : undefined;
}

function view(on: OperationContext, task: TaskRecord, now: number): ProtectedTask {
  const { protectedUntil } = task;
  const isProtected = protectedUntil !== undefined && protectedUntil > now;
  return {
    taskArn: taskArn(on, task),
    protectionEnabled: isProtected,
    expirationDate: isProtected ? protectedUntil : undefined,
  };
}

function taskArn({ realm }: OperationContext, { cluster, id }: TaskRecord): string {
  return arn.task(realm, cluster, id);
}
