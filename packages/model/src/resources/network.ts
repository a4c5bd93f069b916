// The one network that every installation shows to clients that expect one: nothing is routed by it. Pure.
import type { AvailabilityZone } from '../generated/messages.ts';
import { fingerprint } from './ids.ts';

/** What ELBv2 clients want to see beside a DNS name. */
export const HOSTED_ZONE_ID = 'Z00BERTH00';
export const VPC_ID = 'vpc-0be27400000000000';
export const VPC_CIDR = '10.0.0.0/8';
export const DEFAULT_SECURITY_GROUP_ID = 'sg-0be27400000000000';

const LETTERS = ['a', 'b', 'c'] as const;

export interface Subnet extends AvailabilityZone {
  readonly cidr: string;
}

/** The subnets of the network, one a zone. */
export function subnetsOf(region: string): readonly Subnet[] {
  return LETTERS.map((letter, index) => ({
    zoneName: region + letter,
    subnetId: `subnet-0be2740000000000${index}`,
    cidr: `10.${index * 64}.0.0/10`,
  }));
}

/** The zone of any subnet id: those that Berth shows have their own, of others it is worked out from the id. */
export function zoneOf(region: string, subnetId: string): AvailabilityZone {
  const own = subnetsOf(region).find((subnet) => subnet.subnetId === subnetId);
  if (own) return { zoneName: own.zoneName, subnetId };
  const digit = Number.parseInt(fingerprint(subnetId).slice(-1), 16);
  return { zoneName: region + (LETTERS[digit % LETTERS.length] ?? 'a'), subnetId };
}
