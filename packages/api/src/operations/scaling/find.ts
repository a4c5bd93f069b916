// What calls of Application Auto Scaling name, the ARNs that they are answered with, and lists in pages. Pure.
// Source: Auto Scaling reference, sections 1 and 2.
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type { ScalableTargetRecord } from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { type Page, type PageRequest, pageOf } from '@berth/model/validation/pagination.ts';
import {
  DIMENSION,
  NAMESPACE,
  type ScalingKey,
  acceptDimension,
  acceptKey,
  acceptNamespace,
  scalingCheck,
} from '@berth/model/validation/scaling/target.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

/** Whatever changes of one service's scaling is decided one after the other. */
export function turnOf({ cluster, service }: ScalingKey): string {
  return `scaling/${cluster}/${service}`;
}

export function resourceId({ cluster, service }: ScalingKey): string {
  return `service/${cluster}/${service}`;
}

/** The members that address an object, as answers carry them. */
export function keyMembers(key: ScalingKey): {
  readonly serviceNamespace: string;
  readonly resourceId: string;
  readonly scalableDimension: string;
} {
  return {
    serviceNamespace: NAMESPACE,
    resourceId: resourceId(key),
    scalableDimension: DIMENSION,
  };
}

/** Names of policies and actions may hold slashes, parts of keys may not. */
export function namePart(name: string): string {
  return encodeURIComponent(name);
}

/** @throws BerthError ObjectNotFoundException */
export function requireTarget(state: State, key: ScalingKey): Stored<ScalableTargetRecord> {
  const found = state.get(collections.scalableTargets, key.cluster, key.service);
  if (found) return found;
  throw new BerthError(
    'ObjectNotFoundException',
    `No scalable target registered for service namespace: ${NAMESPACE}, resource ID: ${resourceId(key)}, scalable dimension: ${DIMENSION}`,
  );
}

export function targetArn(
  { region, account }: Realm,
  { id }: Pick<ScalableTargetRecord, 'id'>,
): string {
  return `arn:aws:application-autoscaling:${region}:${account}:scalable-target/${id}`;
}

/** @param kind of what hangs on a target */
export function objectArn(
  { region, account }: Realm,
  kind: 'scalingPolicy' | 'scheduledAction',
  key: ScalingKey,
  id: string,
  name: string,
): string {
  const label = kind === 'scalingPolicy' ? 'policyName' : 'scheduledActionName';
  return `arn:aws:autoscaling:${region}:${account}:${kind}:${id}:resource/${NAMESPACE}/${resourceId(key)}:${label}/${name}`;
}

/** The role that AWS gives every scalable target of ECS, whatever was asked for. */
export function serviceRoleArn({ account }: Realm): string {
  return `arn:aws:iam::${account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService`;
}

export interface ListRequest {
  readonly serviceNamespace: string;
  readonly resourceId?: string | undefined;
  readonly scalableDimension?: string | undefined;
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

const MOST_NAMES = 50;

/** Which services a list is about: one, or all. @throws BerthError ValidationException */
export function acceptFilter(request: ListRequest): ScalingKey | undefined {
  const { serviceNamespace, scalableDimension } = request;
  acceptNamespace(serviceNamespace);
  acceptDimension(scalableDimension);
  if (request.resourceId === undefined) return undefined;
  return acceptKey({
    serviceNamespace,
    resourceId: request.resourceId,
    scalableDimension: scalableDimension ?? DIMENSION,
  });
}

/** @throws BerthError ValidationException */
export function acceptNames(
  field: string,
  names: readonly string[],
): ReadonlySet<string> | undefined {
  scalingCheck.atMost(field, names.length, MOST_NAMES, 'entries');
  return names.length === 0 ? undefined : new Set(names);
}

/** @param most items on a page, also when nothing is said @throws BerthError ValidationException, InvalidNextTokenException */
export function pageOfList<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  { maxResults, nextToken }: ListRequest,
  most: number,
  question: PageRequest['question'],
): Page<T> {
  scalingCheck.integer('maxResults', maxResults, { least: 1, most });
  try {
    return pageOf(items, keyOf, {
      question,
      nextToken,
      maxResults,
      defaultResults: most,
      mostResults: most,
    });
  } catch (error) {
    if (!isBerthError(error)) throw error;
    throw new BerthError('InvalidNextTokenException', error.message);
  }
}
