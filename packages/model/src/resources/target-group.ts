// The health check of a target group that says nothing of one. Pure. Source: ALB reference, section 3.3; AWS's defaults of
// network load balancers.
import type { HealthCheckSettings, TargetGroupRecord } from '../generated/messages.ts';
import { familyOf } from '../routing/attributes.ts';

type Kind = Pick<TargetGroupRecord, 'protocol' | 'protocolVersion'>;

export function defaultHealthCheck(group: Kind): HealthCheckSettings {
  const common = {
    port: 'traffic-port',
    intervalSeconds: 30,
    healthyThresholdCount: 5,
    unhealthyThresholdCount: 2,
  };
  if (familyOf(group.protocol) === 'network') {
    return { ...common, protocol: 'TCP', path: '', matcher: '', timeoutSeconds: 10 };
  }
  return group.protocolVersion === 'GRPC'
    ? {
        ...common,
        protocol: 'HTTP',
        path: '/AWS.ALB/healthcheck',
        matcher: '12',
        timeoutSeconds: 5,
      }
    : { ...common, protocol: 'HTTP', path: '/', matcher: '200', timeoutSeconds: 5 };
}
