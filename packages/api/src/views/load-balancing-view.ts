// Load balancers, target groups, listeners and rules as the API shows them. Records name things by their names; the API shows ARNs,
// and never a secret. Pure. Source: ALB reference, sections 1.2, 1.5 and 2.1.
import type {
  Action,
  ElasticLoadBalancer,
  Listener,
  ListenerRecord,
  LoadBalancer,
  LoadBalancerRecord,
  MutualAuthentication,
  Rule,
  RuleRecord,
  TargetGroup,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { HOSTED_ZONE_ID } from '@berth/model/resources/network.ts';
import { defaultHealthCheck } from '@berth/model/resources/target-group.ts';
import { attributesOf, familyOf } from '@berth/model/routing/attributes.ts';
import { DEFAULT_RULE, parseRuleName } from '@berth/model/routing/traffic-weights.ts';
import { listenerPlace } from '@berth/model/validation/listener.ts';
import { groupPlace } from '@berth/model/validation/target-group.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { balancerOf } from './balancer.ts';
import { balancersUsing } from './group-references.ts';
import { actingListener, actingRule } from './traffic-weights.ts';

/** What the views need to know of the installation. */
export interface Installation {
  readonly realm: Realm;
  /** What the names of load balancers end in: `REGION.elb.berth`. */
  readonly dnsSuffix: string;
}

export function loadBalancerView(
  { realm, dnsSuffix }: Installation,
  record: LoadBalancerRecord,
  state: 'provisioning' | 'active' = 'active',
): ElasticLoadBalancer {
  const prefix = record.scheme === 'internal' ? 'internal-' : '';
  const digits = String(BigInt(`0x${record.id}`));
  return {
    loadBalancerArn: arn.loadBalancer(realm, record),
    loadBalancerName: record.name,
    dnsName: `${prefix}${record.name}-${digits}.${dnsSuffix}`,
    canonicalHostedZoneId: HOSTED_ZONE_ID,
    createdAt: record.createdAt,
    scheme: record.scheme,
    vpcId: record.vpcId,
    state,
    type: record.type,
    availabilityZones: record.availabilityZones,
    securityGroups: record.securityGroups,
    ipAddressType: record.ipAddressType,
  };
}

export function targetGroupView(
  state: State,
  realm: Realm,
  record: TargetGroupRecord,
): TargetGroup {
  const application = familyOf(record.protocol) === 'application';
  return {
    targetGroupArn: arn.targetGroup(realm, record.name, record.id),
    targetGroupName: record.name,
    protocol: record.protocol,
    port: record.port,
    targetType: record.targetType,
    healthCheck: record.healthCheck ?? defaultHealthCheck(record),
    attributes: attributesOf(groupPlace(record), record.attributes),
    createdAt: record.createdAt,
    protocolVersion: application ? (record.protocolVersion ?? 'HTTP1') : undefined,
    vpcId: record.vpcId,
    ipAddressType: record.ipAddressType ?? 'ipv4',
    loadBalancerArns: balancersUsing(state, record.name).flatMap((name) => {
      const balancer = state.get(collections.loadBalancers, name)?.value;
      return balancer ? [arn.loadBalancer(realm, balancer)] : [];
    }),
  };
}

export function listenerArn(state: State, realm: Realm, record: ListenerRecord): string {
  return arn.listener(realm, balancerOf(state, record), record.id);
}

export function listenerView(state: State, realm: Realm, record: ListenerRecord): Listener {
  const { mutualAuthentication, certificates } = record;
  return {
    listenerArn: listenerArn(state, realm, record),
    listenerId: record.id,
    port: record.port,
    protocol: record.protocol,
    defaultActions: actionsView(state, realm, actingListener(state, record).defaultActions),
    loadBalancerArn: arn.loadBalancer(realm, balancerOf(state, record)),
    sslPolicy: record.sslPolicy,
    certificates: certificates.slice(0, 1),
    alpnPolicy: record.alpnPolicy,
    mutualAuthentication:
      record.protocol === 'HTTPS'
        ? mutualView(state, realm, mutualAuthentication ?? { mode: 'off' })
        : undefined,
    attributes: attributesOf(listenerPlace(record), record.attributes),
  };
}

function mutualView(
  state: State,
  realm: Realm,
  mutual: MutualAuthentication,
): MutualAuthentication {
  const name = mutual.trustStore ?? '';
  const store = name === '' ? undefined : state.get(collections.trustStores, name)?.value;
  return store ? { ...mutual, trustStore: arn.trustStore(realm, store.name, store.id) } : mutual;
}

export function ruleView(
  state: State,
  realm: Realm,
  record: RuleRecord,
  listener: ListenerRecord,
): Rule {
  const balancer = balancerOf(state, listener);
  return {
    ruleArn: arn.rule(realm, balancer, record.listenerId, record.id),
    ruleId: record.id,
    listenerArn: arn.listener(realm, balancer, record.listenerId),
    priority: String(record.priority),
    conditions: record.conditions,
    actions: actionsView(state, realm, actingRule(state, record).actions),
    isDefault: false,
    transforms: record.transforms,
    attributes: record.attributes,
  };
}

/** The rule that a listener's default actions are. It bears the listener's id. */
export function defaultRuleView(state: State, realm: Realm, record: ListenerRecord): Rule {
  const balancer = balancerOf(state, record);
  return {
    ruleArn: arn.rule(realm, balancer, record.id, record.id),
    ruleId: record.id,
    listenerArn: arn.listener(realm, balancer, record.id),
    priority: 'default',
    conditions: [],
    actions: actionsView(state, realm, actingListener(state, record).defaultActions),
    isDefault: true,
    transforms: [],
    attributes: {},
  };
}

function actionsView(state: State, realm: Realm, actions: readonly Action[]): Action[] {
  return actions.map((action) => {
    const { forward, authenticateOidc } = action;
    if (forward) {
      const targetGroups = forward.targetGroups.map((tuple) => ({
        ...tuple,
        targetGroupArn: targetGroupArn(state, realm, tuple.targetGroupArn),
      }));
      return { ...action, forward: { ...forward, targetGroups } };
    }
    if (authenticateOidc) {
      const shown = { ...authenticateOidc };
      delete shown.clientSecret;
      delete shown.sealedClientSecret;
      delete shown.useExistingClientSecret;
      return { ...action, authenticateOidc: shown };
    }
    return action;
  });
}

/** The ARN of a rule as records name it: LISTENER/RULE; the text itself where the listener is gone. */
export function ruleNameArn(state: State, realm: Realm, text: string): string {
  const { listenerId, ruleId } = parseRuleName(text);
  const listener = state.get(collections.listeners, listenerId)?.value;
  if (!listener) return text;
  const id = ruleId === DEFAULT_RULE ? listenerId : ruleId;
  return arn.rule(realm, balancerOf(state, listener), listenerId, id);
}

/** A service's load balancer, everything by its ARN. */
export function serviceBalancerView(state: State, realm: Realm, item: LoadBalancer): LoadBalancer {
  const { advancedConfiguration: advanced, ...rest } = item;
  const shown = { ...rest, targetGroupArn: targetGroupArn(state, realm, item.targetGroupArn) };
  if (!advanced) return shown;
  return {
    ...shown,
    advancedConfiguration: {
      ...advanced,
      alternateTargetGroupArn: targetGroupArn(state, realm, advanced.alternateTargetGroupArn),
      productionListenerRule: ruleNameArn(state, realm, advanced.productionListenerRule),
      ...(advanced.testListenerRule === undefined
        ? {}
        : { testListenerRule: ruleNameArn(state, realm, advanced.testListenerRule) }),
    },
  };
}

/** The ARN of a group by its name; the name itself where the group is gone. */
export function targetGroupArn(state: State, realm: Realm, name: string): string {
  const group = state.get(collections.targetGroups, name)?.value;
  return group ? arn.targetGroup(realm, group.name, group.id) : name;
}
