// Load balancers: names, kinds, networks. Pure. Source: ALB reference, sections 1.2, 1.5 and 1.6.
import { BerthError } from '../errors.ts';
import type {
  AvailabilityZone,
  CreateLoadBalancerRequest,
  LoadBalancerRecord,
} from '../generated/messages.ts';
import { DEFAULT_SECURITY_GROUP_ID, subnetsOf, VPC_ID, zoneOf } from '../resources/network.ts';
import type { AttributePlace } from '../routing/attributes.ts';
import { checkBalancingTags } from './balancing-tags.ts';
import { Checker } from './check.ts';
import { checkBalancingName } from './names.ts';

/** In normal form, without what its creation adds. */
export type LoadBalancerOrder = Omit<LoadBalancerRecord, 'id' | 'createdAt'>;

const MOST_SUBNETS = 20;
const MOST_SECURITY_GROUPS = 20;

/** @throws BerthError ValidationError and others of CreateLoadBalancer */
export function acceptCreateLoadBalancer(
  request: CreateLoadBalancerRequest,
  region: string,
): LoadBalancerOrder {
  const check = new Checker('ValidationError');
  const { name, subnets, securityGroups, tags } = request;
  checkBalancingName(check, 'name', name);
  if (name.startsWith('internal-')) {
    check.expected('name', name, "a name that does not begin with 'internal-'");
  }
  checkBalancingTags(tags);
  const type = request.type || 'application';
  if (type === 'gateway') {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `Load balancers of type 'gateway' are not supported; expected application or network.`,
    );
  }
  const scheme = request.scheme || 'internet-facing';
  const order: LoadBalancerOrder = {
    name,
    type,
    scheme,
    ipAddressType: 'ipv4',
    vpcId: VPC_ID,
    availabilityZones:
      subnets.length === 0
        ? subnetsOf(region).map(({ zoneName, subnetId }) => ({ zoneName, subnetId }))
        : acceptSubnets(subnets, region),
    securityGroups: acceptSecurityGroups(
      securityGroups.length === 0 && type === 'application'
        ? [DEFAULT_SECURITY_GROUP_ID]
        : securityGroups,
    ),
    attributes: {},
    tags,
  };
  return {
    ...order,
    ipAddressType: acceptIpAddressType(order, request.ipAddressType || 'ipv4'),
  };
}

/** @throws BerthError InvalidSubnet, InvalidConfigurationRequest */
export function acceptSubnets(subnets: readonly string[], region: string): AvailabilityZone[] {
  if (subnets.length === 0) {
    throw new BerthError('ValidationError', 'At least one subnet must be specified');
  }
  if (subnets.length > MOST_SUBNETS || new Set(subnets).size !== subnets.length) {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `There are ${subnets.length} subnets, some of them maybe more than once; expected at most ${MOST_SUBNETS}, each once.`,
    );
  }
  for (const id of subnets) {
    if (/^subnet-[0-9a-f]{8,17}$/.test(id)) continue;
    throw new BerthError(
      'InvalidSubnet',
      `The subnet ID '${id}' is not valid; expected subnet- and 8 or 17 hexadecimal digits.`,
    );
  }
  return subnets.map((id) => zoneOf(region, id));
}

/** @throws BerthError InvalidSecurityGroup */
export function acceptSecurityGroups(groups: readonly string[]): string[] {
  for (const id of groups) {
    if (/^sg-[0-9a-f]{8,17}$/.test(id)) continue;
    throw new BerthError(
      'InvalidSecurityGroup',
      `The security group ID '${id}' is not valid; expected sg- and 8 or 17 hexadecimal digits.`,
    );
  }
  if (groups.length > MOST_SECURITY_GROUPS || new Set(groups).size !== groups.length) {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `There are ${groups.length} security groups, some of them maybe more than once; expected at most ${MOST_SECURITY_GROUPS}, each once.`,
    );
  }
  return [...groups];
}

/** @throws BerthError InvalidConfigurationRequest */
export function acceptIpAddressType(
  { scheme, type }: Pick<LoadBalancerRecord, 'scheme' | 'type'>,
  asked: LoadBalancerRecord['ipAddressType'],
): LoadBalancerRecord['ipAddressType'] {
  const refuse = (why: string): never => {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `The IP address type '${asked}' is not possible: ${why}.`,
    );
  };
  if (asked === 'dualstack-without-public-ipv4' && type !== 'application') {
    refuse('it is for application load balancers');
  }
  if (asked !== 'ipv4' && scheme === 'internal') {
    refuse('internal load balancers must be ipv4');
  }
  return asked;
}

/** Where the attributes of a load balancer are. */
export function balancerPlace({
  type,
  scheme,
}: Pick<LoadBalancerRecord, 'type' | 'scheme'>): AttributePlace {
  return { scope: 'load-balancer', family: type, internal: scheme === 'internal' };
}
