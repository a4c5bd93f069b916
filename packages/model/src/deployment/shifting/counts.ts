// How many tasks each deployment has while traffic is being shifted. Both sides are kept at the desired count, each within the
// service's own limits, as if it were alone; whatever has no part in the shift goes. Pure. Source: ECS reference, section 6.8.
import type { DeploymentRecord } from '../../generated/messages.ts';
import { type Buckets, EMPTY_BUCKET, membersOf } from '../buckets.ts';
import type { Limits } from '../limits.ts';
import { planRolling, type RollingInput } from '../rolling.ts';
import type { Step } from '../step.ts';
import { isScaledUp } from './advance.ts';

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
  for (const deployment of input.deployments) {
    const wanted = wantedOf(deployment, primary, input.desired);
    const own = only(input.buckets, deployment.id);
    // Until the rules say so, nothing goes that may still get traffic.
    const serves = !input.settled || mayServe(deployment, primary);
    if (wanted < own.total && deployment !== primary && serves) {
      step.kept.set(deployment.id, own.total);
      continue;
    }
    const limits = input.limitsFor(wanted);
    const part = planRolling({
      ...input,
      deployments: [deployment],
      buckets: own,
      desired: wanted,
      limits,
    });
    input.check(part, own, limits);
    all.starts = [...all.starts, ...part.starts];
    all.stops = [...all.stops, ...part.stops];
    all.stuck ||= part.stuck;
    step.kept.set(deployment.id, deployment === primary ? deployment.desiredCount : wanted);
  }
  return all;
}

/** It was given up with traffic that has not gone back to the source yet, since that is not whole. */
function mayServe({ id }: DeploymentRecord, { id: newest, shift }: DeploymentRecord): boolean {
  if (!shift || id === newest || id === shift.source) return false;
  const returned = shift.productionWeight === 0 && shift.testWeight === 0;
  return shift.stage === 'RECONCILE_SERVICE' && !returned;
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

/** The buckets as if there were only this deployment. */
function only({ byDeployment, ending, changesAt }: Buckets, id: string): Buckets {
  const bucket = byDeployment.get(id);
  const members = membersOf(bucket ?? EMPTY_BUCKET);
  const leaving = ending.get(id);
  return {
    byDeployment: new Map(bucket ? [[id, bucket]] : []),
    ending: new Map(leaving ? [[id, leaving]] : []),
    total: members.length,
    healthyTotal: members.filter(({ health }) => health.state === 'healthy').length,
    changesAt,
  };
}
