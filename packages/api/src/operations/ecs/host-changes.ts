// Changing hosts: draining, deregistration. Source: ECS reference, sections 2.7 and 7.4.
import { isBerthError } from '@berth/model/errors.ts';
import type {
  DeregisterHostRequest,
  DeregisterHostResponse,
  HostRecord,
  TaskRecord,
  UpdateHostsStateRequest,
  UpdateHostsStateResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { Checker } from '@berth/model/validation/check.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { formerHostView, hostView } from '../../views/host-view.ts';
import { lastStatusOf } from '../../views/task-status.ts';
import type { OperationContext } from '../deps.ts';
import { invalid, requireCluster, requireHost } from '../resolve.ts';
import { replace, write } from '../write.ts';
import { findHosts } from './hosts.ts';

/** Tasks that are ordered to stop in one transaction, below the store's limit. */
const TASKS_A_STEP = 100;

/** All the hosts that are found change together; the others are failures. */
export async function updateHostsState(
  on: OperationContext,
  request: UpdateHostsStateRequest,
  { signal }: CallContext,
): Promise<UpdateHostsStateResponse> {
  const { status } = request;
  new Checker('InvalidParameterException').word('status', status, ['ACTIVE', 'DRAINING']);
  const attempted = `set hosts to ${status}`;
  return write(on, { signal, attempted }, (state) => {
    const place = requireCluster(
      { state, realm: on.realm },
      request.cluster,
      'container-instance',
      request.hosts,
    );
    const { found, former, failures: missing } = findHosts(place, request.hosts, 10);
    const gone = former.map(({ id }) => ({
      arn: arn.host(on.realm, place.name, id),
      reason: 'INACTIVE',
    }));
    const failures = [...missing, ...gone];
    const hosts = found.map((stored) => ({ stored, record: { ...stored.value, status } }));
    const changes = hosts
      .filter(({ stored }) => stored.value.status !== status)
      .map(({ stored, record }) => replace(collections.hosts, stored, record));
    return {
      guards: changes.map(({ guard }) => guard),
      puts: changes.map(({ put }) => put),
      result: (seen) => ({
        hosts: hosts.map(({ record }) => hostView(seen, on.realm, record)),
        failures,
      }),
    };
  });
}

/**
 * Takes a host out of its cluster. With force its tasks count as lost and are replaced elsewhere; should its agent
 * be connected, it is ordered to stop them. First nothing new may come to it: a task that was placed at the same moment
 * is seen then, and without force the host stays as it was.
 */
export async function deregisterHost(
  on: OperationContext,
  request: DeregisterHostRequest,
  { signal }: CallContext,
): Promise<DeregisterHostResponse> {
  const attempted = `deregister host ${request.host}`;
  const find = (state: State): Stored<HostRecord> => {
    const place = requireCluster(
      { state, realm: on.realm },
      request.cluster,
      'container-instance',
      [request.host],
    );
    return requireHost(place, request.host);
  };
  const { value: before } = find(on.cache);
  if (request.force !== true) refuseTasks(on.cache, before);
  await setStatus(on, find, 'DRAINING', attempted, signal);
  if (request.force === true) await endTasks(on, before, attempted, signal);
  try {
    return await write(on, { signal, attempted }, (state) => {
      const host = find(state);
      if (request.force !== true) refuseTasks(state, host.value);
      const record: HostRecord = { ...host.value, deregisteredAt: on.clock.now() };
      const view = formerHostView(state, on.realm, record);
      return {
        guards: [guardUnchanged(host)],
        puts: [putRecord(collections.deregisteredHosts, host.parts, record)],
        deletes: [host.key],
        result: () => ({ host: view }),
      };
    });
  } catch (error) {
    if (isBerthError(error, 'InvalidParameterException')) {
      await setStatus(on, find, before.status, attempted, signal);
    }
    throw error;
  }
}

function refuseTasks(state: State, host: HostRecord): void {
  const left = unfinished(state, host);
  if (left.length === 0) return;
  throw invalid(
    `Found running tasks on the instance. (host "${host.name}" has ${left.length}; drain it first, or use force)`,
  );
}

/** Nothing new comes to a host that is DRAINING. */
async function setStatus(
  on: OperationContext,
  find: (state: State) => Stored<HostRecord>,
  status: HostRecord['status'],
  attempted: string,
  signal: AbortSignal,
): Promise<void> {
  await write(on, { signal, attempted }, (state) => {
    const host = find(state);
    if (host.value.status === status) return { result: () => undefined };
    const { guard, put } = replace(collections.hosts, host, { ...host.value, status });
    return { guards: [guard], puts: [put], result: () => undefined };
  });
}

/** Orders the host's tasks to stop, so many at a time until none is left; being cut off between two is no harm. */
async function endTasks(
  on: OperationContext,
  host: HostRecord,
  attempted: string,
  signal: AbortSignal,
): Promise<void> {
  let left = true;
  while (left) {
    left = await write(on, { signal, attempted }, (state) => {
      const running = unfinished(state, host).filter(
        ({ value }) => value.desiredStatus === 'RUNNING',
      );
      const step = running.slice(0, TASKS_A_STEP).map((task) =>
        replace(collections.tasks, task, {
          ...task.value,
          desiredStatus: 'STOPPED',
          stopCode: 'TerminationNotice',
          stoppedReason: `Host (instance ${host.id}) deregistered.`,
          stoppingAt: on.clock.now(),
        }),
      );
      return {
        guards: step.map(({ guard }) => guard),
        puts: step.map(({ put }) => put),
        result: () => running.length > step.length,
      };
    });
  }
}

function unfinished(state: State, host: HostRecord): Stored<TaskRecord>[] {
  return [...state.tasksByHost(host.id)].filter(
    ({ value }) => lastStatusOf(state, value) !== 'STOPPED',
  );
}
