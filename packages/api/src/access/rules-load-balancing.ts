// Permissions for the methods of service LoadBalancing: those of Elastic Load Balancing v2, and of Certificate Manager
// for certificates. Describing needs them on *, as there.
import type { Tag } from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';

import type { Place } from '../operations/resolve.ts';
import {
  type Conditions,
  type Need,
  type Rule,
  type Rules,
  requestTags,
  resourceTags,
} from './rule.ts';

const PREFIXES = ['aws:resourcetag/', 'elasticloadbalancing:resourcetag/'];
const DEFAULT_BALANCER = 'berth';

type Kind = 'loadbalancer' | 'listener' | 'listener-rule' | 'targetgroup' | 'truststore';

const elb = ({ region, account }: Realm, resource: string): string =>
  `arn:aws:elasticloadbalancing:${region}:${account}:${resource}`;

const describe =
  (action: string): Rule<unknown> =>
  () => [{ action: `elasticloadbalancing:${action}`, resource: '*' }];

const certificates =
  (action: string): Rule<unknown> =>
  () => [{ action: `acm:${action}`, resource: '*' }];

const need = (
  action: string,
  resource: string,
  tags: readonly Tag[] = [],
  conditions: Conditions = {},
): Need => ({
  action: `elasticloadbalancing:${action}`,
  resource,
  conditions: { ...resourceTags(tags, PREFIXES), ...conditions },
});

/** Something that is there, by name, id, port or ARN. A name that nothing has stands in an ARN with wildcards. */
function found(place: Place, kind: Kind, text: string): { arn: string; tags: readonly Tag[] } {
  const { realm } = place;
  const record = recordOf(place, kind, text);
  if (record) return { arn: elb(realm, record.path), tags: record.tags };
  return { arn: text.startsWith('arn:') ? text : elb(realm, `${kind}/${text}`), tags: [] };
}

function recordOf(
  { state }: Place,
  kind: Kind,
  text: string,
): { readonly path: string; readonly tags: readonly Tag[] } | undefined {
  const name = kind === 'loadbalancer' || kind === 'truststore' ? nameInArn(text) : nameOf(text);
  if (name === '' || name.includes('/')) return undefined;
  if (kind === 'targetgroup') {
    const group = state.get(collections.targetGroups, name)?.value;
    return group && { path: `targetgroup/${group.name}/${group.id}`, tags: group.tags };
  }
  if (kind === 'truststore') {
    const store = state.get(collections.trustStores, name)?.value;
    return store && { path: `truststore/${store.name}/${store.id}`, tags: store.tags };
  }
  if (kind === 'loadbalancer') {
    const balancer = state.get(collections.loadBalancers, name)?.value;
    return balancer && { path: `loadbalancer/${balancerPath(balancer)}`, tags: balancer.tags };
  }
  if (kind === 'listener') {
    for (const { value } of state.list(collections.listeners)) {
      if (value.id !== name && String(value.port) !== name) continue;
      return {
        path: `listener/${pathOf(state, value.loadBalancer)}/${value.id}`,
        tags: value.tags,
      };
    }
    return undefined;
  }
  const own = state.get(collections.listeners, name)?.value;
  if (own) {
    // A default rule has the id of its listener.
    const path = `listener-rule/${pathOf(state, own.loadBalancer)}/${own.id}/${own.id}`;
    return { path, tags: own.tags };
  }
  for (const { value } of state.list(collections.rules)) {
    if (value.id !== name) continue;
    const listener = state.get(collections.listeners, value.listenerId)?.value;
    const balancer = pathOf(state, listener?.loadBalancer);
    return { path: `listener-rule/${balancer}/${value.listenerId}/${value.id}`, tags: value.tags };
  }
  return undefined;
}

function pathOf(state: Place['state'], name = DEFAULT_BALANCER): string {
  const balancer = state.get(collections.loadBalancers, name)?.value;
  return balancer ? balancerPath(balancer) : `app/${name}/0000000000000001`;
}

function balancerPath({ type, name, id }: { type: string; name: string; id: string }): string {
  return `${type === 'network' ? 'net' : 'app'}/${name}/${id}`;
}

/** The name in an ARN that ends in NAME/ID, or the text itself. */
function nameInArn(text: string): string {
  return text.startsWith('arn:') ? (text.split('/').at(-2) ?? '') : text;
}

function kindOf(text: string): Kind | undefined {
  const kind = /^arn:[^:]*:elasticloadbalancing:[^:]*:[^:]*:([a-z-]+)\//.exec(text)?.[1];
  const kinds: readonly Kind[] = [
    ...(['loadbalancer', 'listener', 'listener-rule'] as const),
    ...(['targetgroup', 'truststore'] as const),
  ];
  return kinds.find((item) => item === kind);
}

const on =
  <K extends string>(action: string, kind: Kind, member: K) =>
  (request: Readonly<Record<K, string>>, place: Place): Need[] => {
    const { arn, tags } = found(place, kind, request[member]);
    return [need(action, arn, tags)];
  };

/** @param made what is made, of which the tags will be; by default the resource that the permission is on */
function creation(action: string, resource: string, tags: readonly Tag[], made = resource): Need[] {
  const conditions = requestTags(tags);
  if (tags.length === 0) return [need(action, resource, [], conditions)];
  return [
    need(action, resource, [], conditions),
    need('AddTags', made, [], { ...conditions, 'elasticloadbalancing:createaction': action }),
  ];
}

/** What is made inside of something: its ARN goes on from that one's. */
function within(arn: string, outer: Kind, inner: Kind): string {
  return `${arn.replace(`:${outer}/`, `:${inner}/`)}/*`;
}

const tagged =
  (
    action: string,
    conditions: (request: { tags?: readonly Tag[]; tagKeys?: readonly string[] }) => Conditions,
  ) =>
  (
    request: {
      resourceArns: readonly string[];
      tags?: readonly Tag[];
      tagKeys?: readonly string[];
    },
    place: Place,
  ): Need[] =>
    (request.resourceArns.length > 0 ? request.resourceArns : ['*']).map((text) => {
      const kind = kindOf(text);
      const { arn, tags } = kind ? found(place, kind, text) : { arn: text, tags: [] };
      return need(action, arn, tags, conditions(request));
    });

export const loadBalancingRules: Rules<'LoadBalancing'> = {
  CreateLoadBalancer: (request, { realm }) => {
    const kind = request.type === 'network' ? 'net' : 'app';
    const resource = elb(realm, `loadbalancer/${kind}/${request.name}/*`);
    return creation('CreateLoadBalancer', resource, request.tags);
  },
  DescribeLoadBalancers: describe('DescribeLoadBalancers'),
  DeleteLoadBalancer: on('DeleteLoadBalancer', 'loadbalancer', 'loadBalancer'),
  DescribeLoadBalancerAttributes: describe('DescribeLoadBalancerAttributes'),
  ModifyLoadBalancerAttributes: on('ModifyLoadBalancerAttributes', 'loadbalancer', 'loadBalancer'),
  SetSecurityGroups: on('SetSecurityGroups', 'loadbalancer', 'loadBalancer'),
  SetSubnets: on('SetSubnets', 'loadbalancer', 'loadBalancer'),
  SetIpAddressType: on('SetIpAddressType', 'loadbalancer', 'loadBalancer'),
  DescribeCapacityReservation: describe('DescribeCapacityReservation'),
  DescribeAccountLimits: describe('DescribeAccountLimits'),

  CreateTargetGroup: (request, { realm }) =>
    creation('CreateTargetGroup', elb(realm, `targetgroup/${request.name}/*`), request.tags),
  ModifyTargetGroup: on('ModifyTargetGroup', 'targetgroup', 'targetGroup'),
  DescribeTargetGroups: describe('DescribeTargetGroups'),
  DeleteTargetGroup: on('DeleteTargetGroup', 'targetgroup', 'targetGroup'),
  DescribeTargetGroupAttributes: describe('DescribeTargetGroupAttributes'),
  ModifyTargetGroupAttributes: on('ModifyTargetGroupAttributes', 'targetgroup', 'targetGroup'),
  RegisterTargets: on('RegisterTargets', 'targetgroup', 'targetGroup'),
  DeregisterTargets: on('DeregisterTargets', 'targetgroup', 'targetGroup'),
  DescribeTargetHealth: describe('DescribeTargetHealth'),

  CreateListener: (request, place) => {
    const balancer = found(place, 'loadbalancer', request.loadBalancer || DEFAULT_BALANCER);
    const made = within(balancer.arn, 'loadbalancer', 'listener');
    return creation('CreateListener', balancer.arn, request.tags, made);
  },
  ModifyListener: on('ModifyListener', 'listener', 'listener'),
  DescribeListeners: describe('DescribeListeners'),
  DeleteListener: on('DeleteListener', 'listener', 'listener'),
  DescribeListenerAttributes: describe('DescribeListenerAttributes'),
  ModifyListenerAttributes: on('ModifyListenerAttributes', 'listener', 'listener'),
  AddListenerCertificates: on('AddListenerCertificates', 'listener', 'listener'),
  RemoveListenerCertificates: on('RemoveListenerCertificates', 'listener', 'listener'),
  DescribeListenerCertificates: describe('DescribeListenerCertificates'),
  DescribeSslPolicies: describe('DescribeSSLPolicies'),

  CreateRule: (request, place) => {
    const listener = found(place, 'listener', request.listener).arn;
    const made = within(listener, 'listener', 'listener-rule');
    return creation('CreateRule', listener, request.tags, made);
  },
  ModifyRule: on('ModifyRule', 'listener-rule', 'rule'),
  DescribeRules: describe('DescribeRules'),
  DeleteRule: on('DeleteRule', 'listener-rule', 'rule'),
  SetRulePriorities: (request, place) =>
    request.rulePriorities.length === 0
      ? [need('SetRulePriorities', '*')]
      : request.rulePriorities.map(({ rule }) => {
          const { arn, tags } = found(place, 'listener-rule', rule);
          return need('SetRulePriorities', arn, tags);
        }),
  DescribeRuleAttributes: describe('DescribeRules'),
  ModifyRuleAttributes: on('ModifyRule', 'listener-rule', 'rule'),

  AddTags: tagged('AddTags', ({ tags = [] }) => requestTags(tags)),
  RemoveTags: tagged('RemoveTags', ({ tagKeys }) => ({ 'aws:tagkeys': tagKeys })),
  DescribeTags: describe('DescribeTags'),

  CreateTrustStore: (request, { realm }) =>
    creation('CreateTrustStore', elb(realm, `truststore/${request.name}/*`), request.tags),
  ModifyTrustStore: on('ModifyTrustStore', 'truststore', 'trustStore'),
  DescribeTrustStores: describe('DescribeTrustStores'),
  DeleteTrustStore: on('DeleteTrustStore', 'truststore', 'trustStore'),
  AddTrustStoreRevocations: on('AddTrustStoreRevocations', 'truststore', 'trustStore'),
  RemoveTrustStoreRevocations: on('RemoveTrustStoreRevocations', 'truststore', 'trustStore'),
  DescribeTrustStoreRevocations: describe('DescribeTrustStoreRevocations'),
  DescribeTrustStoreAssociations: describe('DescribeTrustStoreAssociations'),

  ImportCertificate: (request, { realm }) => {
    const id = request.certificate === undefined ? '*' : nameOf(request.certificate);
    const resource = `arn:aws:acm:${realm.region}:${realm.account}:certificate/${id}`;
    return [{ action: 'acm:ImportCertificate', resource, conditions: requestTags(request.tags) }];
  },
  RequestCertificate: (request, { realm }) => [
    {
      action: 'acm:RequestCertificate',
      resource: `arn:aws:acm:${realm.region}:${realm.account}:certificate/*`,
      conditions: { ...requestTags(request.tags), 'acm:domainnames': request.domainNames },
    },
  ],
  DescribeCertificates: certificates('DescribeCertificate'),
  DeleteCertificate: (request, { realm }) => [
    {
      action: 'acm:DeleteCertificate',
      resource: `arn:aws:acm:${realm.region}:${realm.account}:certificate/${nameOf(request.certificate)}`,
    },
  ],

  PutAcmeSettings: certificates('PutAccountConfiguration'),
  DescribeAcmeSettings: certificates('GetAccountConfiguration'),

  TestRoute: describe('DescribeRules'),
  FindRouteProblems: describe('DescribeRules'),
};
