// What happens to the weights that a deployment has given to a rule when people change the rule. Pure.
import { BerthError } from '@berth/model/errors.ts';
import type { RuleRecord } from '@berth/model/generated/messages.ts';
import type { RuleName } from '@berth/model/routing/traffic-weights.ts';
import { guardAbsent, guardUnchanged } from '@berth/store/record.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Guard } from '@berth/store/store.ts';

import { isShifting, overlayOf } from '../../views/traffic-weights.ts';

export interface WeightsGone {
  readonly guards: readonly Guard[];
  readonly deletes: readonly string[];
}

/**
 * New actions of a rule bring their own weights: those of a deployment go.
 * @throws BerthError OperationNotPermitted while a deployment is moving the rule's traffic
 */
export function withoutWeights(state: State, rule: RuleName): WeightsGone {
  const overlay = overlayOf(state, rule);
  const { listenerId, ruleId } = rule;
  if (!overlay) {
    return { guards: [guardAbsent(collections.trafficWeights, listenerId, ruleId)], deletes: [] };
  }
  const { cluster, service, deploymentId } = overlay.value;
  if (isShifting(state, overlay.value)) {
    throw new BerthError(
      'OperationNotPermitted',
      `The actions of rule ${listenerId}/${ruleId} can't be changed while deployment ${deploymentId} of service ${service} in cluster ${cluster} shifts its traffic; expected it to be over, or stopped.`,
    );
  }
  return { guards: [guardUnchanged(overlay)], deletes: [overlay.key] };
}

/** Of a rule: what goes with it. */
export function weightKey(state: State, { listenerId, id }: RuleRecord): string[] {
  const overlay = overlayOf(state, { listenerId, ruleId: id });
  return overlay ? [overlay.key] : [];
}
