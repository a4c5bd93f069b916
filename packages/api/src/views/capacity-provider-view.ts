// A capacity provider as the API shows it. Pure. Source: ECS reference, section 8.1.
import type { CapacityProvider, CapacityProviderRecord } from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';

export function capacityProviderView(
  realm: Realm,
  record: CapacityProviderRecord,
): CapacityProvider {
  return {
    capacityProviderArn: arn.capacityProvider(realm, record.name),
    name: record.name,
    status: record.status,
    autoScalingGroupProvider: record.autoScalingGroupProvider,
    updateStatus: record.updateStatus,
    tags: record.tags,
    type: 'EC2_AUTOSCALING',
  };
}

/** FARGATE or FARGATE_SPOT. */
export function builtInProviderView(realm: Realm, name: string): CapacityProvider {
  return {
    capacityProviderArn: arn.capacityProvider(realm, name),
    name,
    status: 'ACTIVE',
    tags: [],
    type: name,
  };
}
