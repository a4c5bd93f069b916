// aws_appautoscaling_target and aws_appautoscaling_policy: the calls of the provider, in its order, with the errors that it looks for.
// Source: auto scaling reference, section 2.
import {
  DeleteScalingPolicyCommand,
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  DescribeScalingPoliciesCommand,
  ListTagsForResourceCommand,
  PutScalingPolicyCommand,
  RegisterScalableTargetCommand,
  TagResourceCommand,
  type TargetTrackingScalingPolicyConfiguration,
  UntagResourceCommand,
} from '@aws-sdk/client-application-auto-scaling';

import type { Ground } from '../cases.ts';
import {
  changes,
  type Passing,
  type Resource,
  retried,
  type State,
  tagChanges,
  type Tags,
  unless,
  until,
} from './life-cycle.ts';

const KEY = {
  ServiceNamespace: 'ecs' as const,
  ScalableDimension: 'ecs:service:DesiredCount' as const,
};

const REGISTERING: readonly Passing[] = [
  ['ValidationException', 'Unable to assume IAM role'],
  ['ValidationException', "ECS service doesn't exist"],
];
const PUTTING: readonly Passing[] = [
  ['FailedResourceAccessException', 'Rate exceeded'],
  ['FailedResourceAccessException', 'is not authorized to perform'],
  ['FailedResourceAccessException', 'token included in the request is invalid'],
  ['ObjectNotFoundException', ''],
];
const DELETING: readonly Passing[] = [['FailedResourceAccessException', '']];

const key = (config: State) => ({ ...KEY, ResourceId: config['resource_id'] as string });

/** The one with exactly this key: a list without it means that it is gone. */
async function targetOf({ scaling }: Ground, id: string) {
  const input = { ...KEY, ResourceIds: [id] };
  const { ScalableTargets = [] } = await scaling.send(new DescribeScalableTargetsCommand(input));
  return ScalableTargets.find(
    ({ ResourceId, ScalableDimension, ServiceNamespace }) =>
      ResourceId === id &&
      ScalableDimension === KEY.ScalableDimension &&
      ServiceNamespace === KEY.ServiceNamespace,
  );
}

export const scalingTarget: Resource = {
  create: async ({ scaling }, config) => {
    await retried(REGISTERING, () =>
      scaling.send(
        new RegisterScalableTargetCommand({
          ...key(config),
          MinCapacity: config['min_capacity'] as number,
          MaxCapacity: config['max_capacity'] as number,
          Tags: config['tags'] as Record<string, string>,
        }),
      ),
    );
    return key(config).ResourceId;
  },
  read: async (on, id) => {
    const one = await targetOf(on, id);
    if (!one) return undefined;
    const { Tags: tags } = await on.scaling.send(
      new ListTagsForResourceCommand({ ResourceARN: one.ScalableTargetARN }),
    );
    return {
      arn: one.ScalableTargetARN,
      resource_id: one.ResourceId,
      min_capacity: one.MinCapacity,
      max_capacity: one.MaxCapacity,
      role_arn: one.RoleARN,
      suspended_state: one.SuspendedState,
      tags,
    };
  },
  update: async (on, id, before, after) => {
    const ResourceARN = (await targetOf(on, id))?.ScalableTargetARN;
    const { set, unset } = tagChanges(before, after);
    if (unset.length > 0) {
      await on.scaling.send(new UntagResourceCommand({ ResourceARN, TagKeys: unset }));
    }
    if (Object.keys(set).length > 0) {
      const Tags: Tags = set;
      await on.scaling.send(new TagResourceCommand({ ResourceARN, Tags }));
    }
    if (changes(before, after)('min_capacity', 'max_capacity')) {
      await on.scaling.send(
        new RegisterScalableTargetCommand({
          ...key(after),
          MinCapacity: after['min_capacity'] as number,
          MaxCapacity: after['max_capacity'] as number,
        }),
      );
    }
    return id;
  },
  delete: async (on, id) => {
    await unless(
      ['ObjectNotFoundException'],
      on.scaling.send(new DeregisterScalableTargetCommand({ ...KEY, ResourceId: id })),
    );
    await until(`scalable target ${id} to be gone`, async () =>
      (await targetOf(on, id)) === undefined ? true : undefined,
    );
  },
};

interface Tracking {
  readonly target_value: number;
  readonly scale_in_cooldown: number;
  readonly scale_out_cooldown: number;
  readonly disable_scale_in: boolean;
  readonly predefined_metric_type: 'ECSServiceAverageCPUUtilization';
}

function configurationOf(config: State): TargetTrackingScalingPolicyConfiguration {
  const tracking = config['target_tracking_scaling_policy_configuration'] as Tracking;
  return {
    TargetValue: tracking.target_value,
    ScaleInCooldown: tracking.scale_in_cooldown,
    ScaleOutCooldown: tracking.scale_out_cooldown,
    DisableScaleIn: tracking.disable_scale_in,
    PredefinedMetricSpecification: { PredefinedMetricType: tracking.predefined_metric_type },
  };
}

/** A policy that is put before its target is registered is put again. */
export async function putPolicy({ scaling }: Ground, config: State) {
  return retried(PUTTING, () =>
    scaling.send(
      new PutScalingPolicyCommand({
        ...key(config),
        PolicyName: config['name'] as string,
        PolicyType: config['policy_type'] as 'TargetTrackingScaling',
        TargetTrackingScalingPolicyConfiguration: configurationOf(config),
      }),
    ),
  );
}

/** The id is RESOURCE/NAME. */
function policyKey(id: string) {
  const slash = id.lastIndexOf('/');
  return { ...KEY, ResourceId: id.slice(0, slash), name: id.slice(slash + 1) };
}

export const scalingPolicy: Resource = {
  create: async (on, config) => {
    await putPolicy(on, config);
    return `${key(config).ResourceId}/${config['name'] as string}`;
  },
  read: async ({ scaling }, id) => {
    const { name, ...of } = policyKey(id);
    const { ScalingPolicies = [] } = await scaling.send(
      new DescribeScalingPoliciesCommand({ ...of, PolicyNames: [name] }),
    );
    const [one] = ScalingPolicies;
    const tracking = one?.TargetTrackingScalingPolicyConfiguration;
    return (
      one && {
        arn: one.PolicyARN,
        name: one.PolicyName,
        resource_id: one.ResourceId,
        policy_type: one.PolicyType,
        alarm_arns: (one.Alarms ?? []).map(({ AlarmARN }) => AlarmARN),
        target_tracking_scaling_policy_configuration: {
          target_value: tracking?.TargetValue,
          scale_in_cooldown: tracking?.ScaleInCooldown,
          scale_out_cooldown: tracking?.ScaleOutCooldown,
          disable_scale_in: tracking?.DisableScaleIn,
          predefined_metric_type: tracking?.PredefinedMetricSpecification?.PredefinedMetricType,
        },
      }
    );
  },
  update: async (on, id, _before, after) => {
    await putPolicy(on, after);
    return id;
  },
  delete: async ({ scaling }, id) => {
    const { name, ...of } = policyKey(id);
    const input = { ...of, PolicyName: name };
    await retried(DELETING, () =>
      unless(['ObjectNotFoundException'], scaling.send(new DeleteScalingPolicyCommand(input))),
    );
  },
};
