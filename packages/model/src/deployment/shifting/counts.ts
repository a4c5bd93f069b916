// How many tasks each deployment has while traffic is being shifted. Both sides are kept at the desired count, each within the
// service's own limits, as if it were alone; whatever has no part in the shift goes. Pure. Source: ECS reference, section 6.8.
import type { DeploymentRecord } from '../../generated/messages.ts';
import { nameOf } from '../../resources/arn.ts';
import { type Buckets, membersOf } from '../buckets.ts';
import type { Limits } from '../limits.ts';
import { planRolling, type RollingInput } from '../rolling.ts';
import type { Step } from '../step.ts';
import { isScaledUp } from './advance.ts';
import { isAway } from './returning.ts';

export interface ShiftCounts extends Omit<RollingInput, 'limits'> {
  /** Of a number of wanted tasks. */
  readonly limitsFor: (wanted: number) => Limits;
  /** The rules have the weights of the shift: what gets no traffic by them may go. */
  readonly settled: boolean;
  /** Checks the plan of one side. */
  readonly check: (step: Step, buckets: Buckets, limits: Limits) => void;
}

export function planShifting(input: ShiftCounts): Step {
  const [primary] = input.deployments;
  const step = { starts: [], stops: [], kept: new Map<string, number>(), stuck: false };
  const all: { -readonly [K in keyof Step]: Step[K] } = step;
  const home = homeOf(input);
  const beside = new Set(input.settled ? besideHome(input, home) : []);
  for (const deployment of input.deployments) {
    if (beside.has(deployment)) continue;
    const wanted = wantedOf(deployment, primary, input.desired);
    const others = deployment === home ? [...beside] : [];
    const own = only(input.buckets, [deployment, ...others]);
    // Until the rules say so, nothing goes that may still get traffic.
    const serves = !input.settled || mayServe(deployment, primary);
    if (wanted < own.total && deployment !== primary && others.length === 0 && serves) {
      step.kept.set(deployment.id, own.total);
      continue;
    }
    const limits = input.limitsFor(wanted);
    const part = planRolling({
      ...input,
      deployments: [deployment, ...others],
      buckets: own,
      desired: wanted,
      limits,
    });
    input.check(part, own, limits);
    all.starts = [...all.starts, ...part.starts];
    all.stops = [...all.stops, ...part.stops];
    all.stuck ||= part.stuck;
    for (const { id } of others) step.kept.set(id, part.kept.get(id) ?? 0);
    step.kept.set(deployment.id, deployment === primary ? deployment.desiredCount : wanted);
  }
  return all;
}

/** Where the traffic was before the shift: at its source, or at the undoing, which has the source's tasks. */
function homeOf({ deployments }: Pick<ShiftCounts, 'deployments'>): DeploymentRecord | undefined {
  const [primary] = deployments;
  const { shift } = primary;
  return shift?.back ? primary : deployments.find(({ id }) => id === shift?.source);
}

/**
 * What was being rolled out in the source's place when a shift took its own: it gets the source's traffic as well, so that it gives way
 * to the source as in a rolling update.
 */
function besideHome(
  { deployments }: Pick<ShiftCounts, 'deployments'>,
  home: DeploymentRecord | undefined,
): DeploymentRecord[] {
  if (!home) return [];
  const [primary] = deployments;
  const groups = groupsOf(home);
  return deployments.filter(
    (each) =>
      each !== primary && each !== home && groupsOf(each).some((name) => groups.includes(name)),
  );
}

function groupsOf({ loadBalancers }: DeploymentRecord): string[] {
  return loadBalancers.map(({ targetGroupArn }) => nameOf(targetGroupArn));
}

/** It was given up with traffic that has not gone back to the source yet, since that is not whole. */
function mayServe({ id }: DeploymentRecord, { id: newest, shift }: DeploymentRecord): boolean {
  return shift !== undefined && id !== newest && id !== shift.source && isAway(shift);
}

/** How many tasks a deployment is to have now. */
export function wantedOf(
  { id }: DeploymentRecord,
  primary: DeploymentRecord,
  desired: number,
): number {
  const { shift } = primary;
  if (!shift) return id === primary.id ? desired : 0;
  if (id === primary.id) return isScaledUp(shift) ? desired : 0;
  return id === shift.source && shift.stage !== 'CLEAN_UP' ? desired : 0;
}

/** The buckets as if there were only these deployments. */
function only(
  { byDeployment, ending, changesAt }: Buckets,
  deployments: readonly DeploymentRecord[],
): Buckets {
  const own = <T>(from: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...from].filter(([owner]) => deployments.some(({ id }) => id === owner)));
  const buckets = own(byDeployment);
  const members = [...buckets.values()].flatMap(membersOf);
  return {
    byDeployment: buckets,
    ending: own(ending),
    total: members.length,
    healthyTotal: members.filter(({ health }) => health.state === 'healthy').length,
    changesAt,
  };
}
