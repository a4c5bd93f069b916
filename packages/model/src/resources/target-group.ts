// What a target group is made of: the settings of its health checks, and its attributes with their
// defaults and ranges. Stored records hold only attributes that differ from their defaults; everyone reads them
// through here. Pure. Source: ALB reference, sections 3.2 and 3.3.
import type { HealthCheckSettings, TargetGroupRecord } from '../generated/messages.ts';

export const DEFAULT_HEALTH_CHECK: HealthCheckSettings = {
  protocol: 'HTTP',
  port: 'traffic-port',
  path: '/',
  intervalSeconds: 30,
  timeoutSeconds: 5,
  healthyThresholdCount: 5,
  unhealthyThresholdCount: 2,
  matcher: '200',
};

export interface TargetGroupAttribute {
  readonly default: string;
  /** What the value may be, for people. */
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}

function whole(fallback: string, least: number, most: number, unit: string): TargetGroupAttribute {
  return {
    default: fallback,
    expected: `a whole number of ${unit} from ${least} to ${most}`,
    accepts: (value) => /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most,
  };
}

function words(fallback: string, ...accepted: string[]): TargetGroupAttribute {
  return {
    default: fallback,
    expected: `one of ${accepted.join(', ')}`,
    accepts: (value) => accepted.includes(value),
  };
}

/** An attribute of ALB whose feature the proxy lacks: only the value that turns it off is accepted. */
function only(value: string): TargetGroupAttribute {
  return {
    default: value,
    expected: `"${value}", the only value that Berth's proxies can honour`,
    accepts: (asked) => asked === value,
  };
}

const offOrPercent: TargetGroupAttribute = {
  default: 'off',
  expected: 'off or a percentage from 1 to 100',
  accepts: (value) => value === 'off' || (/^[1-9]\d{0,2}$/.test(value) && Number(value) <= 100),
};

export const TARGET_GROUP_ATTRIBUTES = {
  'deregistration_delay.timeout_seconds': whole('300', 0, 3600, 'seconds'),
  'load_balancing.algorithm.type': words(
    'round_robin',
    'round_robin',
    'least_outstanding_requests',
  ),
  'load_balancing.algorithm.anomaly_mitigation': only('off'),
  'load_balancing.cross_zone.enabled': only('use_load_balancer_configuration'),
  'slow_start.duration_seconds': only('0'),
  'stickiness.enabled': only('false'),
  'stickiness.type': only('lb_cookie'),
  'stickiness.lb_cookie.duration_seconds': only('86400'),
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': whole(
    '1',
    1,
    1000,
    'targets',
  ),
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage': offOrPercent,
} as const satisfies Readonly<Record<string, TargetGroupAttribute>>;

export type TargetGroupAttributeName = keyof typeof TARGET_GROUP_ATTRIBUTES;

/** True for the name of an attribute that Berth knows. */
export function isTargetGroupAttribute(name: string): name is TargetGroupAttributeName {
  return Object.hasOwn(TARGET_GROUP_ATTRIBUTES, name);
}

/** Every attribute with its value in force. */
export function allTargetGroupAttributes(
  group: Pick<TargetGroupRecord, 'attributes'>,
): Record<string, string> {
  const defaults = Object.entries(TARGET_GROUP_ATTRIBUTES).map(([name, of]) => [name, of.default]);
  return { ...Object.fromEntries(defaults), ...group.attributes } as Record<string, string>;
}

/** The attributes of `changed` laid over `current`, without those that have their default value. */
export function mergedTargetGroupAttributes(
  current: Readonly<Record<string, string>>,
  changed: Readonly<Record<string, string>>,
): Record<string, string> {
  const merged = Object.entries({ ...current, ...changed });
  return Object.fromEntries(
    merged.filter(
      ([name, value]) =>
        !isTargetGroupAttribute(name) || TARGET_GROUP_ATTRIBUTES[name].default !== value,
    ),
  );
}
