// What this endpoint makes of each operation and input member of Application Auto Scaling: see support.ts. A test holds the table
// against the API's model.
import type { ServiceSupport } from './support.ts';

const PREDICTIVE = 'Forecasts are not made: use TargetTrackingScaling or PutScheduledAction.';

export const scalingSupport: ServiceSupport = {
  supported:
    'DeleteScalingPolicy DeleteScheduledAction DeregisterScalableTarget DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies DescribeScheduledActions ListTagsForResource PutScalingPolicy PutScheduledAction RegisterScalableTarget TagResource UntagResource',
  refused: [{ operations: 'GetPredictiveScalingForecast', message: PREDICTIVE }],
  structures: {
    CustomizedMetricSpecification: {
      supported: 'MetricName Namespace Dimensions Statistic Unit Metrics',
    },
    DeleteScalingPolicyRequest: {
      supported: 'PolicyName ServiceNamespace ResourceId ScalableDimension',
    },
    DeleteScheduledActionRequest: {
      supported: 'ServiceNamespace ScheduledActionName ResourceId ScalableDimension',
    },
    DeregisterScalableTargetRequest: { supported: 'ServiceNamespace ResourceId ScalableDimension' },
    DescribeScalableTargetsRequest: {
      supported: 'ServiceNamespace ResourceIds ScalableDimension MaxResults NextToken',
    },
    DescribeScalingActivitiesRequest: {
      supported:
        'ServiceNamespace ResourceId ScalableDimension MaxResults NextToken IncludeNotScaledActivities',
    },
    DescribeScalingPoliciesRequest: {
      supported: 'ServiceNamespace PolicyNames ResourceId ScalableDimension MaxResults NextToken',
    },
    DescribeScheduledActionsRequest: {
      supported:
        'ServiceNamespace ScheduledActionNames ResourceId ScalableDimension MaxResults NextToken',
    },
    ListTagsForResourceRequest: { supported: 'ResourceARN' },
    MetricDimension: { supported: 'Name Value' },
    PredefinedMetricSpecification: { supported: 'PredefinedMetricType ResourceLabel' },
    PutScalingPolicyRequest: {
      supported:
        'PolicyName ServiceNamespace ResourceId ScalableDimension StepScalingPolicyConfiguration TargetTrackingScalingPolicyConfiguration',
      accepted: {
        PolicyType: 'StepScaling and TargetTrackingScaling; PredictiveScaling is refused.',
      },
      refused: { PredictiveScalingPolicyConfiguration: PREDICTIVE },
    },
    PutScheduledActionRequest: {
      supported:
        'ServiceNamespace ScheduledActionName ResourceId ScalableDimension Schedule Timezone StartTime EndTime ScalableTargetAction',
    },
    RegisterScalableTargetRequest: {
      supported:
        'ServiceNamespace ResourceId ScalableDimension MinCapacity MaxCapacity SuspendedState Tags',
      accepted: {
        RoleARN: 'Taken, and replaced by the name of the service-linked role, as AWS does.',
      },
    },
    ScalableTargetAction: { supported: 'MinCapacity MaxCapacity' },
    StepAdjustment: {
      supported: 'ScalingAdjustment MetricIntervalLowerBound MetricIntervalUpperBound',
    },
    StepScalingPolicyConfiguration: {
      supported:
        'AdjustmentType StepAdjustments MinAdjustmentMagnitude Cooldown MetricAggregationType',
    },
    SuspendedState: {
      supported: 'DynamicScalingInSuspended DynamicScalingOutSuspended ScheduledScalingSuspended',
    },
    TagResourceRequest: { supported: 'ResourceARN Tags' },
    TargetTrackingMetric: { supported: 'Dimensions MetricName Namespace' },
    TargetTrackingMetricDataQuery: { supported: 'Id Expression Label MetricStat ReturnData' },
    TargetTrackingMetricDimension: { supported: 'Name Value' },
    TargetTrackingMetricStat: { supported: 'Metric Stat Unit' },
    TargetTrackingScalingPolicyConfiguration: {
      supported:
        'TargetValue PredefinedMetricSpecification CustomizedMetricSpecification ScaleOutCooldown ScaleInCooldown DisableScaleIn',
    },
    UntagResourceRequest: { supported: 'ResourceARN TagKeys' },
  },
};
