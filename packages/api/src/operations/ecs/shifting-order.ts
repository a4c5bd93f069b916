// Looking up what a service names so that its deployments can shift traffic: two target groups, and the rules that forward to them.
// Source: ECS reference, section 6.8.
import type {
  AdvancedConfiguration,
  ListenerRecord,
  LoadBalancer,
  ServiceRecord,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { shiftsTraffic } from '@berth/model/validation/shifting.ts';
import { isBerthError } from '@berth/model/errors.ts';
import {
  DEFAULT_RULE,
  groupWeightsOf,
  parseRuleName,
  ruleNameText,
} from '@berth/model/routing/traffic-weights.ts';
import { collections } from '@berth/store/keys.ts';
import type { Stored } from '@berth/store/state.ts';

import { isShifting, overlayOf } from '../../views/traffic-weights.ts';
import { findTargetGroup, type FoundRule, requireRule } from '../load-balancing/find.ts';
import { invalid, type Place } from '../resolve.ts';

/** The service that is asked for, by cluster and name: what it holds already is its own. */
export interface Asking {
  readonly cluster: string;
  readonly name: string;
}

/**
 * @param item with its target group by name
 * @returns it with everything by name, and the alternate group
 * @throws BerthError InvalidParameterException
 */
export function resolveAdvanced(
  place: Place,
  item: LoadBalancer,
  group: TargetGroupRecord,
  asking: Asking,
): { readonly item: LoadBalancer; readonly alternate: Stored<TargetGroupRecord> | undefined } {
  const { advancedConfiguration: advanced } = item;
  if (!advanced) return { item, alternate: undefined };
  const alternate = findTargetGroup(place, advanced.alternateTargetGroupArn);
  if (!alternate) {
    throw invalid(
      `The specified target group does not exist. (alternateTargetGroupArn "${advanced.alternateTargetGroupArn}"; create it first)`,
    );
  }
  const { name, protocol, protocolVersion, targetType } = alternate.value;
  if (name === group.name) {
    throw invalid(
      `alternateTargetGroupArn names target group ${name} as targetGroupArn does; expected another.`,
    );
  }
  const alike =
    protocol === group.protocol &&
    (protocolVersion ?? 'HTTP1') === (group.protocolVersion ?? 'HTTP1') &&
    targetType === group.targetType;
  if (!alike) {
    throw invalid(
      `The target groups ${group.name} and ${name} differ in protocol, protocol version or target type; expected them to be alike.`,
    );
  }
  const pair = [group.name, name];
  const production = ruleFor(place, 'productionListenerRule', advanced, pair);
  const test = advanced.testListenerRule
    ? ruleFor(place, 'testListenerRule', advanced, pair)
    : undefined;
  if (test === production) {
    throw invalid(
      'testListenerRule names the same rule as productionListenerRule; expected another, or none.',
    );
  }
  for (const rule of [production, ...(test === undefined ? [] : [test])]) {
    refuseShared(place, rule, asking);
  }
  return {
    item: {
      ...item,
      advancedConfiguration: {
        alternateTargetGroupArn: name,
        productionListenerRule: production,
        ...(test === undefined ? {} : { testListenerRule: test }),
        ...(advanced.roleArn ? { roleArn: advanced.roleArn } : {}),
      },
    },
    alternate,
  };
}

/** @returns LISTENER/RULE */
function ruleFor(
  place: Place,
  member: 'productionListenerRule' | 'testListenerRule',
  advanced: AdvancedConfiguration,
  pair: readonly string[],
): string {
  const text = advanced[member] ?? '';
  const found = findRule(place, text);
  if (!found) {
    throw invalid(`The listener rule does not exist. (${member} "${text}"; create it first)`);
  }
  const listener: ListenerRecord = found.listener.value;
  if (listener.protocol !== 'HTTP' && listener.protocol !== 'HTTPS') {
    throw invalid(
      `${member} is a rule of a listener of protocol ${listener.protocol}; expected HTTP or HTTPS: traffic is shifted by Application Load Balancers only.`,
    );
  }
  const isDefault = found.kind === 'default';
  const actions = isDefault ? listener.defaultActions : found.rule.value.actions;
  const groups = groupWeightsOf(actions).map(({ group }) => group);
  if (groups.length === 0 || groups.some((group) => !pair.includes(group))) {
    const forwards = groups.length === 0 ? 'to no target group' : `to ${groups.join(' and ')}`;
    throw invalid(
      `${member} forwards ${forwards}; expected it to forward to ${pair.join(' or ')} or both, and to nothing else.`,
    );
  }
  return ruleNameText({
    listenerId: listener.id,
    ruleId: isDefault ? DEFAULT_RULE : found.rule.value.id,
  });
}

function findRule(place: Place, text: string): FoundRule | undefined {
  try {
    return requireRule(place, text);
  } catch (error) {
    if (isBerthError(error, 'RuleNotFound')) return undefined;
    throw error;
  }
}

/** Two services would pull at the same weights. */
function refuseShared({ state }: Place, rule: string, { cluster, name }: Asking): void {
  for (const { value } of state.list(collections.services)) {
    const own = value.cluster === cluster && value.name === name;
    if (own || value.status === 'INACTIVE' || !rulesOf(value.loadBalancers).includes(rule))
      continue;
    throw invalid(
      `Listener rule ${rule} belongs to service ${value.name} in cluster ${value.cluster} already; expected one that no other service shifts traffic by.`,
    );
  }
}

/** The rules that a service's deployments shift traffic by, as records name them. */
export function rulesOf(loadBalancers: readonly LoadBalancer[]): string[] {
  return loadBalancers.flatMap(({ advancedConfiguration: of }) =>
    of ? [of.productionListenerRule, ...(of.testListenerRule ? [of.testListenerRule] : [])] : [],
  );
}

/** No group and no rule serves two of a service's load balancers. @throws BerthError InvalidParameterException */
export function refuseTwice(loadBalancers: readonly LoadBalancer[]): void {
  const advanced = loadBalancers.filter(({ advancedConfiguration }) => advancedConfiguration);
  const names = [
    ...rulesOf(advanced).map((rule) => `listener rule ${rule}`),
    ...advanced.flatMap(({ targetGroupArn, advancedConfiguration: of }) => [
      `target group ${targetGroupArn}`,
      `target group ${of?.alternateTargetGroupArn ?? ''}`,
    ]),
  ];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw invalid(
      `loadBalancers name ${twice} more than once; expected rules and target groups of their own where traffic is shifted.`,
    );
  }
}

/**
 * What can't be changed while traffic is somewhere between two groups, or has come to rest in a group that the change forgets.
 * @param next the service as it will be; `redeploys`: with a new deployment
 * @throws BerthError InvalidParameterException
 */
export function refuseLosingTraffic(
  { state }: Place,
  current: ServiceRecord,
  next: ServiceRecord,
  changes: { readonly loadBalancers: boolean; readonly redeploys: boolean },
): void {
  for (const rule of rulesOf(current.loadBalancers)) {
    const overlay = overlayOf(state, parseRuleName(rule))?.value;
    if (!overlay) continue;
    const endsShifting = changes.redeploys && !shiftsTraffic(next.deploymentConfiguration);
    if ((changes.loadBalancers || endsShifting) && isShifting(state, overlay)) {
      throw invalid(
        `Deployment ${overlay.deploymentId} is shifting the traffic of this service: its load balancers can't be changed meanwhile, and no deployment of strategy ROLLING can take its place; wait for its end, or stop it with a rollback.`,
      );
    }
    if (!changes.loadBalancers || rulesOf(next.loadBalancers).includes(rule)) continue;
    const serving = overlay.weights.filter(({ weight }) => weight > 0).map(({ group }) => group);
    const named = next.loadBalancers.map(({ targetGroupArn }) => targetGroupArn);
    const lost = serving.find((group) => !named.includes(group));
    if (lost !== undefined && next.loadBalancers.length > 0) {
      throw invalid(
        `The traffic of listener rule ${rule} goes to target group ${lost}, which loadBalancers does not name any more; name it as targetGroupArn, or change the rule first.`,
      );
    }
  }
}
