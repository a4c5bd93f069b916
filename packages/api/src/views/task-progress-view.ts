// How far a service's task has come on its way into or out of service, for people who watch. Pure.
// Source: design, section 4 (a task is born, a task dies).
import type {
  LoadBalancer,
  TaskProgress,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import {
  healthOf,
  type HealthRules,
  isCheckedEssential,
  SETTLE_MS,
} from '@berth/model/deployment/health.ts';
import type { TargetView } from '@berth/model/deployment/view.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { definitionOf } from './definition.ts';
import { liveHealth, liveProxies, targetHealthView } from './target-health-view.ts';
import { lastStatusOf, reportedStatus } from './task-status.ts';
import { taskView } from './task-view.ts';

type Progress = Pick<TaskProgress, 'step' | 'stepSince' | 'detail'>;

/** @param now milliseconds since the Unix epoch; decides only for tasks without any check, which have to run for a while */
export function taskProgressView(
  state: State,
  realm: Realm,
  record: TaskRecord,
  now: number,
): TaskProgress {
  const status = reportedStatus(state, record);
  return {
    task: taskView(state, realm, record),
    deploymentId: record.owner,
    ...(record.desiredStatus === 'STOPPED' || lastStatusOf(state, record) === 'STOPPED'
      ? leaving(state, record, status)
      : coming(state, record, status, now)),
  };
}

function leaving(state: State, record: TaskRecord, status: TaskStatusRecord | undefined): Progress {
  const since = record.stoppingAt ?? status?.executionStoppedAt ?? record.createdAt;
  const detail = record.stoppedReason ?? status?.stoppedReason;
  switch (lastStatusOf(state, record)) {
    case 'STOPPED':
      return { step: 'stopped', stepSince: status?.stoppedAt ?? since, detail };
    case 'DEACTIVATING':
      return { step: 'drain', stepSince: since, detail };
    default:
      return { step: 'stop', stepSince: since, detail };
  }
}

function coming(
  state: State,
  record: TaskRecord,
  status: TaskStatusRecord | undefined,
  now: number,
): Progress {
  const { createdAt } = record;
  switch (status?.lastStatus) {
    case undefined:
      return { step: 'pull', stepSince: createdAt };
    case 'PENDING': {
      const starts = status.phase === 'CREATING' || status.phase === 'STARTING';
      if (starts) return { step: 'start', stepSince: status.pullStoppedAt ?? createdAt };
      return { step: 'pull', stepSince: status.pullStartedAt ?? createdAt };
    }
    case 'RUNNING':
      return checked(state, record, status, now);
    case 'STOPPING':
    case 'STOPPED':
      return { step: 'stop', stepSince: status.executionStoppedAt ?? createdAt };
  }
}

function checked(
  state: State,
  record: TaskRecord,
  status: TaskStatusRecord,
  now: number,
): Progress {
  const startedAt = status.startedAt ?? record.createdAt;
  const targets = Array.from(state.targetsByTask(record.id), ({ value }): TargetView => ({
    record: value,
    health: liveHealth(state, value.group, value.id),
  }));
  const definition = definitionOf(state, record.taskDefinition);
  const loadBalancers = loadBalancersOf(state, record);
  const rules = { definition, loadBalancers, gracePeriodMs: 0, liveProxies: liveProxies(state) };
  const health = healthOf({ task: record, status, runningSince: startedAt, targets }, rules, now);
  if (health.state === 'healthy') {
    const changes = targets.flatMap((target) => target.health.map(({ since }) => since));
    return { step: 'serving', stepSince: Math.max(startedAt, ...changes) };
  }
  const settles = health.state === 'unknown' && health.until !== undefined;
  const detail = settles
    ? `without a check it counts as healthy after ${SETTLE_MS / 1000} s`
    : whatIsMissing(state, status, rules, targets);
  return { step: 'health', stepSince: startedAt, detail };
}

/** The balancers of the task's own deployment; those of the service before the controller knows the deployment. */
function loadBalancersOf(state: State, record: TaskRecord): readonly LoadBalancer[] {
  if (record.service === undefined) return [];
  const at = [record.cluster, record.service] as const;
  const { deployments = [], taskSets = [] } =
    state.get(collections.deployments, ...at)?.value ?? {};
  const own = [...deployments, ...taskSets].find(({ id }) => id === record.owner);
  return own?.loadBalancers ?? state.get(collections.services, ...at)?.value.loadBalancers ?? [];
}

/** The last output of a failing container check, else what the slowest proxy says of a target. */
function whatIsMissing(
  state: State,
  status: TaskStatusRecord,
  { definition, loadBalancers }: HealthRules,
  targets: readonly TargetView[],
): string | undefined {
  const names = (definition?.containerDefinitions ?? [])
    .filter(isCheckedEssential)
    .map(({ name }) => name);
  const containers = status.containers.filter(({ name }) => names.includes(name));
  const failing = containers.find(({ healthStatus }) => healthStatus === 'UNHEALTHY');
  if (failing) return `${failing.name}: ${failing.healthOutput ?? 'health check failed'}`;
  for (const { record } of targets) {
    const { state: said, description } = targetHealthView(state, record);
    if (said !== 'healthy') return `${record.group}: ${description ?? said}`;
  }
  if (targets.length < loadBalancers.length) return 'waiting to be registered as a target';
  const starting = containers.find(({ healthStatus }) => healthStatus === 'UNKNOWN');
  return starting && `${starting.name}: no result of its health check yet`;
}
