// StartTask: a task on each of the named hosts, and nowhere else. The scheduler checks that there is room.
// Source: ECS reference, sections 2.4 and 2.9.
import type {
  Failure,
  StartTaskRequest,
  StartTaskResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { checkLaunchOf } from '@berth/model/validation/launch.ts';
import { acceptStartTask } from '@berth/model/validation/run-task.ts';
import type { CallContext } from '@berth/rpc/api.ts';

import { taskView } from '../../views/task-view.ts';
import type { OperationContext } from '../deps.ts';
import { requireActiveDefinition, requireCluster } from '../resolve.ts';
import { findHosts } from './hosts.ts';
import { failuresOf } from './placement-failures.ts';
import { placeOnce, placeWish } from './run-task.ts';

export async function startTask(
  on: OperationContext,
  request: StartTaskRequest,
  { signal }: CallContext,
): Promise<StartTaskResponse> {
  const { containerInstances } = request;
  const place = requireCluster(
    { state: on.cache, realm: on.realm },
    request.cluster,
    'container-instance',
    containerInstances,
  );
  const definition = requireActiveDefinition(place, request.taskDefinition).value;
  const order = acceptStartTask(request, definition);
  checkLaunchOf(order.launch, definition, 'run');
  const { found, former, failures } = findHosts(place, containerInstances, 10);
  const gone = former.map(({ id }): Failure => ({
    arn: arn.host(on.realm, place.name, id),
    reason: 'INACTIVE',
  }));
  const hostIds = found.map(({ value }) => value.id);
  if (hostIds.length === 0) return { tasks: [], failures: [...failures, ...gone] };
  const token = drawHexId(on.random, 32);
  const counted = { ...order, count: hostIds.length };
  const wish = placeWish(place, definition, counted, token, hostIds);
  const { tasks, unplaced } = await placeOnce(on, wish, signal);
  const served = new Set(tasks.map(({ hostId }) => hostId));
  const left = { ...wish, hostIds: hostIds.filter((id) => !served.has(id)) };
  const refused =
    left.hostIds.length > 0 ? await failuresOf(on, place.name, left, unplaced, signal) : [];
  return {
    tasks: tasks.map((task) => taskView(on.cache, on.realm, task)),
    failures: [...failures, ...gone, ...refused],
  };
}
