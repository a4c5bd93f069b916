// Permissions for Berth's own operations.
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
  CountTargets: berth('CountTargets'),
  GetDeploymentCertificate: berth('GetDeploymentCertificate'),
  CreateEventSink: berth('CreateEventSink'),
  DescribeEventSinks: berth('DescribeEventSinks'),
  DeleteEventSink: berth('DeleteEventSink'),
  RedriveEventSink: berth('RedriveEventSink'),
  SetAlarmStates: berth('SetAlarmStates'),
  DescribeAlarms: berth('DescribeAlarms'),
  DeleteAlarm: berth('DeleteAlarm'),
  WatchRequests: berth('WatchRequests'),
  ExplainRequest: berth('ExplainRequest'),
  ExplainPlacement: berth('ExplainPlacement'),
  PredictPlacement: berth('PredictPlacement'),
  ReplayPlacement: berth('ReplayPlacement'),
};
