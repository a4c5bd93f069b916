// What the proxy reads from a target group's record, defaults filled in. Source: ALB reference, sections 3.1 to 3.3.
import type { TargetGroupRecord } from '../generated/messages.ts';

import { AttributeReader } from './attribute-reader.ts';
import { type Family, familyOf } from './attributes.ts';
import { type CodeRange, parseMatcher } from './matcher.ts';

export type Algorithm = 'round_robin' | 'least_outstanding_requests' | 'weighted_random';

export type ProtocolVersion = 'HTTP1' | 'HTTP2' | 'GRPC';

export interface CheckSettings {
  readonly protocol: 'HTTP' | 'HTTPS' | 'TCP';
  /** A gRPC call, whose status the matcher is about. */
  readonly grpc: boolean;
  /** Over HTTP/2, as the group's requests. */
  readonly http2: boolean;
  /** Undefined: the port that takes the traffic. */
  readonly port: number | undefined;
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly matcher: readonly CodeRange[];
}

export type StickinessSettings =
  | { readonly type: 'none' }
  | { readonly type: 'lb_cookie'; readonly durationMs: number }
  | { readonly type: 'app_cookie'; readonly durationMs: number; readonly cookieName: string }
  | { readonly type: 'source_ip' };

export interface RetrySettings {
  readonly attempts: number;
  /** Share of the group's open requests that may be further tries at the same time. */
  readonly budgetPercent: number;
  readonly budgetMinimum: number;
  /** 0 is no limit. */
  readonly tryTimeoutMs: number;
}

export interface ConcurrencySettings {
  /** Requests in flight on one target; 0 is no limit. */
  readonly perTarget: number;
  readonly queueLength: number;
  readonly queueTimeoutMs: number;
}

export interface EjectionSettings {
  /** 0 switches it off. */
  readonly consecutiveFailures: number;
  readonly baseMs: number;
  readonly maximumMs: number;
  readonly maximumPercent: number;
}

export interface GroupSettings {
  readonly family: Family;
  readonly protocol: 'HTTP' | 'HTTPS' | 'TCP' | 'TLS';
  /** Of HTTP and HTTPS. */
  readonly version: ProtocolVersion;
  readonly algorithm: Algorithm;
  readonly anomalyMitigation: boolean;
  /** 0 is off. */
  readonly slowStartMs: number;
  readonly stickiness: StickinessSettings;
  /** Undefined: as the load balancer says. */
  readonly crossZone: boolean | undefined;
  readonly deregistrationDelayMs: number;
  /** A drain with nothing open ends before its delay does. */
  readonly earlyDrain: boolean;
  /** With fewer healthy targets than this all registered ones are used. */
  readonly minimumHealthyCount: number;
  /** The same as a share of the registered targets; 0 is off. */
  readonly minimumHealthyPercentage: number;
  readonly retries: RetrySettings;
  readonly connectTimeoutMs: number;
  /** From the head of a request to the head of its answer; 0 is no limit. */
  readonly requestTimeoutMs: number;
  readonly concurrency: ConcurrencySettings;
  readonly ejection: EjectionSettings;
  /** 0 is no limit. */
  readonly maximumBodyBytes: number;
  /** Of TCP and TLS groups: targets get a PROXY protocol header. */
  readonly sendProxyProtocol: boolean;
  /** Of TCP and TLS groups: what is open on a target when its deregistration delay is over is closed. */
  readonly cutAfterDelay: boolean;
  /** Of TCP and TLS groups: how long connections outlive their target's health; undefined: without end. */
  readonly unhealthyGraceMs: number | undefined;
  readonly check: CheckSettings;
}

/** Pure and total: what a record lacks, or what can't be read, has its default. */
export function groupSettings(group: TargetGroupRecord): GroupSettings {
  const family = familyOf(group.protocol);
  const read = new AttributeReader({ scope: 'target-group', family }, group.attributes);
  const seconds = (key: string): number => 1000 * read.number(key);
  const routing = 'target_group_health.unhealthy_state_routing.minimum_healthy_targets';
  const application = family === 'application';
  return {
    family,
    protocol: group.protocol || 'HTTP',
    version: application ? group.protocolVersion || 'HTTP1' : 'HTTP1',
    algorithm: read.word(
      'load_balancing.algorithm.type',
      'round_robin',
      'least_outstanding_requests',
      'weighted_random',
    ),
    anomalyMitigation: read.text('load_balancing.algorithm.anomaly_mitigation') === 'on',
    slowStartMs: seconds('slow_start.duration_seconds'),
    stickiness: stickiness(read),
    crossZone: crossZone(read.text('load_balancing.cross_zone.enabled')),
    deregistrationDelayMs: seconds('deregistration_delay.timeout_seconds'),
    earlyDrain: read.flag('berth.deregistration_delay.early_completion.enabled'),
    minimumHealthyCount: read.number(`${routing}.count`),
    minimumHealthyPercentage: read.number(`${routing}.percentage`),
    retries: {
      attempts: read.number('berth.retries.attempts'),
      budgetPercent: read.number('berth.retries.budget_percent'),
      budgetMinimum: read.number('berth.retries.budget_minimum'),
      tryTimeoutMs: read.number('berth.retries.try_timeout_ms'),
    },
    connectTimeoutMs: read.number('berth.timeouts.connect_ms'),
    requestTimeoutMs: read.number('berth.timeouts.request_ms'),
    concurrency: {
      perTarget: read.number('berth.concurrency.per_target'),
      queueLength: read.number('berth.concurrency.queue_length'),
      queueTimeoutMs: read.number('berth.concurrency.queue_timeout_ms'),
    },
    ejection: {
      consecutiveFailures: read.number('berth.ejection.consecutive_failures'),
      baseMs: seconds('berth.ejection.base_seconds'),
      maximumMs: seconds('berth.ejection.maximum_seconds'),
      maximumPercent: read.number('berth.ejection.maximum_percent'),
    },
    maximumBodyBytes: read.number('berth.request.max_body_bytes'),
    sendProxyProtocol: read.flag('proxy_protocol_v2.enabled'),
    cutAfterDelay: application || read.flag('deregistration_delay.connection_termination.enabled'),
    unhealthyGraceMs: application ? undefined : unhealthyGraceMs(read),
    check: checkSettings(group),
  };
}

function stickiness(read: AttributeReader): StickinessSettings {
  if (!read.flag('stickiness.enabled')) return { type: 'none' };
  switch (read.text('stickiness.type')) {
    case 'source_ip':
      return { type: 'source_ip' };
    case 'app_cookie': {
      const cookieName = read.text('stickiness.app_cookie.cookie_name');
      const durationMs = 1000 * read.number('stickiness.app_cookie.duration_seconds');
      return cookieName === '' ? { type: 'none' } : { type: 'app_cookie', durationMs, cookieName };
    }
    default:
      return {
        type: 'lb_cookie',
        durationMs: 1000 * read.number('stickiness.lb_cookie.duration_seconds'),
      };
  }
}

function crossZone(value: string): boolean | undefined {
  return value === 'true' ? true : value === 'false' ? false : undefined;
}

function unhealthyGraceMs(read: AttributeReader): number | undefined {
  const state = 'target_health_state.unhealthy';
  if (read.flag(`${state}.connection_termination.enabled`)) return 0;
  return 1000 * read.number(`${state}.draining_interval_seconds`) || undefined;
}

function checkSettings(group: TargetGroupRecord): CheckSettings {
  const check = group.healthCheck;
  const grpc = group.protocolVersion === 'GRPC';
  const codes = grpc ? { first: 12, last: 12 } : { first: 200, last: 200 };
  const plain = familyOf(group.protocol) === 'network' ? 'TCP' : 'HTTP';
  return {
    protocol: check?.protocol || plain,
    grpc,
    http2: group.protocolVersion === 'HTTP2',
    port:
      check === undefined || check.port === 'traffic-port'
        ? undefined
        : Number(check.port) || undefined,
    path: check?.path || (grpc ? '/AWS.ALB/healthcheck' : '/'),
    intervalMs: 1000 * (check?.intervalSeconds || 30),
    timeoutMs: 1000 * (check?.timeoutSeconds || 5),
    healthyThreshold: check?.healthyThresholdCount || 5,
    unhealthyThreshold: check?.unhealthyThresholdCount || 2,
    matcher: (check?.matcher && parseMatcher(check.matcher, grpc ? 'grpc' : 'http')) || [codes],
  };
}
