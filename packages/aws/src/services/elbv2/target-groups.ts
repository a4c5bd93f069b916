// Target groups and targets on the ELBv2 wire.
// Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';

import type { Plain } from '../../wire/json-input.ts';
import type { Operation } from '../../wire/service.ts';
import { shownTarget, shownTargetGroup } from './answers.ts';
import { attributesOf, healthCheckOf, tagsOf, targetsOf } from './requests.ts';
import { attributes, nothing, oneSelector, page, targetGroup, type Via } from './via.ts';

export function targetGroupOperations(via: Via): Readonly<Record<string, Operation>> {
  return {
    CreateTargetGroup: via(
      'CreateTargetGroup',
      'CreateTargetGroupRequest',
      (input) => ({
        name: input['Name'],
        ...requiredOfGroup(input),
        protocolVersion: input['ProtocolVersion'],
        vpcId: input['VpcId'],
        targetType: input['TargetType'],
        ipAddressType: input['IpAddressType'],
        healthCheck: healthCheckOf(input),
        tags: tagsOf(input['Tags']),
      }),
      ({ targetGroup: made }) => ({ TargetGroups: made ? [shownTargetGroup(made)] : [] }),
    ),
    ModifyTargetGroup: via(
      'ModifyTargetGroup',
      'ModifyTargetGroupRequest',
      (input) => ({ ...targetGroup(input), healthCheck: healthCheckOf(input) }),
      ({ targetGroup: changed }) => ({ TargetGroups: changed ? [shownTargetGroup(changed)] : [] }),
    ),
    DescribeTargetGroups: via(
      'DescribeTargetGroups',
      'DescribeTargetGroupsRequest',
      (input) => ({
        ...page(input),
        targetGroups: oneSelector(input, ['TargetGroupArns', 'Names'], 'LoadBalancerArn'),
        loadBalancer: input['LoadBalancerArn'],
      }),
      ({ targetGroups = [], nextMarker }) => ({
        TargetGroups: targetGroups.map(shownTargetGroup),
        NextMarker: nextMarker,
      }),
    ),
    DeleteTargetGroup: via('DeleteTargetGroup', 'DeleteTargetGroupRequest', targetGroup, nothing),
    DescribeTargetGroupAttributes: via(
      'DescribeTargetGroupAttributes',
      'DescribeTargetGroupAttributesRequest',
      targetGroup,
      attributes,
    ),
    ModifyTargetGroupAttributes: via(
      'ModifyTargetGroupAttributes',
      'ModifyTargetGroupAttributesRequest',
      (input) => ({ ...targetGroup(input), attributes: attributesOf(input['Attributes']) }),
      attributes,
    ),
    RegisterTargets: via(
      'RegisterTargets',
      'RegisterTargetsRequest',
      (input) => ({ ...targetGroup(input), targets: targetsOf(input['Targets']) }),
      nothing,
    ),
    DeregisterTargets: via(
      'DeregisterTargets',
      'DeregisterTargetsRequest',
      (input) => ({ ...targetGroup(input), targets: targetsOf(input['Targets']) }),
      nothing,
    ),
    DescribeTargetHealth: via(
      'DescribeTargetHealth',
      'DescribeTargetHealthRequest',
      (input) => ({
        ...targetGroup(input),
        targets: targetsOf(input['Targets']),
        includeAnomalyDetection: ((input['Include'] ?? []) as string[]).length > 0,
      }),
      ({ targets = [] }) => ({ TargetHealthDescriptions: targets.map(shownTarget) }),
    ),
  };
}

/** @throws BerthError: of the groups of hosts and addresses ELBv2 wants both */
function requiredOfGroup({ Port, Protocol, TargetType }: Plain): Plain {
  if (TargetType !== 'lambda') {
    if (Protocol === undefined) {
      throw new BerthError('ValidationError', 'A protocol must be specified');
    }
    if (Port === undefined) throw new BerthError('ValidationError', 'A port must be specified');
  }
  return { port: Port, protocol: Protocol };
}
