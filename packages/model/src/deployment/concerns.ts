// What people should be told about a service as it is now, and when it has passed. Pure.
import type { DeploymentRecord, ServiceDeploymentsRecord } from '../generated/messages.ts';
import type { Concern } from './announcements.ts';
import { type ActiveTask, type Buckets, membersOf } from './buckets.ts';
import { text } from './events.ts';
import type { Step } from './step.ts';
import type { Unregistered } from './targets.ts';
import { IMPAIRED_AFTER } from './throttle.ts';
import type { ServiceView } from './view.ts';

/** So many sick tasks are told of one by one. */
const MOST_TASKS = 50;
/** Keys of refused placements; they pass when a task is placed or the service is steady. */
export const PLACEMENT = 'placement/';

export interface ConcernsInput {
  readonly view: ServiceView;
  readonly deployments: ServiceDeploymentsRecord['deployments'];
  readonly steadySince: number | undefined;
  readonly buckets: Buckets;
  readonly step: Step;
  readonly unregistered: readonly Unregistered[];
}

/** What is the same for deployments and task sets. */
export function shared(
  view: ServiceView,
  deployments: readonly DeploymentRecord[],
  buckets: Buckets,
  unregistered: readonly Unregistered[],
): Concern[] {
  const sick = [...buckets.byDeployment.values()].flatMap(({ unhealthy }) => unhealthy);
  const concerns: Concern[] = sick.slice(0, MOST_TASKS).map(({ of, sickness }) => ({
    key: `unhealthy/${of.task.id}`,
    message: text.unhealthy(of.task.id, sickness),
  }));
  for (const problem of unregistered.slice(0, MOST_TASKS)) {
    concerns.push({ key: `unregistered/${problem.task}`, message: unregisteredText(problem) });
  }
  for (const { id, launchFailures } of deployments) {
    if (launchFailures < IMPAIRED_AFTER) continue;
    concerns.push({ key: `impaired/${id}`, message: text.impaired(lastFailure(view, id)) });
  }
  return concerns;
}

export function concernsOf(input: ConcernsInput): Concern[] {
  const { view, deployments, buckets, step, steadySince } = input;
  const concerns = shared(view, deployments, buckets, input.unregistered);
  const shielded = shieldedInTheWay(input);
  if (shielded.length > 0) {
    const [first] = shielded;
    concerns.push({
      key: 'shielded',
      message: text.shielded(first?.of.task.owner ?? view.name, shielded.length),
    });
  }
  if (step.stuck) concerns.push({ key: 'stuck', message: text.stuck });
  if (steadySince !== undefined) concerns.push({ key: 'steady', message: text.steady });
  return concerns;
}

/** Has a trouble passed that was told of and is no concern now? */
export function isOver(key: string, steadySince: number | undefined): boolean {
  return !key.startsWith(PLACEMENT) || steadySince !== undefined;
}

function unregisteredText(problem: Unregistered): string {
  const { task, group } = problem;
  return problem.kind === 'no-group'
    ? text.noTargetGroup(task, group)
    : text.noHostPort(task, problem.container, problem.port, group);
}

/** Tasks that nothing but their protection keeps from being stopped: there is nothing else left to do. */
function shieldedInTheWay({ buckets, step, deployments }: ConcernsInput): readonly ActiveTask[] {
  const [primary] = deployments;
  // While traffic is being shifted, both sides stay on purpose.
  if (
    primary?.rolloutState === 'IN_PROGRESS' &&
    primary.shift &&
    primary.shift.stage !== 'CLEAN_UP'
  ) {
    return [];
  }
  const idle = step.starts.length === 0 && step.stops.length === 0 && buckets.ending.size === 0;
  if (!primary || !idle) return [];
  const everyone = [...buckets.byDeployment.values()].flatMap(membersOf);
  if (everyone.some(({ health }) => health.state !== 'healthy')) return [];
  const shielded = everyone.filter((task) => task.shielded);
  const old = shielded.filter(({ of }) => of.task.owner !== primary.id);
  if (old.length > 0) return old;
  return buckets.total > primary.desiredCount ? shielded : [];
}

/** Why the youngest stopped task of a deployment stopped, in the host's words. */
function lastFailure(view: ServiceView, owner: string): string | undefined {
  const stopped = view.tasks.filter(
    ({ task, status }) => task.owner === owner && status?.lastStatus === 'STOPPED',
  );
  const last = stopped.reduce<(typeof stopped)[number] | undefined>(
    (youngest, each) =>
      youngest === undefined || each.task.createdAt > youngest.task.createdAt ? each : youngest,
    undefined,
  );
  if (!last) return undefined;
  const containers = (last.status?.containers ?? [])
    .filter(({ exitCode, reason }) => reason !== undefined || (exitCode ?? 0) !== 0)
    .map(({ name, exitCode, reason }) => {
      const code = exitCode === undefined ? '' : ` exited with code ${exitCode}`;
      return `(container ${name})${code}${reason === undefined ? '' : ` ${reason}`}`;
    });
  const why = [last.status?.stoppedReason ?? 'it gave no reason', ...containers].join('; ');
  return `(task ${last.task.id}) ${why}.`;
}
