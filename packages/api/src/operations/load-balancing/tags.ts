// Tags of load balancers, target groups, listeners, rules and trust stores. Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AddTagsRequest,
  AddTagsResponse,
  DescribeTagsRequest,
  DescribeTagsResponse,
  RemoveTagsRequest,
  RemoveTagsResponse,
  Tag,
} from '@berth/model/generated/messages.ts';
import { checkBalancingTags, taggedWith } from '@berth/model/validation/balancing-tags.ts';
import { Checker } from '@berth/model/validation/check.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { replace, write } from '../write.ts';
import {
  requireListener,
  requireLoadBalancer,
  requireRule,
  requireTargetGroup,
  requireTrustStore,
} from './find.ts';
import type { Part } from './listener-records.ts';

const MOST_RESOURCES = 20;

interface Tagged {
  readonly key: string;
  readonly tags: readonly Tag[];
  readonly retag: (tags: readonly Tag[]) => Part;
}

/** Equal keys get the new values. */
export async function addTags(
  on: OperationContext,
  { resourceArns, tags }: AddTagsRequest,
  { signal }: CallContext,
): Promise<AddTagsResponse> {
  checkArns(resourceArns);
  checkBalancingTags(tags);
  return retag(on, resourceArns, signal, (before) => taggedWith(before, tags));
}

/** Keys that are not there are removed already. */
export async function removeTags(
  on: OperationContext,
  { resourceArns, tagKeys }: RemoveTagsRequest,
  { signal }: CallContext,
): Promise<RemoveTagsResponse> {
  checkArns(resourceArns);
  return retag(on, resourceArns, signal, (before) =>
    before.filter(({ key }) => !tagKeys.includes(key)),
  );
}

async function retag(
  on: OperationContext,
  arns: readonly string[],
  signal: AbortSignal,
  to: (before: readonly Tag[]) => readonly Tag[],
): Promise<Record<string, never>> {
  return write(on, { signal, attempted: `tag ${arns.join(', ')}` }, (state) => {
    const place = { state, realm: on.realm };
    const found = new Map(arns.map((text) => tagged(place, text)).map((each) => [each.key, each]));
    const parts = [...found.values()].map(({ tags, retag: put }) => put(to(tags)));
    return {
      guards: parts.map(({ guard }) => guard),
      puts: parts.map(({ put }) => put),
      result: () => ({}),
    };
  });
}

export function describeTags(
  on: OperationContext,
  { resourceArns }: DescribeTagsRequest,
): DescribeTagsResponse {
  checkArns(resourceArns);
  const place = { state: on.cache, realm: on.realm };
  return {
    tagDescriptions: resourceArns.map((resourceArn) => ({
      resourceArn,
      tags: tagsAt(place, resourceArn),
    })),
  };
}

/** The default rule is part of its listener: it has none of its own. */
function tagsAt(place: Place, text: string): readonly Tag[] {
  const isRule = kindOf(text) === 'listener-rule';
  return isRule && requireRule(place, text).kind === 'default' ? [] : tagged(place, text).tags;
}

function checkArns(arns: readonly string[]): void {
  const check = new Checker('ValidationError');
  if (arns.length === 0) check.refuse('resourceArns is empty; expected at least one ARN.');
  check.atMost('resourceArns', arns.length, MOST_RESOURCES, 'ARNs');
}

function kindOf(text: string): string | undefined {
  return /^arn:[^:]*:elasticloadbalancing:[^:]*:[^:]*:([a-z-]+)\//.exec(text)?.[1];
}

function tagged(place: Place, text: string): Tagged {
  switch (kindOf(text)) {
    case 'loadbalancer': {
      const found = requireLoadBalancer(place, text);
      const { key, value } = found;
      const put = (tags: readonly Tag[]): Part =>
        replace(collections.loadBalancers, found, { ...value, tags });
      return { key, tags: value.tags, retag: put };
    }
    case 'targetgroup': {
      const found = requireTargetGroup(place, text);
      const { key, value } = found;
      const put = (tags: readonly Tag[]): Part =>
        replace(collections.targetGroups, found, { ...value, tags });
      return { key, tags: value.tags, retag: put };
    }
    case 'listener': {
      const found = requireListener(place, text);
      const { key, value } = found;
      const put = (tags: readonly Tag[]): Part =>
        replace(collections.listeners, found, { ...value, tags });
      return { key, tags: value.tags, retag: put };
    }
    case 'listener-rule':
      return taggedRule(place, text);
    case 'truststore': {
      const found = requireTrustStore(place, text);
      const { key, value } = found;
      const put = (tags: readonly Tag[]): Part =>
        replace(collections.trustStores, found, { ...value, tags });
      return { key, tags: value.tags, retag: put };
    }
    default:
      throw new BerthError(
        'ValidationError',
        `'${text}' is not a valid resource ARN; expected one of a load balancer, target group, listener, listener rule or trust store.`,
      );
  }
}

function taggedRule(place: Place, text: string): Tagged {
  const found = requireRule(place, text);
  if (found.kind === 'default') {
    throw new BerthError(
      'OperationNotPermitted',
      `Default rule '${text}' has no tags of its own; tag its listener instead.`,
    );
  }
  const { key, value } = found.rule;
  const put = (tags: readonly Tag[]): Part =>
    replace(collections.rules, found.rule, { ...value, tags });
  return { key, tags: value.tags, retag: put };
}
