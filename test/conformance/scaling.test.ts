// Application Auto Scaling through the SDK's client: registrations of services, policies, scheduled actions and tags. What they effect is
// not for these cases. Source: auto scaling reference, sections 1, 2, 3, 5 and 6.
import {
  type PolicyType,
  type ScalableDimension,
  DeleteScalingPolicyCommand,
  DeleteScheduledActionCommand,
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  DescribeScalingActivitiesCommand,
  DescribeScalingPoliciesCommand,
  DescribeScheduledActionsCommand,
  GetPredictiveScalingForecastCommand,
  ListTagsForResourceCommand,
  PutScalingPolicyCommand,
  type PutScalingPolicyCommandInput,
  PutScheduledActionCommand,
  type PutScheduledActionCommandInput,
  RegisterScalableTargetCommand,
  type RegisterScalableTargetCommandInput,
  type ServiceNamespace,
  type StepAdjustment,
  TagResourceCommand,
  type TargetTrackingScalingPolicyConfiguration,
  UntagResourceCommand,
} from '@aws-sdk/client-application-auto-scaling';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';

import { type Case, conformance, type Ground, pages } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const KEY = {
  ServiceNamespace: 'ecs' as const,
  ResourceId: 'service/default/web',
  ScalableDimension: 'ecs:service:DesiredCount' as const,
};
const OTHER = { ...KEY, ResourceId: 'service/default/other' };

const register = (on: Ground, input: Partial<RegisterScalableTargetCommandInput> = {}) =>
  on.scaling.send(
    new RegisterScalableTargetCommand({ ...KEY, MinCapacity: 1, MaxCapacity: 4, ...input }),
  );

const targets = async (on: Ground, ...ResourceIds: string[]) =>
  on.scaling.send(
    new DescribeScalableTargetsCommand({
      ServiceNamespace: 'ecs',
      ResourceIds: ResourceIds.length > 0 ? ResourceIds : undefined,
    }),
  );

const put = (on: Ground, input: Partial<PutScalingPolicyCommandInput> = {}) =>
  on.scaling.send(new PutScalingPolicyCommand({ ...KEY, PolicyName: 'cpu', ...input }));

const track = (
  on: Ground,
  configuration: Partial<TargetTrackingScalingPolicyConfiguration> = {},
  input: Partial<PutScalingPolicyCommandInput> = {},
) =>
  put(on, {
    PolicyType: 'TargetTrackingScaling',
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 70,
      PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
      ...configuration,
    },
    ...input,
  });

const step = (on: Ground, StepAdjustments: StepAdjustment[], more: object = {}) =>
  put(on, {
    PolicyName: 'steps',
    StepScalingPolicyConfiguration: {
      AdjustmentType: 'ChangeInCapacity',
      StepAdjustments,
      ...more,
    },
  });

/** So many steps, each one of ten units wide, the last without an end. */
const staircase = (count: number): StepAdjustment[] =>
  Array.from({ length: count }, (_, index) => ({
    MetricIntervalLowerBound: index * 10,
    MetricIntervalUpperBound: index + 1 < count ? (index + 1) * 10 : undefined,
    ScalingAdjustment: index + 1,
  }));

const schedule = (on: Ground, input: Partial<PutScheduledActionCommandInput> = {}) =>
  on.scaling.send(
    new PutScheduledActionCommand({
      ...KEY,
      ScheduledActionName: 'night',
      Schedule: 'cron(0 22 * * ? *)',
      ScalableTargetAction: { MinCapacity: 0 },
      ...input,
    }),
  );

const policies = (on: Ground, PolicyNames?: string[]) =>
  on.scaling.send(new DescribeScalingPoliciesCommand({ ...KEY, PolicyNames }));

const actions = (on: Ground, ScheduledActionNames?: string[]) =>
  on.scaling.send(new DescribeScheduledActionsCommand({ ...KEY, ScheduledActionNames }));

const all = async (on: Ground) =>
  (
    await pages(async (NextToken) => {
      const page = await on.scaling.send(
        new DescribeScheduledActionsCommand({ ...KEY, NextToken }),
      );
      return { items: page.ScheduledActions, nextToken: page.NextToken };
    })
  ).flat();

const invalid = (
  name: string,
  call: (on: Ground) => Promise<unknown>,
  message: string | RegExp,
): Case => ({ name, call, fails: 'ValidationException', message });

const badSchedule = (Schedule: string): Case =>
  invalid(`PutScheduledAction refuses ${Schedule}`, (on) => schedule(on, { Schedule }), /chedule/);

const goodSchedule = (Schedule: string): Case => ({
  name: `PutScheduledAction takes ${Schedule}`,
  call: async (on) => {
    await schedule(on, { Schedule });
    return actions(on, ['night']);
  },
  gives: { ScheduledActions: [{ Schedule }] },
});

const ready: Case = {
  name: 'what the cases need',
  call: async ({ ecs }) => {
    await ecs.send(new CreateClusterCommand({}));
    await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: 'web',
        containerDefinitions: [{ name: 'web', image: 'web:1', memory: 64 }],
      }),
    );
    for (const serviceName of ['web', 'other']) {
      const settings = { serviceName, taskDefinition: 'web', desiredCount: 2 };
      await ecs.send(new CreateServiceCommand(settings));
    }
    return ecs.send(new DescribeServicesCommand({ services: ['web', 'other'] }));
  },
  gives: { services: [ANY, ANY] },
};

conformance('Application Auto Scaling over the SDK: scalable targets', [
  ready,
  {
    name: 'DescribeScalableTargets of a service that is not registered is empty, not an error',
    call: (on) => targets(on, KEY.ResourceId),
    gives: { ScalableTargets: [], NextToken: ABSENT },
  },
  {
    name: 'RegisterScalableTarget wants both bounds at first',
    call: (on) => register(on, { MaxCapacity: undefined }),
    fails: 'ValidationException',
    message: /MinCapacity and MaxCapacity are required/,
  },
  invalid(
    'RegisterScalableTarget of a service that there is not, in the words on which Terraform tries again',
    (on) => register(on, { ResourceId: 'service/default/none' }),
    /ECS service doesn't exist/,
  ),
  invalid(
    'RegisterScalableTarget with bounds the wrong way round',
    (on) => register(on, { MinCapacity: 5, MaxCapacity: 4 }),
    /Maximum capacity cannot be less than minimum capacity/,
  ),
  invalid(
    'RegisterScalableTarget below 0',
    (on) => register(on, { MinCapacity: -1 }),
    /minCapacity/,
  ),
  invalid(
    'RegisterScalableTarget of a resource in another form',
    (on) => register(on, { ResourceId: 'default/web' }),
    /service\/CLUSTER\/SERVICE/,
  ),
  invalid(
    'RegisterScalableTarget of another namespace of AWS’s',
    (on) => register(on, { ServiceNamespace: 'dynamodb' }),
    /ecs/,
  ),
  invalid(
    'RegisterScalableTarget of a namespace that there is not',
    (on) => register(on, { ServiceNamespace: 'berth' as ServiceNamespace }),
    /Value 'berth' at 'serviceNamespace' failed to satisfy constraint: Member must satisfy enum value set/,
  ),
  invalid(
    'RegisterScalableTarget of another dimension',
    (on) => register(on, { ScalableDimension: 'ec2:spot-fleet-request:TargetCapacity' }),
    /ecs:service:DesiredCount/,
  ),
  invalid(
    'RegisterScalableTarget without a dimension',
    (on) => register(on, { ScalableDimension: undefined as unknown as ScalableDimension }),
    "1 validation error detected: Value null at 'scalableDimension' failed to satisfy constraint: Member must not be null",
  ),
  {
    name: 'RegisterScalableTarget gives an ARN',
    call: async (on) => {
      const made = await register(on, {
        MinCapacity: 0,
        RoleARN: 'arn:aws:iam::000000000000:role/x',
      });
      on.kept['target'] = made.ScalableTargetARN ?? '';
      return made;
    },
    gives: {
      ScalableTargetARN:
        /^arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target\/[0-9a-f-]{1,36}$/,
    },
  },
  {
    name: 'DescribeScalableTargets has every member that clients read; the role is the service’s own',
    call: (on) => targets(on, KEY.ResourceId),
    gives: {
      ScalableTargets: [
        {
          ...KEY,
          MinCapacity: 0,
          MaxCapacity: 4,
          RoleARN:
            'arn:aws:iam::000000000000:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService',
          CreationTime: RECENT,
          SuspendedState: {
            DynamicScalingInSuspended: false,
            DynamicScalingOutSuspended: false,
            ScheduledScalingSuspended: false,
          },
          ScalableTargetARN: ANY,
        },
      ],
    },
  },
  {
    name: 'RegisterScalableTarget again changes what is given and keeps the ARN',
    call: async (on) => {
      const again = await register(on, { MinCapacity: undefined, MaxCapacity: 9 });
      const { ScalableTargets } = await targets(on, KEY.ResourceId);
      return { same: again.ScalableTargetARN === on.kept['target'], ...ScalableTargets?.[0] };
    },
    gives: { same: true, MinCapacity: 0, MaxCapacity: 9 },
  },
  {
    name: 'SuspendedState is kept by a call that leaves it out',
    call: async (on) => {
      await register(on, { SuspendedState: { DynamicScalingInSuspended: true } });
      await register(on, { MaxCapacity: 8 });
      return targets(on, KEY.ResourceId);
    },
    gives: {
      ScalableTargets: [
        { SuspendedState: { DynamicScalingInSuspended: true, DynamicScalingOutSuspended: false } },
      ],
    },
  },
  {
    name: 'tags come with the registration, are added and are taken away',
    call: async (on) => {
      await register(on, { ...OTHER, Tags: { team: 'a', 'cost centre': '7' } });
      const ResourceARN = (await targets(on, OTHER.ResourceId)).ScalableTargets?.[0]
        ?.ScalableTargetARN;
      await on.scaling.send(
        new TagResourceCommand({ ResourceARN, Tags: { team: 'b', empty: '' } }),
      );
      await on.scaling.send(
        new UntagResourceCommand({ ResourceARN, TagKeys: ['cost centre', 'none'] }),
      );
      return on.scaling.send(new ListTagsForResourceCommand({ ResourceARN }));
    },
    gives: { Tags: { team: 'b', empty: '', 'cost centre': ABSENT } },
  },
  {
    name: 'ListTagsForResource without tags is an empty map',
    call: (on) =>
      on.scaling.send(new ListTagsForResourceCommand({ ResourceARN: on.kept['target'] })),
    gives: { Tags: {} },
  },
  {
    name: 'TagResource beyond fifty',
    call: (on) =>
      on.scaling.send(
        new TagResourceCommand({
          ResourceARN: on.kept['target'],
          Tags: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, ''])),
        }),
      ),
    fails: 'TooManyTagsException',
  },
  {
    name: 'tags of an ARN that there is not',
    call: (on) =>
      on.scaling.send(
        new ListTagsForResourceCommand({
          ResourceARN:
            'arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/none',
        }),
      ),
    fails: 'ResourceNotFoundException',
  },
  {
    name: 'DescribeScalableTargets page by page',
    call: async (on) => {
      const ids: (string | undefined)[] = [];
      let NextToken: string | undefined;
      do {
        const page = await on.scaling.send(
          new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs', MaxResults: 1, NextToken }),
        );
        ids.push(...(page.ScalableTargets ?? []).map(({ ResourceId }) => ResourceId));
        ({ NextToken } = page);
      } while (NextToken !== undefined);
      return ids;
    },
    gives: ['service/default/other', 'service/default/web'],
  },
  {
    name: 'DescribeScalableTargets with a token of its own making',
    call: (on) =>
      on.scaling.send(
        new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs', NextToken: 'forged' }),
      ),
    fails: 'InvalidNextTokenException',
  },
  invalid(
    'DescribeScalableTargets with MaxResults 51',
    (on) =>
      on.scaling.send(
        new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs', MaxResults: 51 }),
      ),
    /axResults/,
  ),
  {
    name: 'DescribeScalingActivities is empty before anything has scaled',
    call: (on) => on.scaling.send(new DescribeScalingActivitiesCommand(KEY)),
    gives: { ScalingActivities: [] },
  },
  {
    name: 'DeregisterScalableTarget takes policies and actions along, and leaves the service',
    call: async (on) => {
      await track(on);
      await schedule(on);
      await on.scaling.send(new DeregisterScalableTargetCommand(KEY));
      return {
        targets: await targets(on, KEY.ResourceId),
        policies: await policies(on),
        actions: await actions(on),
        services: await on.ecs.send(new DescribeServicesCommand({ services: ['web'] })),
      };
    },
    gives: {
      targets: { ScalableTargets: [] },
      policies: { ScalingPolicies: [] },
      actions: { ScheduledActions: [] },
      services: { services: [{ desiredCount: 2, status: 'ACTIVE' }] },
    },
  },
  {
    name: 'DeregisterScalableTarget again',
    call: (on) => on.scaling.send(new DeregisterScalableTargetCommand(KEY)),
    fails: 'ObjectNotFoundException',
    message:
      'No scalable target registered for service namespace: ecs, resource ID: service/default/web, scalable dimension: ecs:service:DesiredCount',
  },
  {
    name: 'an operation that is left out is named',
    call: (on) =>
      on.scaling.send(
        new GetPredictiveScalingForecastCommand({
          ...KEY,
          PolicyName: 'p',
          StartTime: new Date(0),
          EndTime: new Date(1),
        }),
      ),
    fails: 'ValidationException',
    message: /^GetPredictiveScalingForecast is not supported by Berth\./,
  },
]);

conformance('Application Auto Scaling over the SDK: policies', [
  ready,
  {
    name: 'PutScalingPolicy before the service is registered',
    call: (on) => track(on),
    fails: 'ObjectNotFoundException',
    message: /^No scalable target registered for service namespace: ecs/,
  },
  {
    name: 'PutScalingPolicy gives an ARN and a list of alarms',
    call: async (on) => {
      await register(on);
      return track(on, { TargetValue: 70.5, ScaleInCooldown: 0, DisableScaleIn: true });
    },
    gives: {
      PolicyARN:
        /^arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:[0-9a-f-]{36}:resource\/ecs\/service\/default\/web:policyName\/cpu$/,
      Alarms: [],
    },
  },
  {
    name: 'DescribeScalingPolicies shows it as it was given',
    call: (on) => policies(on, ['cpu', 'none']),
    gives: {
      ScalingPolicies: [
        {
          ...KEY,
          PolicyName: 'cpu',
          PolicyType: 'TargetTrackingScaling',
          CreationTime: RECENT,
          Alarms: [],
          StepScalingPolicyConfiguration: ABSENT,
          TargetTrackingScalingPolicyConfiguration: {
            TargetValue: 70.5,
            ScaleInCooldown: 0,
            ScaleOutCooldown: ABSENT,
            DisableScaleIn: true,
            CustomizedMetricSpecification: ABSENT,
            PredefinedMetricSpecification: {
              PredefinedMetricType: 'ECSServiceAverageCPUUtilization',
              ResourceLabel: ABSENT,
            },
          },
        },
      ],
    },
  },
  {
    name: 'PutScalingPolicy again replaces it and keeps its ARN',
    call: async (on) => {
      const before = (await policies(on)).ScalingPolicies?.[0];
      const { PolicyARN } = await track(on, { TargetValue: 50 });
      const after = (await policies(on)).ScalingPolicies?.[0];
      const shown = after?.TargetTrackingScalingPolicyConfiguration;
      return { same: before?.PolicyARN === PolicyARN, shown };
    },
    gives: {
      same: true,
      shown: { TargetValue: 50, ScaleInCooldown: ABSENT, DisableScaleIn: ABSENT },
    },
  },
  invalid(
    'PutScalingPolicy of another type under the same name',
    (on) =>
      put(on, {
        PolicyType: 'StepScaling',
        StepScalingPolicyConfiguration: {
          AdjustmentType: 'ChangeInCapacity',
          StepAdjustments: [{ ScalingAdjustment: 1 }],
        },
      }),
    /type/,
  ),
  invalid(
    'PutScalingPolicy of a metric that another policy tracks',
    (on) => track(on, {}, { PolicyName: 'cpu2' }),
    /^Only one TargetTrackingScaling policy for a given metric specification is allowed/,
  ),
  invalid(
    'PutScalingPolicy without its configuration',
    (on) => put(on, { PolicyName: 'x', PolicyType: 'TargetTrackingScaling' }),
    /TargetTrackingScalingPolicyConfiguration is missing/,
  ),
  invalid(
    'PutScalingPolicy to a target of 0',
    (on) => track(on, { TargetValue: 0 }),
    /targetValue/,
  ),
  invalid(
    'PutScalingPolicy with a cooldown below 0',
    (on) => track(on, { ScaleOutCooldown: -1 }),
    /scaleOutCooldown/,
  ),
  invalid(
    'PutScalingPolicy without a metric',
    (on) => track(on, { PredefinedMetricSpecification: undefined }),
    /Exactly one of/,
  ),
  invalid(
    'PutScalingPolicy of a metric of another service',
    (on) =>
      track(on, {
        PredefinedMetricSpecification: {
          PredefinedMetricType: 'DynamoDBReadCapacityUtilization',
        },
      }),
    /ECSServiceAverageCPUUtilization/,
  ),
  invalid(
    'PutScalingPolicy of requests without their label',
    (on) =>
      track(on, {
        PredefinedMetricSpecification: { PredefinedMetricType: 'ALBRequestCountPerTarget' },
      }),
    /resourceLabel/,
  ),
  {
    name: 'PutScalingPolicy of requests with their label',
    call: async (on) => {
      const ResourceLabel = `app/web/${'0'.repeat(16)}/targetgroup/web/${'1'.repeat(16)}`;
      await track(
        on,
        {
          TargetValue: 1000,
          PredefinedMetricSpecification: {
            PredefinedMetricType: 'ALBRequestCountPerTarget',
            ResourceLabel,
          },
        },
        { PolicyName: 'requests' },
      );
      return policies(on, ['requests']);
    },
    gives: {
      ScalingPolicies: [
        {
          TargetTrackingScalingPolicyConfiguration: {
            PredefinedMetricSpecification: { ResourceLabel: /^app\/web\// },
          },
        },
      ],
    },
  },
  {
    name: 'PutScalingPolicy of a metric by mathematics',
    call: async (on) => {
      await track(
        on,
        {
          PredefinedMetricSpecification: undefined,
          CustomizedMetricSpecification: {
            Metrics: [
              {
                Id: 'm1',
                ReturnData: false,
                MetricStat: {
                  Metric: {
                    MetricName: 'Depth',
                    Namespace: 'Queue',
                    Dimensions: [{ Name: 'Queue', Value: 'a<b>' }],
                  },
                  Stat: 'Average',
                },
              },
              { Id: 'e1', Expression: 'm1 / 2', ReturnData: true },
            ],
          },
        },
        { PolicyName: 'maths' },
      );
      return policies(on, ['maths']);
    },
    gives: {
      ScalingPolicies: [
        {
          TargetTrackingScalingPolicyConfiguration: {
            CustomizedMetricSpecification: {
              Metrics: [
                {
                  Id: 'm1',
                  ReturnData: false,
                  MetricStat: { Metric: { Dimensions: [{ Name: 'Queue', Value: 'a<b>' }] } },
                },
                { Id: 'e1', Expression: 'm1 / 2', ReturnData: true },
              ],
            },
          },
        },
      ],
    },
  },
  invalid(
    'PutScalingPolicy of mathematics with two results',
    (on) =>
      track(on, {
        PredefinedMetricSpecification: undefined,
        CustomizedMetricSpecification: {
          Metrics: [
            { Id: 'e1', Expression: '1' },
            { Id: 'e2', Expression: '2' },
          ],
        },
      }),
    /Exactly one metric must return data/,
  ),
  invalid(
    'PutScalingPolicy that foretells',
    (on) =>
      put(on, {
        PolicyName: 'p',
        PolicyType: 'PredictiveScaling',
        PredictiveScalingPolicyConfiguration: {
          MetricSpecifications: [{ TargetValue: 1 }],
        },
      }),
    /not supported by Berth|StepScaling/,
  ),
  invalid(
    'PutScalingPolicy of a type that there is not',
    (on) => put(on, { PolicyType: 'Magic' as PolicyType }),
    /enum value set/,
  ),
  {
    name: 'a policy of steps is of that type without saying so',
    call: async (on) => {
      await step(
        on,
        [
          { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 1 },
          { MetricIntervalLowerBound: 10, ScalingAdjustment: 2 },
        ],
        { Cooldown: 0, MetricAggregationType: 'Maximum' },
      );
      return policies(on, ['steps']);
    },
    gives: {
      ScalingPolicies: [
        {
          PolicyType: 'StepScaling',
          StepScalingPolicyConfiguration: {
            AdjustmentType: 'ChangeInCapacity',
            Cooldown: 0,
            MetricAggregationType: 'Maximum',
            StepAdjustments: [
              { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 1 },
              { MetricIntervalLowerBound: 10, MetricIntervalUpperBound: ABSENT },
            ],
          },
        },
      ],
    },
  },
  invalid(
    'steps with a gap',
    (on) =>
      step(on, [
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 1 },
        { MetricIntervalLowerBound: 20, ScalingAdjustment: 2 },
      ]),
    /gap/,
  ),
  invalid(
    'steps that overlap',
    (on) =>
      step(on, [
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 1 },
        { MetricIntervalLowerBound: 5, ScalingAdjustment: 2 },
      ]),
    /overlap/,
  ),
  invalid(
    'steps that end above 0',
    (on) =>
      step(on, [
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 1 },
      ]),
    /upper bound/,
  ),
  invalid(
    'a least adjustment of what is no percentage',
    (on) => step(on, [{ ScalingAdjustment: 1 }], { MinAdjustmentMagnitude: 1 }),
    /PercentChangeInCapacity/,
  ),
  invalid('no steps', (on) => step(on, []), /StepAdjustments/),
  {
    name: 'twenty steps, and no more',
    call: async (on) => {
      await step(on, staircase(20));
      const { ScalingPolicies: [one] = [] } = await policies(on, ['steps']);
      const taken = one?.StepScalingPolicyConfiguration?.StepAdjustments?.length;
      const refused = await step(on, staircase(21)).catch((error: unknown) => error);
      return { taken, refused };
    },
    gives: { taken: 20, refused: { name: 'LimitExceededException', message: /20/ } },
  },
  {
    name: 'DescribeScalingPolicies pages at ten',
    call: async (on) => {
      for (let count = 1; count <= 9; count += 1) {
        await put(on, {
          PolicyName: `p${count}`,
          StepScalingPolicyConfiguration: {
            AdjustmentType: 'ExactCapacity',
            StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment: count }],
          },
        });
      }
      const first = await policies(on);
      const rest = await on.scaling.send(
        new DescribeScalingPoliciesCommand({ ...KEY, NextToken: first.NextToken }),
      );
      return [first, rest].map(({ ScalingPolicies = [] }) => ScalingPolicies.length);
    },
    gives: [10, 3],
  },
  {
    name: 'DeleteScalingPolicy',
    call: async (on) => {
      await on.scaling.send(new DeleteScalingPolicyCommand({ ...KEY, PolicyName: 'cpu' }));
      return policies(on, ['cpu']);
    },
    gives: { ScalingPolicies: [] },
  },
  {
    name: 'DeleteScalingPolicy again',
    call: (on) => on.scaling.send(new DeleteScalingPolicyCommand({ ...KEY, PolicyName: 'cpu' })),
    fails: 'ObjectNotFoundException',
    message: /cpu/,
  },
  {
    name: 'fifty policies of a target, and no more',
    call: async (on) => {
      for (let count = 13; count <= 51; count += 1) {
        await put(on, {
          PolicyName: `q${count}`,
          StepScalingPolicyConfiguration: {
            AdjustmentType: 'ExactCapacity',
            StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment: count }],
          },
        });
      }
    },
    fails: 'LimitExceededException',
    message: /50/,
  },
]);

conformance('Application Auto Scaling over the SDK: scheduled actions', [
  ready,
  {
    name: 'PutScheduledAction before the service is registered',
    call: (on) => schedule(on),
    fails: 'ObjectNotFoundException',
  },
  {
    name: 'PutScheduledAction, and what DescribeScheduledActions makes of it',
    call: async (on) => {
      await register(on);
      await schedule(on, {
        Timezone: 'Europe/Berlin',
        StartTime: new Date('2030-01-01T00:00:00Z'),
        EndTime: new Date('2031-01-01T00:00:00Z'),
        ScalableTargetAction: { MinCapacity: 0, MaxCapacity: 1 },
      });
      return actions(on);
    },
    gives: {
      ScheduledActions: [
        {
          ...KEY,
          ScheduledActionName: 'night',
          ScheduledActionARN:
            /^arn:aws:autoscaling:us-east-1:000000000000:scheduledAction:[0-9a-f-]{36}:resource\/ecs\/service\/default\/web:scheduledActionName\/night$/,
          Schedule: 'cron(0 22 * * ? *)',
          Timezone: 'Europe/Berlin',
          ScalableTargetAction: { MinCapacity: 0, MaxCapacity: 1 },
          CreationTime: RECENT,
        },
      ],
    },
  },
  {
    name: 'PutScheduledAction again deletes start and end, and keeps the rest',
    call: async (on) => {
      await schedule(on, { ScalableTargetAction: { MaxCapacity: 2 } });
      return actions(on, ['night']);
    },
    gives: {
      ScheduledActions: [
        {
          StartTime: ABSENT,
          EndTime: ABSENT,
          Timezone: 'Europe/Berlin',
          ScalableTargetAction: { MinCapacity: ABSENT, MaxCapacity: 2 },
        },
      ],
    },
  },
  goodSchedule('at(2030-02-28T23:59:59)'),
  goodSchedule('rate(1 minute)'),
  goodSchedule('rate(5 hours)'),
  goodSchedule('cron(0/15 8-18 ? * MON-FRI *)'),
  badSchedule('rate(1 minutes)'),
  badSchedule('rate(0 hours)'),
  badSchedule('at(2030-02-30T00:00:00)'),
  badSchedule('cron(60 0 * * ? *)'),
  badSchedule('cron(0 0 1 * MON *)'),
  badSchedule('every day'),
  invalid(
    'PutScheduledAction in a zone that there is not',
    (on) => schedule(on, { Timezone: 'Europe/Atlantis' }),
    /Europe\/Atlantis/,
  ),
  invalid(
    'PutScheduledAction that ends before it starts',
    (on) => schedule(on, { StartTime: new Date(2e12), EndTime: new Date(1e12) }),
    /end time/,
  ),
  invalid(
    'PutScheduledAction of nothing to do',
    (on) => schedule(on, { ScalableTargetAction: {} }),
    /MinCapacity, MaxCapacity or both/,
  ),
  invalid(
    'PutScheduledAction with bounds the wrong way round',
    (on) => schedule(on, { ScalableTargetAction: { MinCapacity: 3, MaxCapacity: 2 } }),
    /less than/,
  ),
  invalid(
    'PutScheduledAction with a colon in its name',
    (on) => schedule(on, { ScheduledActionName: 'a:b' }),
    /cheduledActionName/,
  ),
  {
    name: 'DescribeScheduledActions page by page, and by name',
    call: async (on) => {
      for (const name of ['a', 'b', 'c', 'd']) await schedule(on, { ScheduledActionName: name });
      const found = await pages(async (NextToken) => {
        const page = await on.scaling.send(
          new DescribeScheduledActionsCommand({
            ServiceNamespace: 'ecs',
            MaxResults: 2,
            NextToken,
          }),
        );
        return { items: page.ScheduledActions, nextToken: page.NextToken };
      });
      const named = await actions(on, ['d', 'none', 'b']);
      return {
        sizes: found.map((page) => page.length),
        different: new Set(found.flat().map((each) => each.ScheduledActionName)).size,
        named: named.ScheduledActions?.length,
      };
    },
    gives: { sizes: [2, 2, ANY], different: 5, named: 2 },
  },
  {
    name: 'DescribeScheduledActions with a token of another question',
    call: async (on) => {
      const asked = { ServiceNamespace: 'ecs', MaxResults: 1 } as const;
      const { NextToken } = await on.scaling.send(new DescribeScheduledActionsCommand(asked));
      return on.scaling.send(new DescribeScalableTargetsCommand({ ...asked, NextToken }));
    },
    fails: 'InvalidNextTokenException',
  },
  invalid(
    'DescribeScheduledActions with MaxResults 51',
    (on) =>
      on.scaling.send(
        new DescribeScheduledActionsCommand({ ServiceNamespace: 'ecs', MaxResults: 51 }),
      ),
    /50/,
  ),
  invalid(
    'DescribeScalingActivities with MaxResults 0',
    (on) =>
      on.scaling.send(
        new DescribeScalingActivitiesCommand({ ServiceNamespace: 'ecs', MaxResults: 0 }),
      ),
    /MaxResults|maxResults/,
  ),
  {
    name: 'two hundred scheduled actions of a target, and no more',
    call: async (on) => {
      const count = (await all(on)).length;
      for (let more = count; more < 200; more += 1) {
        await schedule(on, { ScheduledActionName: `more${more}` });
      }
      return schedule(on, { ScheduledActionName: 'beyond' });
    },
    fails: 'LimitExceededException',
    message: /200/,
  },
  {
    name: 'one that is there can still be changed',
    call: (on) => schedule(on, { ScheduledActionName: 'a', Schedule: 'rate(2 hours)' }),
    gives: { $metadata: { httpStatusCode: 200 } },
  },
  {
    name: 'DeleteScheduledAction',
    call: async (on) => {
      await on.scaling.send(
        new DeleteScheduledActionCommand({ ...KEY, ScheduledActionName: 'night' }),
      );
      return actions(on, ['night']);
    },
    gives: { ScheduledActions: [] },
  },
  {
    name: 'DeleteScheduledAction again',
    call: (on) =>
      on.scaling.send(new DeleteScheduledActionCommand({ ...KEY, ScheduledActionName: 'night' })),
    fails: 'ObjectNotFoundException',
    message: /night/,
  },
]);
