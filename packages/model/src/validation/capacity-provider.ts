// Capacity providers and strategies as people write them. Whether a provider exists is the api's to look up. Pure.
// Source: ECS reference, sections 1.6, 8.1 and 8.2.
import type {
  AutoScalingGroupProvider,
  AutoScalingGroupProviderUpdate,
  CapacityProviderStrategyItem,
  ManagedScaling,
} from '../generated/messages.ts';
import { isBuiltInProvider } from '../resources/capacity-provider.ts';
import type { Checker } from './check.ts';
import { checkEcsName } from './names.ts';

export const MOST_PROVIDERS = 20;
const WEIGHT = { least: 0, most: 1000 };
const BASE = { least: 0, most: 100_000 };
const SWITCH = ['ENABLED', 'DISABLED'];

/** A strategy by itself, its providers named by name. */
export function checkStrategy(
  check: Checker,
  field: string,
  strategy: readonly CapacityProviderStrategyItem[],
): void {
  check.atMost(field, strategy.length, MOST_PROVIDERS, 'capacity providers');
  for (const [index, { capacityProvider, weight, base }] of strategy.entries()) {
    const at = `${field}[${index}]`;
    if (capacityProvider === '') {
      check.expected(`${at}.capacityProvider`, undefined, 'the name of a capacity provider');
    }
    check.integer(`${at}.weight`, weight, WEIGHT);
    check.integer(`${at}.base`, base, BASE);
  }
  const names = strategy.map(({ capacityProvider }) => capacityProvider);
  check.unique(`${field}: capacityProvider`, names);
  if (strategy.filter(({ base = 0 }) => base > 0).length > 1) {
    check.refuse(`${field} has more than one base above 0; expected one at most.`);
  }
  if (strategy.length > 1 && strategy.every(({ weight = 0 }) => weight === 0)) {
    check.refuse(`${field} has no weight above 0; expected one at least.`);
  }
  if (names.some(isBuiltInProvider) && !names.every(isBuiltInProvider)) {
    check.refuse(
      `${field} has FARGATE providers together with others; expected only the one kind or the other.`,
    );
  }
}

export function checkProviderName(check: Checker, name: string): void {
  if (name === '') check.refuse('The capacity provider name is required. (name is empty)');
  checkEcsName(check, 'name', name);
  if (/^(aws|ecs|fargate)/i.test(name)) {
    check.refuse(
      `The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters (upper and lowercase), ` +
        `numbers, underscores, and hyphens. The name can't be prefixed with "aws", "ecs", or "fargate". (found "${name}")`,
    );
  }
}

/** The group of a provider with everything filled in. */
export function acceptGroupProvider(
  check: Checker,
  asked: AutoScalingGroupProvider | undefined,
): AutoScalingGroupProvider {
  if (!asked || asked.autoScalingGroupArn === '') {
    check.refuse(
      'The capacity provider needs an Auto Scaling group. (autoScalingGroupProvider.autoScalingGroupArn is missing; ' +
        'here it is kept and shown, and the hosts are those with attribute berth.capacity-provider)',
    );
  }
  const { autoScalingGroupArn } = asked;
  const length = autoScalingGroupArn.length;
  if (length > 2048) {
    check.refuse(`autoScalingGroupArn has ${length} characters; expected at most 2048.`);
  }
  return completeGroupProvider(check, { autoScalingGroupArn }, asked);
}

/** What the update gives, and of the rest what it was. */
export function completeGroupProvider(
  check: Checker,
  current: AutoScalingGroupProvider,
  asked: AutoScalingGroupProviderUpdate,
): AutoScalingGroupProvider {
  const field = 'autoScalingGroupProvider';
  const protection =
    asked.managedTerminationProtection ?? current.managedTerminationProtection ?? 'DISABLED';
  const draining = asked.managedDraining ?? current.managedDraining ?? 'ENABLED';
  check.word(`${field}.managedTerminationProtection`, protection, SWITCH);
  check.word(`${field}.managedDraining`, draining, SWITCH);
  const managedScaling = acceptScaling(check, asked.managedScaling, current.managedScaling);
  if (protection === 'ENABLED' && managedScaling.status !== 'ENABLED') {
    check.refuse(
      'The managed termination protection setting for the capacity provider is invalid. ' +
        'To enable managed termination protection for a capacity provider, managed scaling must be enabled.',
    );
  }
  return {
    autoScalingGroupArn: current.autoScalingGroupArn,
    managedScaling,
    managedTerminationProtection: protection,
    managedDraining: draining,
  };
}

function acceptScaling(
  check: Checker,
  asked: ManagedScaling | undefined,
  current: ManagedScaling | undefined,
): ManagedScaling {
  const field = 'autoScalingGroupProvider.managedScaling';
  const scaling = {
    // Given without a status, managed scaling is on.
    status: asked
      ? (asked.status ?? current?.status ?? 'ENABLED')
      : (current?.status ?? 'DISABLED'),
    targetCapacity: asked?.targetCapacity ?? current?.targetCapacity ?? 100,
    minimumScalingStepSize: asked?.minimumScalingStepSize ?? current?.minimumScalingStepSize ?? 1,
    maximumScalingStepSize:
      asked?.maximumScalingStepSize ?? current?.maximumScalingStepSize ?? 10_000,
    instanceWarmupPeriod: asked?.instanceWarmupPeriod ?? current?.instanceWarmupPeriod ?? 300,
  };
  check.word(`${field}.status`, scaling.status, SWITCH);
  check.integer(`${field}.targetCapacity`, scaling.targetCapacity, { least: 1, most: 100 });
  for (const name of ['minimumScalingStepSize', 'maximumScalingStepSize'] as const) {
    check.integer(`${field}.${name}`, scaling[name], { least: 1, most: 10_000 });
  }
  check.integer(`${field}.instanceWarmupPeriod`, scaling.instanceWarmupPeriod, {
    least: 0,
    most: 10_000,
  });
  return scaling;
}
