// What people should be told about the task sets of a service as they are now. Pure. Source: ECS reference, sections 6.9 and 6.11.
import type { DeploymentRecord } from '../../generated/messages.ts';
import type { Concern } from '../announcements.ts';
import { type Buckets, membersOf } from '../buckets.ts';
import { shared } from '../concerns.ts';
import { text } from '../events.ts';
import type { Step } from '../step.ts';
import type { Unregistered } from '../targets.ts';
import type { ServiceView } from '../view.ts';

export interface TaskSetConcernsInput {
  readonly view: ServiceView;
  readonly sets: readonly DeploymentRecord[];
  readonly buckets: Buckets;
  /** By id of the set. */
  readonly steps: ReadonlyMap<string, Step>;
  readonly unregistered: readonly Unregistered[];
}

export function taskSetConcerns(input: TaskSetConcernsInput): Concern[] {
  const { view, sets, buckets } = input;
  const concerns = shared(view, sets, buckets, input.unregistered);
  for (const set of sets) {
    const shielded = shieldedOf(set, input);
    if (shielded > 0) {
      concerns.push({ key: `shielded/${set.id}`, message: text.shielded(set.id, shielded) });
    }
  }
  const steady = sets.every(({ stabilityStatus }) => stabilityStatus === 'STEADY_STATE');
  if (steady && sets.length > 0) concerns.push({ key: 'steady', message: text.steady });
  return concerns;
}

/** How many tasks of a set nothing but their protection keeps from being stopped. */
function shieldedOf(
  { id, desiredCount }: DeploymentRecord,
  { buckets, steps }: TaskSetConcernsInput,
): number {
  const step = steps.get(id);
  const bucket = buckets.byDeployment.get(id);
  if (!bucket || !step || step.stops.length > 0) return 0;
  const members = membersOf(bucket);
  const surplus = Math.max(0, members.length - desiredCount);
  return Math.min(surplus, members.filter(({ shielded }) => shielded).length);
}
