// The load balancer that things belong to. Listeners made without one belong to `berth`. Pure.
import type { ListenerRecord, LoadBalancerRecord } from '@berth/model/generated/messages.ts';
import { subnetsOf, DEFAULT_SECURITY_GROUP_ID, VPC_ID } from '@berth/model/resources/network.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

export const DEFAULT_BALANCER = 'berth';
export const DEFAULT_BALANCER_ID = '0000000000000001';

type Named = Pick<LoadBalancerRecord, 'name' | 'id' | 'type'>;

export function balancerOf(state: State, listener: ListenerRecord): Named {
  const name = listener.loadBalancer ?? DEFAULT_BALANCER;
  const found = state.get(collections.loadBalancers, name)?.value;
  return found ?? { name, id: DEFAULT_BALANCER_ID, type: 'application' };
}

/** The load balancer that is made for the first listener that names none. */
export function defaultBalancer({ region }: Realm, createdAt: number): LoadBalancerRecord {
  return {
    name: DEFAULT_BALANCER,
    id: DEFAULT_BALANCER_ID,
    type: 'application',
    scheme: 'internet-facing',
    ipAddressType: 'ipv4',
    vpcId: VPC_ID,
    availabilityZones: subnetsOf(region).map(({ zoneName, subnetId }) => ({ zoneName, subnetId })),
    securityGroups: [DEFAULT_SECURITY_GROUP_ID],
    attributes: {},
    createdAt,
    tags: [],
  };
}

/** By port. */
export function listenersOf(state: State, balancer: string): Stored<ListenerRecord>[] {
  return [...state.list(collections.listeners)]
    .filter(({ value }) => (value.loadBalancer ?? DEFAULT_BALANCER) === balancer)
    .sort((a, b) => a.value.port - b.value.port);
}
