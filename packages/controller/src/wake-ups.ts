// Which services and standalone tasks a change may concern. It never says what has to be done: the loops look
// for themselves, so that a change that was missed costs time only.
import { assertNever } from '@berth/model/assert.ts';
import type {
  HostRecord,
  TargetRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';

import { serviceKey } from './service-reconciler.ts';

export interface WakeUps {
  service(key: string): void;
  task(key: string): void;
  /** Something may fit in this cluster now that did not before. */
  room(cluster: string): void;
}

/** Every service there is work for or may be. */
export function* serviceKeys(state: State): Generator<string, void, undefined> {
  const seen = new Set<string>();
  for (const kind of [collections.services, collections.deployments] as const) {
    for (const { parts } of state.list(kind)) seen.add(parts.join('/'));
  }
  for (const { value } of state.list(collections.tasks)) {
    if (value.service !== undefined) seen.add(serviceKey(value.cluster, value.service));
  }
  yield* seen;
}

/** @param state as it is after the change */
export function wake(change: Change, state: State, wakeUps: WakeUps): void {
  const [first = '', second = ''] = change.parts;
  const newest = (change.after ?? change.before)?.value;
  switch (change.collection) {
    case 'services':
    case 'deployments':
      wakeUps.service(serviceKey(first, second));
      break;
    case 'tasks':
      ofTask(newest as TaskRecord, wakeUps);
      if (!change.after) wakeUps.room(first);
      break;
    case 'taskStatus':
      ofTaskId(state, first, second, wakeUps);
      if ((newest as TaskStatusRecord).lastStatus === 'STOPPED') wakeUps.room(first);
      break;
    case 'targets': {
      const { cluster, taskId } = newest as TargetRecord;
      ofTaskId(state, cluster, taskId, wakeUps);
      break;
    }
    case 'targetHealth': {
      const target = state.get(collections.targets, first, second)?.value;
      if (target) ofTaskId(state, target.cluster, target.taskId, wakeUps);
      break;
    }
    case 'hosts': {
      const { id, cluster } = newest as HostRecord;
      ofHost(state, id, wakeUps);
      ofDaemons(state, cluster, wakeUps);
      if (change.after) wakeUps.room(cluster);
      break;
    }
    case 'sessions':
      if (first === 'proxy') ofAllTargets(state, wakeUps);
      else {
        ofHost(state, second, wakeUps);
        for (const { value } of state.list(collections.hosts)) {
          if (value.id === second && change.after) wakeUps.room(value.cluster);
        }
      }
      break;
    case 'targetGroups':
      for (const { value } of state.list(collections.services)) {
        if (value.loadBalancers.some(({ targetGroupArn }) => targetGroupArn === first)) {
          wakeUps.service(serviceKey(value.cluster, value.name));
        }
      }
      break;
    case 'clusters':
    case 'taskDefinitionFamilies':
    case 'taskDefinitions':
    case 'listeners':
    case 'rules':
    case 'leader':
    case 'events':
      break;
    default:
      assertNever(change.collection);
  }
}

function ofTask({ cluster, service, id }: TaskRecord, wakeUps: WakeUps): void {
  if (service === undefined) wakeUps.task(`${cluster}/${id}`);
  else wakeUps.service(serviceKey(cluster, service));
}

function ofTaskId(state: State, cluster: string, id: string, wakeUps: WakeUps): void {
  const task = state.get(collections.tasks, cluster, id);
  if (task) ofTask(task.value, wakeUps);
}

function ofHost(state: State, hostId: string, wakeUps: WakeUps): void {
  for (const { value } of state.tasksByHost(hostId)) ofTask(value, wakeUps);
}

function ofDaemons(state: State, cluster: string, wakeUps: WakeUps): void {
  for (const { value } of state.list(collections.services, cluster)) {
    if (value.schedulingStrategy === 'DAEMON') wakeUps.service(serviceKey(cluster, value.name));
  }
}

function ofAllTargets(state: State, wakeUps: WakeUps): void {
  const seen = new Set<string>();
  for (const { value } of state.list(collections.targets)) {
    seen.add(serviceKey(value.cluster, value.service));
  }
  for (const key of seen) wakeUps.service(key);
}
