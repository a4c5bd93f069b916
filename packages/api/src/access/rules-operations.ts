// Permissions for Berth's own operations and for Application Auto Scaling.
import type { Rule, Rules } from './rule.ts';

const berth =
  (name: string): Rule<unknown> =>
  () => [{ action: `berth:${name}`, resource: '*' }];

export const operationsRules: Rules<'Operations'> = {
  GetInfo: berth('GetInfo'),
  WatchEvents: berth('WatchEvents'),
  WatchService: berth('WatchService'),
  StreamLogs: berth('StreamLogs'),
  Exec: berth('Exec'),
  GetState: berth('GetState'),
  ListState: berth('ListState'),
  CountTraffic: berth('CountTraffic'),
  WatchRequests: berth('WatchRequests'),
  ExplainRequest: berth('ExplainRequest'),
};

const scaling =
  (name: string): Rule<unknown> =>
  () => [{ action: `application-autoscaling:${name}`, resource: '*' }];

export const scalingRules: Rules<'Scaling'> = {
  RegisterScalableTarget: scaling('RegisterScalableTarget'),
  DeregisterScalableTarget: scaling('DeregisterScalableTarget'),
  DescribeScalableTargets: scaling('DescribeScalableTargets'),
  PutScalingPolicy: scaling('PutScalingPolicy'),
  DeleteScalingPolicy: scaling('DeleteScalingPolicy'),
  DescribeScalingPolicies: scaling('DescribeScalingPolicies'),
  PutScheduledAction: scaling('PutScheduledAction'),
  DeleteScheduledAction: scaling('DeleteScheduledAction'),
  DescribeScheduledActions: scaling('DescribeScheduledActions'),
  DescribeScalingActivities: scaling('DescribeScalingActivities'),
  TagResource: scaling('TagResource'),
  UntagResource: scaling('UntagResource'),
  ListTagsForResource: scaling('ListTagsForResource'),
};
