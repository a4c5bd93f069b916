// What a deployment waits for at a moment, in words for people. Pure.
import { isOver } from '@berth/model/deployment/shifting/hooks.ts';
import type { TaskView } from '@berth/model/deployment/view.ts';
import type { DeploymentRecord, ServiceDeploymentRecord } from '@berth/model/generated/messages.ts';

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

/**
 * @param primary the newest of the service's deployments
 * @param tasks of the service
 */
export function waitOf(
  deployment: ServiceDeploymentRecord,
  primary: DeploymentRecord | undefined,
  tasks: readonly TaskView[],
): string {
  const { deploymentId, rollbackDeploymentId, requestedTaskCount } = deployment;
  const wanted = rollbackDeploymentId ?? deploymentId;
  const found = new Set<keyof typeof WAITS>();
  let own = 0;
  for (const of of tasks) {
    const { task, status } = of;
    if (status?.lastStatus === 'STOPPED') continue;
    if (task.desiredStatus === 'STOPPED') found.add(task.drainBeforeStop ? 'drain' : 'stop');
    else if (task.owner === wanted) {
      own += 1;
      if (status?.lastStatus !== 'RUNNING') found.add('start');
      else if (status.healthStatus === 'UNHEALTHY' || !isServing(of)) found.add('health');
      else if (status.healthStatus !== 'HEALTHY') found.add('settle');
    }
  }
  if (own < requestedTaskCount) found.add('room');
  const ofStage = stageWait(primary);
  if (ofStage) found.add(ofStage);
  const first = (Object.keys(WAITS) as (keyof typeof WAITS)[]).find((key) => found.has(key));
  return WAITS[first ?? 'stage'];
}

/** What it waits for besides tasks. */
function stageWait(primary: DeploymentRecord | undefined): 'word' | 'hooks' | 'bake' | undefined {
  const { shift, alarms } = primary ?? {};
  const waiting = shift?.hooks.filter((hook) => !isOver(hook)) ?? [];
  if (waiting.some(({ status }) => status === 'AWAITING_ACTION')) return 'word';
  if (waiting.length > 0) return 'hooks';
  const bakes = shift?.stage === 'BAKE_TIME' || (shift?.bakeSince ?? alarms?.bakeUntil);
  return bakes ? 'bake' : undefined;
}

/** Its targets are healthy for each proxy that says anything of them. A task outside of load balancing has none. */
function isServing({ task, targets }: TaskView): boolean {
  if (!task.drainBeforeStop) return true;
  return (
    targets.length > 0 &&
    targets.every(
      ({ health }) => health.length > 0 && health.every(({ state }) => state === 'healthy'),
    )
  );
}
