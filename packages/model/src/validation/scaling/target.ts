// Which service a call of Application Auto Scaling is about, and between which bounds it may scale. Pure.
// Source: Auto Scaling reference, sections 1 and 2.
import type { RegisterScalableTargetRequest } from '../../generated/messages.ts';
import { Checker } from '../check.ts';

export const NAMESPACE = 'ecs';
export const DIMENSION = 'ecs:service:DesiredCount';

/** Refuses in the words of Application Auto Scaling. */
export const scalingCheck: Checker = new Checker('ValidationException');

const RESOURCE = /^service\/([A-Za-z0-9_-]{1,255})\/([A-Za-z0-9_-]{1,255})$/;
const CAPACITY = { least: 0, most: 2 ** 31 - 1 };

export interface ScalingKey {
  readonly cluster: string;
  readonly service: string;
}

export interface KeyMembers {
  readonly serviceNamespace: string;
  readonly resourceId: string;
  readonly scalableDimension: string;
}

/** @throws BerthError ValidationException for anything but the desired count of an ECS service */
export function acceptKey({
  serviceNamespace,
  resourceId,
  scalableDimension,
}: KeyMembers): ScalingKey {
  acceptNamespace(serviceNamespace);
  acceptDimension(scalableDimension);
  const [, cluster, service] = RESOURCE.exec(resourceId) ?? [];
  if (cluster === undefined || service === undefined) {
    scalingCheck.expected('resourceId', resourceId, 'service/CLUSTER/SERVICE');
  }
  return { cluster, service };
}

export function acceptNamespace(serviceNamespace: string): void {
  if (serviceNamespace === NAMESPACE) return;
  scalingCheck.expected(
    'serviceNamespace',
    serviceNamespace,
    `${NAMESPACE}: Berth scales services only`,
  );
}

export function acceptDimension(scalableDimension: string | undefined): void {
  if (scalableDimension === undefined || scalableDimension === DIMENSION) return;
  scalingCheck.expected('scalableDimension', scalableDimension, DIMENSION);
}

export interface Bounds {
  readonly minCapacity: number;
  readonly maxCapacity: number;
}

/** @param current of a target that is registered already: what is left out stays @throws BerthError ValidationException */
export function acceptBounds(
  { minCapacity, maxCapacity }: Pick<RegisterScalableTargetRequest, 'minCapacity' | 'maxCapacity'>,
  current: Bounds | undefined,
): Bounds {
  const least = minCapacity ?? current?.minCapacity;
  const most = maxCapacity ?? current?.maxCapacity;
  if (least === undefined || most === undefined) {
    scalingCheck.refuse(
      'Both MinCapacity and MaxCapacity are required to register a scalable target for the first time.',
    );
  }
  checkBounds({ minCapacity: least, maxCapacity: most });
  return { minCapacity: least, maxCapacity: most };
}

/** One of the two may be missing: the other is then not compared with anything. @throws BerthError ValidationException */
export function checkBounds({
  minCapacity,
  maxCapacity,
}: Pick<RegisterScalableTargetRequest, 'minCapacity' | 'maxCapacity'>): void {
  scalingCheck.integer('minCapacity', minCapacity, CAPACITY);
  scalingCheck.integer('maxCapacity', maxCapacity, CAPACITY);
  if (minCapacity !== undefined && maxCapacity !== undefined && minCapacity > maxCapacity) {
    scalingCheck.refuse(
      `Maximum capacity cannot be less than minimum capacity: found ${maxCapacity} and ${minCapacity}.`,
    );
  }
}
