// What the events of tasks and hosts say besides their message, as the state has it now. Pure.
import { type EventShape, hostChange, taskChange } from '@berth/model/events/shapes.ts';
import type {
  HostRecord,
  Resources,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { chargeOf } from '@berth/model/placement/charge.ts';
import { remainingOf } from '@berth/model/placement/remaining.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import { versionOf } from '@berth/store/version.ts';

interface Around {
  readonly realm: Realm;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

export function taskShape(state: State, task: TaskRecord, { realm, now }: Around): EventShape {
  const { cluster, id, hostId } = task;
  const stored = state.get(collections.tasks, cluster, id);
  const reported = state.get(collections.taskStatus, cluster, id);
  const { family = '', revision = 0 } = parseDefinitionName(task.taskDefinition) ?? {};
  return taskChange({
    realm,
    task,
    status: reported?.value,
    lastStatus: lastStatusOf(task, reported?.value),
    definition:
      family === ''
        ? undefined
        : state.get(collections.taskDefinitions, family, String(revision))?.value,
    host: state.get(collections.hosts, cluster, hostId)?.value,
    connectedAt:
      hostId === ''
        ? undefined
        : state.get(collections.sessions, 'host', hostId)?.value.connectedAt,
    version: versionOf(stored, reported),
    now,
  });
}

function lastStatusOf(task: TaskRecord, status: TaskStatusRecord | undefined): string {
  const last = status?.lastStatus ?? 'PENDING';
  const drains = last === 'RUNNING' && task.drainBeforeStop && task.desiredStatus === 'STOPPED';
  return drains ? 'DEACTIVATING' : last;
}

export function hostShape(state: State, host: HostRecord, { realm, now }: Around): EventShape {
  const stored = state.get(collections.hosts, host.cluster, host.id);
  return hostChange({
    realm,
    host,
    connected: state.get(collections.sessions, 'host', host.id) !== undefined,
    remaining: remainingOn(state, host),
    version: versionOf(stored),
    status: stored ? host.status : 'INACTIVE',
    now,
  });
}

function remainingOn(state: State, host: HostRecord): Resources {
  const charges = Array.from(state.tasksByHost(host.id), ({ value: task }) =>
    chargeOf(task, state.get(collections.taskStatus, task.cluster, task.id)?.value),
  );
  return remainingOf(host.registeredResources, charges);
}
