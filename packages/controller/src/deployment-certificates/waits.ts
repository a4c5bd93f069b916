// What a deployment waits for at a moment, in words for people. Pure over one state.
import { isOver } from '@berth/model/deployment/shifting/hooks.ts';
import type { ServiceDeploymentRecord, TaskRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

/** The first of these that holds: what comes later can't end before it. */
export const WAITS = {
  start: 'tasks to start',
  health: 'tasks to pass their checks',
  drain: 'requests on old tasks to end',
  stop: 'old tasks to stop',
  room: 'room for tasks',
  word: 'somebody’s word',
  hooks: 'hooks to answer',
  bake: 'the bake time',
  settle: 'tasks to be known to be healthy',
  stage: 'the stage to end',
} as const;

export function waitOf(state: State, deployment: ServiceDeploymentRecord): string {
  const { cluster, service, deploymentId, rollbackDeploymentId, requestedTaskCount } = deployment;
  const wanted = rollbackDeploymentId ?? deploymentId;
  const found = new Set<keyof typeof WAITS>();
  let own = 0;
  for (const { value: task } of state.tasksByService(cluster, service)) {
    const status = state.get(collections.taskStatus, cluster, task.id)?.value;
    if (status?.lastStatus === 'STOPPED') continue;
    if (task.desiredStatus === 'STOPPED') found.add(task.drainBeforeStop ? 'drain' : 'stop');
    else if (task.owner === wanted) {
      own += 1;
      if (status?.lastStatus !== 'RUNNING') found.add('start');
      else if (status.healthStatus === 'UNHEALTHY' || !isServing(state, task)) found.add('health');
      else if (status.healthStatus !== 'HEALTHY') found.add('settle');
    }
  }
  if (own < requestedTaskCount) found.add('room');
  const ofStage = stageWait(state, deployment);
  if (ofStage) found.add(ofStage);
  const first = (Object.keys(WAITS) as (keyof typeof WAITS)[]).find((key) => found.has(key));
  return WAITS[first ?? 'stage'];
}

/** What it waits for besides tasks. */
function stageWait(
  state: State,
  { cluster, service }: ServiceDeploymentRecord,
): 'word' | 'hooks' | 'bake' | undefined {
  const [primary] = state.get(collections.deployments, cluster, service)?.value.deployments ?? [];
  const { shift, alarms } = primary ?? {};
  const waiting = shift?.hooks.filter((hook) => !isOver(hook)) ?? [];
  if (waiting.some(({ status }) => status === 'AWAITING_ACTION')) return 'word';
  if (waiting.length > 0) return 'hooks';
  const bakes = shift?.stage === 'BAKE_TIME' || (shift?.bakeSince ?? alarms?.bakeUntil);
  return bakes ? 'bake' : undefined;
}

/** Its targets are healthy for each proxy that says anything of them. A task outside of load balancing has none. */
function isServing(state: State, task: TaskRecord): boolean {
  if (!task.drainBeforeStop) return true;
  const targets = [...state.targetsByTask(task.id)];
  return (
    targets.length > 0 &&
    targets.every(({ value }) => {
      const said = [...state.list(collections.targetHealth, value.group, value.id)];
      return said.length > 0 && said.every(({ value: health }) => health.state === 'healthy');
    })
  );
}
