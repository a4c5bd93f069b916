// Permissions for Application Auto Scaling. What makes a service scale changes it: that needs the permission of ECS besides, as AWS
// asks for it ("permissions required to use target services"), or who may not touch a service could still set its count.
import { arn } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';

import type { Place } from '../operations/resolve.ts';
import { targetArn } from '../operations/scaling/find.ts';
import {
  type Conditions,
  type Need,
  type Rule,
  type Rules,
  requestTags,
  resourceTags,
} from './rule.ts';

interface Scaled {
  readonly serviceNamespace: string;
  readonly resourceId: string;
  readonly scalableDimension: string;
}

type Tags = Readonly<Record<string, string>>;

const PREFIXES = ['aws:resourcetag/'];

const listed = (tags: Tags) => Object.entries(tags).map(([key, value]) => ({ key, value }));

const need = (action: string, resource: string, conditions: Conditions = {}): Need => ({
  action: `application-autoscaling:${action}`,
  resource,
  conditions,
});

const anywhere =
  (action: string): Rule<unknown> =>
  () => [need(action, '*')];

function serviceOf({ resourceId }: Scaled): readonly [string, string] | undefined {
  const [, cluster, service] = /^service\/([^/]+)\/([^/]+)$/.exec(resourceId) ?? [];
  return cluster !== undefined && service !== undefined ? [cluster, service] : undefined;
}

/** The target of a service; one that is not registered yet has no id. */
function target(action: string, request: Scaled, { state, realm }: Place): Need {
  const key = serviceOf(request);
  const found = key && state.get(collections.scalableTargets, ...key)?.value;
  return need(action, targetArn(realm, found ?? { id: '*' }), {
    ...resourceTags(listed(found?.tags ?? {}), PREFIXES),
    'application-autoscaling:service-namespace': request.serviceNamespace,
    'application-autoscaling:scalable-dimension': request.scalableDimension,
  });
}

const onTarget =
  (action: string): Rule<Scaled> =>
  (request, place) => [target(action, request, place)];

const scaling =
  (action: string): Rule<Scaled> =>
  (request, place) => [target(action, request, place), ...updating(request, place)];

function updating(request: Scaled, { state, realm }: Place): Need[] {
  const key = serviceOf(request);
  if (!key) return [];
  const [cluster, service] = key;
  const tags = state.get(collections.services, cluster, service)?.value.tags ?? [];
  const conditions = {
    ...resourceTags(tags, ['aws:resourcetag/', 'ecs:resourcetag/']),
    'ecs:cluster': arn.cluster(realm, cluster),
  };
  return [
    { action: 'ecs:UpdateService', resource: arn.service(realm, cluster, service), conditions },
  ];
}

const tagged =
  <Q extends { readonly resourceArn: string }>(
    action: string,
    conditions: (request: Q) => Conditions,
  ): Rule<Q> =>
  (request, { state, realm }) => {
    const { resourceArn } = request;
    const targets = Array.from(state.list(collections.scalableTargets), ({ value }) => value);
    const found = targets.find((record) => targetArn(realm, record) === resourceArn);
    const tags = resourceTags(listed(found?.tags ?? {}), PREFIXES);
    return [need(action, resourceArn, { ...tags, ...conditions(request) })];
  };

export const scalingRules: Rules<'Scaling'> = {
  RegisterScalableTarget: (request, place) => {
    const tags = listed(request.tags);
    const made = target('RegisterScalableTarget', request, place);
    const conditions = { ...made.conditions, ...requestTags(tags) };
    return [
      { ...made, conditions },
      ...(tags.length > 0 ? [need('TagResource', made.resource, conditions)] : []),
      ...updating(request, place),
    ];
  },
  DeregisterScalableTarget: onTarget('DeregisterScalableTarget'),
  DescribeScalableTargets: anywhere('DescribeScalableTargets'),
  PutScalingPolicy: scaling('PutScalingPolicy'),
  DeleteScalingPolicy: onTarget('DeleteScalingPolicy'),
  DescribeScalingPolicies: anywhere('DescribeScalingPolicies'),
  PutScheduledAction: scaling('PutScheduledAction'),
  DeleteScheduledAction: onTarget('DeleteScheduledAction'),
  DescribeScheduledActions: anywhere('DescribeScheduledActions'),
  DescribeScalingActivities: anywhere('DescribeScalingActivities'),
  TagResource: tagged('TagResource', ({ tags }) => requestTags(listed(tags))),
  UntagResource: tagged('UntagResource', ({ tagKeys }) => ({ 'aws:tagkeys': tagKeys })),
  ListTagsForResource: tagged('ListTagsForResource', () => ({})),
};
