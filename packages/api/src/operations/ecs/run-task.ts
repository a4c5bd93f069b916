// RunTask: the scheduler places and commits; the api checks, recognises repetitions and explains what could
// not be placed. Source: ECS reference, sections 2.4 and 2.9.
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type {
  PlaceRequest,
  PlaceResponse,
  RunTaskRequest,
  RunTaskResponse,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawHexId, fingerprint } from '@berth/model/resources/ids.ts';
import { runOwner } from '@berth/model/resources/run-owner.ts';
import { definitionName } from '@berth/model/resources/task-definition.ts';
import { taskTags } from '@berth/model/resources/task-tags.ts';
import { checkLaunchOf } from '@berth/model/validation/launch.ts';
import { acceptRunTask, type RunTaskOrder } from '@berth/model/validation/run-task.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { taskView } from '../../views/task-view.ts';
import type { OperationContext } from '../deps.ts';
import { type ClusterPlace, invalid, requireActiveDefinition, requireCluster } from '../resolve.ts';
import { failuresOf } from './placement-failures.ts';
import { launchIn } from './service-order.ts';

const MOST_ATTEMPTS = 5;

/** Places as many of the tasks as fit; the rest are failures in the answer, not an error. */
export async function runTask(
  on: OperationContext,
  request: RunTaskRequest,
  call: CallContext,
): Promise<RunTaskResponse> {
  const place = requireCluster({ state: on.cache, realm: on.realm }, request.cluster);
  const definition = requireActiveDefinition(place, request.taskDefinition).value;
  const accepted = acceptRunTask(request, definition);
  const order = { ...accepted, launch: launchIn(place, accepted.launch) };
  checkLaunchOf(order.launch, definition, 'run');
  const token = request.clientToken || drawHexId(on.random, 32);
  const wish = placeWish(place, definition, order, token, []);
  return on.turns.run(`run/${place.name}/${token}`, call.signal, async () => {
    // A repetition is answered with its tasks, whatever has become of the hosts since.
    if (tasksOf(on.cache, wish).length === 0) refuseWithoutHosts(place);
    const check = (): void => {
      if (request.clientToken) refuseReusedToken(place, wish, token);
    };
    return answer(on, place, wish, await placeOnce(on, wish, call.signal, check), call.signal);
  });
}

function refuseWithoutHosts({ state, name }: ClusterPlace): void {
  for (const { value } of state.list(collections.hosts, name)) {
    if (value.status === 'ACTIVE') return;
  }
  throw invalid(
    `No Container Instances were found in your cluster. (cluster "${name}" has no ACTIVE host)`,
  );
}

export type Wish = Omit<PlaceRequest, 'viewRevision'>;

/** @param hostIds the hosts of StartTask; none: any */
export function placeWish(
  place: ClusterPlace,
  definition: TaskDefinitionRecord,
  order: RunTaskOrder,
  token: string,
  hostIds: readonly string[],
): Wish {
  const { launch } = order;
  const wish = {
    cluster: place.name,
    taskDefinition: definitionName(definition),
    count: order.count,
    group: order.group,
    startedBy: order.startedBy,
    placementConstraints: order.placementConstraints,
    placementStrategy: order.placementStrategy,
    overrides: order.overrides,
    tags: taskTags({
      cluster: place.name,
      own: order.tags,
      propagate: launch.propagateTags,
      definition: definition.tags,
      managed: launch.enableECSManagedTags,
    }),
    loadBalanced: false,
    hostIds,
    launchType: launch.launchType,
    capacityProviderStrategy: launch.capacityProviderStrategy,
    enableExecuteCommand: launch.enableExecuteCommand,
    platformVersion: launch.platformVersion,
  };
  const args = JSON.stringify([wish, launch.networkConfiguration]);
  return { ...wish, owner: runOwner(token, fingerprint(args)) };
}

/** @throws BerthError ConflictException when tasks were started by this token with other arguments */
function refuseReusedToken({ state, realm, name }: ClusterPlace, wish: Wish, token: string): void {
  const others: string[] = [];
  for (const { value } of state.tasksByToken(name, token)) {
    if (value.owner !== wish.owner) others.push(arn.task(realm, name, value.id));
  }
  if (others.length === 0) return;
  throw new BerthError(
    'ConflictException',
    `The client token "${token}" was used with other arguments before; use a new one.`,
    { details: { resourceIds: others.slice(0, 10).join(',') } },
  );
}

/**
 * Place the tasks unless it has been done. An answer that was lost, or a leader that changed, is found out by looking
 * again at a newer view; the scheduler refuses to place for an owner that an older view does not show.
 * @param check of the view that the tasks are asked for on; throws where they must not be
 */
export async function placeOnce(
  on: OperationContext,
  wish: Wish,
  signal: AbortSignal,
  check: () => void = () => undefined,
): Promise<PlaceResponse> {
  for (let attempt = 1; ; attempt += 1) {
    const viewRevision = on.cache.revision;
    check();
    const placed = tasksOf(on.cache, wish);
    if (placed.length > 0) return { tasks: placed, unplaced: [], revision: viewRevision };
    try {
      const response = await on.schedulerPlace({ ...wish, viewRevision }, signal);
      await on.cache.reached(response.revision, signal);
      return response;
    } catch (error) {
      if (!isBerthError(error, 'StaleView') || attempt === MOST_ATTEMPTS) throw error;
      await on.freshen(signal);
    }
  }
}

function tasksOf(state: State, { owner, cluster }: Wish): TaskRecord[] {
  return Array.from(state.tasksByOwner(owner), ({ value }) => value).filter(
    (task) => task.cluster === cluster,
  );
}

async function answer(
  on: OperationContext,
  place: ClusterPlace,
  wish: Wish,
  response: PlaceResponse,
  signal: AbortSignal,
): Promise<RunTaskResponse> {
  const tasks = response.tasks.map((task) => taskView(on.cache, on.realm, task));
  const failures =
    response.unplaced.length > 0
      ? await failuresOf(on, place.name, wish, response.unplaced, signal)
      : [];
  return { tasks, failures };
}
