// What the checks see in a state, read in a way of their own.
import type { ServiceRecord, TaskRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export function minHealthy({ desiredCount, deploymentConfiguration }: ServiceRecord): number {
  return Math.ceil((desiredCount * (deploymentConfiguration?.minimumHealthyPercent ?? 100)) / 100);
}

export function maxTotal({ desiredCount, deploymentConfiguration }: ServiceRecord): number {
  return Math.floor((desiredCount * (deploymentConfiguration?.maximumPercent ?? 200)) / 100);
}

/** Pending or running, and wanted so. */
export function activeTasks(state: State, { cluster, name }: ServiceRecord): TaskRecord[] {
  return [...state.tasksByService(cluster, name)]
    .map(({ value }) => value)
    .filter(
      (task) =>
        task.desiredStatus === 'RUNNING' &&
        !['STOPPING', 'STOPPED'].includes(lastStatus(state, task) ?? 'PENDING'),
    );
}

export function lastStatus(state: State, { cluster, id }: TaskRecord): string | undefined {
  return state.get(collections.taskStatus, cluster, id)?.value.lastStatus;
}

/** By its targets where it has such, by its check where it defines one, else by running. */
export function isHealthy(state: State, task: TaskRecord): boolean {
  const status = state.get(collections.taskStatus, task.cluster, task.id)?.value;
  if (status?.lastStatus !== 'RUNNING') return false;
  if (!task.holdPorts) {
    return task.taskDefinition.startsWith('checked') ? status.healthStatus === 'HEALTHY' : true;
  }
  const proxies = [...state.list(collections.sessions, 'proxy')].map(({ value }) => value.id);
  const [target] = state.targetsByTask(task.id);
  if (!target || proxies.length === 0) return false;
  return proxies.every((proxy) => {
    const { group, id } = target.value;
    return state.get(collections.targetHealth, group, id, proxy)?.value.state === 'healthy';
  });
}

export function isConnected(state: State, hostId: string): boolean {
  return state.get(collections.sessions, 'host', hostId) !== undefined;
}

export function isSick(state: State, task: TaskRecord): boolean {
  const status = state.get(collections.taskStatus, task.cluster, task.id)?.value;
  if (!task.holdPorts) return status?.healthStatus === 'UNHEALTHY';
  return [...state.targetsByTask(task.id)].some(({ value: { group, id } }) =>
    [...state.list(collections.targetHealth, group, id)].some(
      ({ value }) => value.state === 'unhealthy',
    ),
  );
}

/** Its deployments may move traffic from one target group to another, and run both revisions meanwhile. */
export function isPaired({ loadBalancers }: ServiceRecord): boolean {
  return loadBalancers.some(({ advancedConfiguration }) => advancedConfiguration !== undefined);
}

/** What share of a rule's traffic each group gets, of 1. @param rule LISTENER/default */
export function sharesOf(state: State, rule: string): ReadonlyMap<string, number> {
  const [listener = '', of = ''] = rule.split('/');
  const laid = state.get(collections.trafficWeights, listener, of)?.value.weights;
  const own = state
    .get(collections.listeners, listener)
    ?.value.defaultActions.flatMap(({ forward }) => forward?.targetGroups ?? [])
    .map(({ targetGroupArn: group, weight = 1 }) => ({ group, weight }));
  const weights = laid ?? own ?? [];
  const all = weights.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(weights.map(({ group, weight }) => [group, weight / all]));
}
