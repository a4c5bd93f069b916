// Load balancers on the ELBv2 wire, and what the account may have of them.
// Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';

import type { Plain } from '../../wire/json-input.ts';
import type { Operation } from '../../wire/service.ts';
import { shownLoadBalancer, shownZone } from './answers.ts';
import { attributesOf, tagsOf } from './requests.ts';
import { type Via, attributes, loadBalancer, nothing, oneSelector, page } from './via.ts';

export function loadBalancerOperations(via: Via): Readonly<Record<string, Operation>> {
  return {
    CreateLoadBalancer: via(
      'CreateLoadBalancer',
      'CreateLoadBalancerRequest',
      (input) => ({
        name: input['Name'],
        subnets: subnetsOf(input),
        securityGroups: input['SecurityGroups'],
        scheme: input['Scheme'],
        type: input['Type'],
        ipAddressType: input['IpAddressType'],
        tags: tagsOf(input['Tags']),
      }),
      ({ loadBalancer: made }) => ({ LoadBalancers: made ? [shownLoadBalancer(made)] : [] }),
    ),
    DescribeLoadBalancers: via(
      'DescribeLoadBalancers',
      'DescribeLoadBalancersRequest',
      (input) => ({
        ...page(input),
        loadBalancers: oneSelector(input, ['LoadBalancerArns', 'Names']),
      }),
      ({ loadBalancers = [], nextMarker }) => ({
        LoadBalancers: loadBalancers.map(shownLoadBalancer),
        NextMarker: nextMarker,
      }),
    ),
    DeleteLoadBalancer: via(
      'DeleteLoadBalancer',
      'DeleteLoadBalancerRequest',
      loadBalancer,
      nothing,
    ),
    DescribeLoadBalancerAttributes: via(
      'DescribeLoadBalancerAttributes',
      'DescribeLoadBalancerAttributesRequest',
      loadBalancer,
      attributes,
    ),
    ModifyLoadBalancerAttributes: via(
      'ModifyLoadBalancerAttributes',
      'ModifyLoadBalancerAttributesRequest',
      (input) => ({ ...loadBalancer(input), attributes: attributesOf(input['Attributes']) }),
      attributes,
    ),
    SetSecurityGroups: via(
      'SetSecurityGroups',
      'SetSecurityGroupsRequest',
      (input) => ({ ...loadBalancer(input), securityGroups: input['SecurityGroups'] }),
      ({ securityGroupIds = [] }) => ({ SecurityGroupIds: securityGroupIds }),
    ),
    SetSubnets: via(
      'SetSubnets',
      'SetSubnetsRequest',
      (input) => ({
        ...loadBalancer(input),
        subnets: subnetsOf(input),
        ipAddressType: input['IpAddressType'],
      }),
      ({ availabilityZones = [], ipAddressType }) => ({
        AvailabilityZones: availabilityZones.map(shownZone),
        IpAddressType: ipAddressType,
      }),
    ),
    SetIpAddressType: via(
      'SetIpAddressType',
      'SetIpAddressTypeRequest',
      (input) => ({ ...loadBalancer(input), ipAddressType: input['IpAddressType'] }),
      ({ ipAddressType }) => ({ IpAddressType: ipAddressType }),
    ),
    DescribeCapacityReservation: via(
      'DescribeCapacityReservation',
      'DescribeCapacityReservationRequest',
      loadBalancer,
      ({ decreaseRequestsRemaining = 0 }) => ({
        DecreaseRequestsRemaining: decreaseRequestsRemaining,
        CapacityReservationState: [],
      }),
    ),
    DescribeAccountLimits: via(
      'DescribeAccountLimits',
      'DescribeAccountLimitsRequest',
      page,
      ({ limits = [], nextMarker }) => ({
        Limits: limits.map(({ name, max }) => ({ Name: name, Max: max })),
        NextMarker: nextMarker,
      }),
    ),
  };
}

/** Zones are named by their subnets, in one of two forms. */
function subnetsOf(input: Plain): unknown {
  const mappings = (input['SubnetMappings'] ?? []) as Plain[];
  const subnets = (input['Subnets'] ?? []) as string[];
  if (mappings.length > 0 && subnets.length > 0) {
    throw new BerthError('ValidationError', 'You can specify either subnets or subnet mappings');
  }
  return mappings.length > 0 ? mappings.map(({ SubnetId }) => SubnetId) : subnets;
}
