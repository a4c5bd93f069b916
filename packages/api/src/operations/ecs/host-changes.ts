// Changing hosts: draining, attributes, deregistration. Source: ECS reference, sections 2.7, 5.6 and 7.4.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeregisterHostRequest,
  DeregisterHostResponse,
  HostRecord,
  PutAttributesRequest,
  PutAttributesResponse,
  TaskRecord,
  UpdateHostsStateRequest,
  UpdateHostsStateResponse,
} from '@berth/model/generated/messages.ts';
import { putAttributes as merge } from '@berth/model/validation/attributes.ts';
import { Checker } from '@berth/model/validation/check.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardUnchanged } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { hostView } from '../../views/host-view.ts';
import { lastStatusOf } from '../../views/task-status.ts';
import type { OperationContext } from '../deps.ts';
import { lookUpHost } from '../lookup.ts';
import { invalid, lookUp, requireCluster, requireHost } from '../resolve.ts';
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
    const { found, failures } = findHosts(place, request.hosts, 10);
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

/** Adds attributes of people's own, or replaces their values. */
export async function putAttributes(
  on: OperationContext,
  request: PutAttributesRequest,
  { signal }: CallContext,
): Promise<PutAttributesResponse> {
  const attempted = `put attributes of host ${request.host}`;
  return write(on, { signal, attempted }, (state) => {
    const place = requireCluster(
      { state, realm: on.realm },
      request.cluster,
      'container-instance',
      [request.host],
    );
    const found = lookUp(place, 'container-instance', request.host, lookUpHost);
    if (found.kind !== 'found') {
      throw new BerthError(
        'TargetNotFoundException',
        `The specified target wasn't found. (host "${request.host}" in cluster "${place.name}")`,
      );
    }
    const attributes = merge(found.item.value.attributes, request.attributes);
    const { guard, put } = replace(collections.hosts, found.item, {
      ...found.item.value,
      attributes,
    });
    return {
      guards: [guard],
      puts: [put],
      result: () => ({ attributes: request.attributes }),
    };
  });
}

/**
 * Takes a host out of its cluster. With force its tasks count as lost and are replaced elsewhere; should its agent
 * be connected, it is ordered to stop them.
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
  if (request.force === true) {
    const { value } = find(on.cache);
    await stopPlacement(on, find, attempted, signal);
    await endTasks(on, value, attempted, signal);
  }
  return write(on, { signal, attempted }, (state) => {
    const host = find(state);
    const left = unfinished(state, host.value);
    if (request.force !== true && left.length > 0) {
      throw invalid(
        `Found running tasks on the instance. (host "${host.value.name}" has ${left.length}; drain it first, or use force)`,
      );
    }
    const view = { ...hostView(state, on.realm, host.value), status: 'INACTIVE' };
    return {
      guards: [guardUnchanged(host)],
      deletes: [host.key],
      result: () => ({ host: view }),
    };
  });
}

/** Nothing new comes to a host that is DRAINING. */
async function stopPlacement(
  on: OperationContext,
  find: (state: State) => Stored<HostRecord>,
  attempted: string,
  signal: AbortSignal,
): Promise<void> {
  await write(on, { signal, attempted }, (state) => {
    const host = find(state);
    if (host.value.status === 'DRAINING') return { result: () => undefined };
    const { guard, put } = replace(collections.hosts, host, { ...host.value, status: 'DRAINING' });
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
