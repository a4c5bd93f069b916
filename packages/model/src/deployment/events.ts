// The texts of service events, as ECS words them. Pure. Source: ECS reference, section 6.11.
// Behind the words of ECS, where it says only that something failed, stands what a user needs to know why.
import type { LifecycleHookState, UnplacedTask } from '../generated/messages.ts';
import type { Sickness } from './health.ts';

const MANUAL =
  'For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.';
/** So many tasks are named in an event; the others are counted. */
const NAMED = 20;

const tasks = (ids: readonly string[]): string => {
  const named = ids.slice(0, NAMED).map((id) => `(task ${id})`);
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  return named.join(' ') + more;
};

/** How many tasks are in each zone. */
type Zones = ReadonlyMap<string, number>;

const inZones = (zones: Zones): string =>
  [...zones]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([zone, count]) => `${count} tasks in ${zone}`)
    .join(', ');

/** Messages behind the prefix `(service NAME) `, which `serviceEvent` puts on. */
export const text = {
  steady: 'has reached a steady state.',
  stability: (status: string) => `updated state to ${status}.`,
  started: (ids: readonly string[], replacing: number) =>
    `has started ${ids.length} tasks: ${tasks(ids)}.` +
    (replacing > 0 ? ` Amazon ECS replaced ${replacing} tasks due to an unhealthy status.` : ''),
  stoppedRunning: (ids: readonly string[]) =>
    `has stopped ${ids.length} running tasks: ${tasks(ids)}.`,
  zonesUnbalanced: (zones: Zones) =>
    `is not AZ balanced with ${inZones(zones)}. AZ Rebalancing in progress.`,
  zonesBalanced: (zones: Zones) => `is AZ balanced with ${inZones(zones)}.`,
  zonesStopped: 'stopped AZ Rebalancing.',
  startedInZone: (ids: readonly string[], zone: string) =>
    `has started ${ids.length} tasks in ${zone} to AZ Rebalance: ${tasks(ids)}.`,
  stoppedInZone: (ids: readonly string[], zone: string) =>
    `has stopped ${ids.length} running tasks in ${zone} due to AZ rebalancing: ${tasks(ids)}.`,
  unplacedInZone: (zone: string) =>
    `is unable to place a task in ${zone} because no container instance met all of its requirements.`,
  /** Of the task set, or of a DAEMON service. */
  computedCount: (count: number, taskSet?: string) =>
    taskSet === undefined
      ? `updated desired count to ${count}.`
      : `updated computedDesiredCount for taskSet ${taskSet} to ${count}.`,
  stoppedPending: (count: number) => `stopped ${count} pending tasks.`,
  registered: (count: number, group: string) =>
    `registered ${count} targets in (target-group ${group})`,
  deregistered: (count: number, group: string) =>
    `deregistered ${count} targets in (target-group ${group})`,
  draining: (count: number) => `has begun draining connections on ${count} tasks.`,
  completed: (deployment: string) => `(deployment ${deployment}) deployment completed.`,
  failed: (deployment: string) =>
    `(deployment ${deployment}) deployment failed: tasks failed to start.`,
  rollingBack: (deployment: string) => `rolling back to deployment ${deployment}.`,
  unhealthy: (task: string, sickness: Sickness) =>
    sickness.kind === 'target'
      ? `(task ${task}) (port ${sickness.port}) is unhealthy in (target-group ${sickness.group}) ` +
        `due to (reason ${sickness.reason})`
      : `(task ${task}) failed container health checks.${checkOutput(sickness)}`,
  noTargetGroup: (task: string, group: string) =>
    `(task ${task}) is not healthy in target-group (${group}) due to TARGET GROUP IS NOT FOUND.`,
  noHostPort: (task: string, container: string, port: number, group: string) =>
    `(task ${task}) can't be registered in (target-group ${group}): its (container ${container}) has no ` +
    `host port for its port ${port}. Add the port to the portMappings of the container.`,
  unplaced: (unplaced: UnplacedTask) => {
    const why = unplaced.closestHostId
      ? `The closest matching (container-instance ${unplaced.closestHostId}) ${unplaced.closestReason ?? 'was refused'}.`
      : refusals(unplaced);
    return `was unable to place a task because no container instance met all of its requirements. ${why} ${MANUAL}`;
  },
  refused: (problem: string) =>
    `was unable to place a task. Reason: ${problem.replace(/\.$/, '')}.`,
  impaired: (lastFailure: string | undefined) =>
    `is unable to consistently start tasks successfully. ${MANUAL}` +
    (lastFailure === undefined ? '' : ` Last failure: ${lastFailure}`),
  stuck:
    'was unable to stop or start tasks during a deployment because of the service deployment configuration. ' +
    'Update the minimumHealthyPercent or maximumPercent value and try again.',
  shielded: (deployment: string, count: number) =>
    `was unable to reach steady state because (taskSet ${deployment}) was unable to scale in due to ` +
    `(reason ${count} tasks under protection)`,
  stage: (deployment: string, stage: string) =>
    `(deployment ${deployment}) has reached lifecycle stage ${stage}.`,
  hook: (deployment: string, { hookId, lifecycleStage, status, reason }: LifecycleHookState) =>
    `(deployment ${deployment}) hook ${hookId} of lifecycle stage ${lifecycleStage} is ${status}` +
    (reason === undefined ? '.' : `: ${reason.replace(/\.$/, '')}.`),
  shifted: (deployment: string, traffic: 'production' | 'test', percent: number) =>
    `(deployment ${deployment}) gets ${percent} percent of the ${traffic} traffic.`,
  ended: (deployment: string, why: string, details?: string) =>
    `(deployment ${deployment}) deployment failed: ${why}.${details === undefined ? '' : ` ${details}`}`,
  stopRequested: (deployment: string) =>
    `(deployment ${deployment}) deployment failed: stopped by a user.`,
} as const;

/** @param taskSet the id of the task set that it is about. Source: ECS reference, section 6.9 */
export function serviceEvent(service: string, message: string, taskSet?: string): string {
  return taskSet === undefined
    ? `(service ${service}) ${message}`
    : `(service ${service}, taskSet ${taskSet}) ${message}`;
}

/** ECS tells of the desired count of a DAEMON service under another prefix than of everything else. */
export function daemonEvent(service: string, message: string): string {
  return `(daemon service ${service}) ${message}`;
}

/** Texts of deployment state changes. Source: ECS reference, section 10.4. */
export const rolloutReason = {
  inProgress: (deployment: string) => `ECS deployment ${deployment} in progress.`,
  completed: (deployment: string) => `ECS deployment ${deployment} completed.`,
  tripped: 'ECS deployment circuit breaker: tasks failed to start.',
  stopped: 'ECS deployment was stopped by a user.',
  undoingTripped: (good: string) =>
    `ECS deployment circuit breaker: rolling back to deploymentId ${good}.`,
  ended: (why: string) => `ECS deployment failed: ${why}.`,
  undoingEnded: (good: string, why: string) =>
    `ECS deployment failed: ${why}: rolling back to deploymentId ${good}.`,
  undoingStopped: (good: string) =>
    `ECS deployment was stopped by a user: rolling back to deploymentId ${good}.`,
} as const;

/** What a task that is stopped by the service scheduler says of itself. Source: ECS reference, section 4.4. */
export const stoppedReason = {
  scaling: (deployment: string) => `Scaling activity initiated by (deployment ${deployment})`,
  unhealthy: (sickness: Sickness) =>
    sickness.kind === 'target'
      ? `Task failed ELB health checks in (target-group ${sickness.group})`
      : 'Task failed container health checks',
  hostLost: (host: string) => `Host EC2 (instance ${host}) terminated.`,
} as const;

function checkOutput(sickness: Sickness & { kind: 'container' }): string {
  const output = sickness.output?.trim();
  const said = output ? `: ${output}` : ' without any output';
  return ` The check of (container ${sickness.container}) failed${said}`;
}

function refusals({ refusals: counts }: UnplacedTask): string {
  if (counts.length === 0) return 'Reason: No Container Instances were found in your cluster.';
  const each = counts.map(({ reason, hosts }) => `${reason} on ${hosts}`).join(', ');
  return `Reason: all container instances were refused: ${each}.`;
}
