// What a task set must fulfil by itself. Whether what it names exists is the api's to look up. Pure.
// Source: ECS reference, section 6.9.
import type {
  CreateTaskSetRequest,
  LaunchSettings,
  LoadBalancer,
  Scale,
} from '../generated/messages.ts';
import { Checker } from './check.ts';
import { checkLaunch } from './launch.ts';
import { checkLoadBalancerShapes } from './service.ts';
import { checkClientToken } from './names.ts';
import { checkTags } from './tags.ts';

/** Of one service, those that were deleted and are still draining not counted. */
export const MOST_TASK_SETS = 5;
/** Of one service, all of them. */
export const MOST_DRAINING = 50;
/** That can be described by one call. */
export const MOST_DESCRIBED = 10;

/** A task set in normal form, its task definition and target groups still as the caller named them. */
export interface TaskSetOrder {
  readonly scale: Scale;
  readonly launch: LaunchSettings;
  readonly loadBalancers: readonly LoadBalancer[];
}

/** @throws BerthError InvalidParameterException */
export function acceptTaskSet(request: CreateTaskSetRequest): TaskSetOrder {
  const check = new Checker('InvalidParameterException');
  checkClientToken(check, request.clientToken, 36);
  checkTags(check, request.tags);
  check.text('externalId', request.externalId, /^.{1,255}$/s, '1 to 255 characters');
  checkLoadBalancerShapes(check, request.loadBalancers);
  const advanced = request.loadBalancers.findIndex((item) => item.advancedConfiguration);
  if (advanced >= 0) {
    check.refuse(
      `loadBalancers[${advanced}].advancedConfiguration is given; expected none for a task set: who runs an EXTERNAL deployment controller shifts the traffic.`,
    );
  }
  const launch: LaunchSettings = {
    launchType: request.launchType,
    capacityProviderStrategy: request.capacityProviderStrategy,
    platformVersion: request.platformVersion,
    networkConfiguration: request.networkConfiguration,
  };
  checkLaunch(check, launch, true);
  return { scale: acceptScale(request.scale), launch, loadBalancers: request.loadBalancers };
}

/** Nothing means 0 percent. @throws BerthError InvalidParameterException */
export function acceptScale(scale: Scale | undefined): Scale {
  const check = new Checker('InvalidParameterException');
  const { value = 0, unit } = scale ?? {};
  if (unit) check.word('scale.unit', unit, ['PERCENT']);
  if (!(value >= 0 && value <= 100)) check.expected('scale.value', value, 'a number from 0 to 100');
  return { value, unit: 'PERCENT' };
}
