// What the proxy reads from a target group's record, defaults filled in. Source: ALB reference, sections 3.2 and 3.3.
import type { TargetGroupRecord } from '../generated/messages.ts';

import { type CodeRange, parseMatcher } from './matcher.ts';

export type Algorithm = 'round_robin' | 'least_outstanding_requests';

export interface CheckSettings {
  readonly protocol: 'HTTP' | 'HTTPS';
  /** Undefined: the port that takes the traffic. */
  readonly port: number | undefined;
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly matcher: readonly CodeRange[];
}

export interface GroupSettings {
  readonly protocol: 'HTTP' | 'HTTPS';
  readonly algorithm: Algorithm;
  readonly deregistrationDelayMs: number;
  /** With fewer healthy targets than this all registered ones are used. */
  readonly minimumHealthyCount: number;
  /** The same as a share of the registered targets; 0 is off. */
  readonly minimumHealthyPercentage: number;
  readonly check: CheckSettings;
}

/** Pure and total: what a record lacks, or what can't be read, has its default. */
export function groupSettings(group: TargetGroupRecord): GroupSettings {
  const { attributes } = group;
  const routing = 'target_group_health.unhealthy_state_routing.minimum_healthy_targets';
  return {
    protocol: group.protocol === 'HTTPS' ? 'HTTPS' : 'HTTP',
    algorithm:
      attributes['load_balancing.algorithm.type'] === 'least_outstanding_requests'
        ? 'least_outstanding_requests'
        : 'round_robin',
    deregistrationDelayMs: 1000 * number(attributes['deregistration_delay.timeout_seconds'], 300),
    minimumHealthyCount: number(attributes[`${routing}.count`], 1),
    minimumHealthyPercentage: number(attributes[`${routing}.percentage`], 0),
    check: checkSettings(group),
  };
}

function checkSettings(group: TargetGroupRecord): CheckSettings {
  const check = group.healthCheck;
  return {
    protocol: check?.protocol === 'HTTPS' ? 'HTTPS' : 'HTTP',
    port:
      check === undefined || check.port === 'traffic-port'
        ? undefined
        : Number(check.port) || undefined,
    path: check?.path || '/',
    intervalMs: 1000 * (check?.intervalSeconds || 30),
    timeoutMs: 1000 * (check?.timeoutSeconds || 5),
    healthyThreshold: check?.healthyThresholdCount || 5,
    unhealthyThreshold: check?.unhealthyThresholdCount || 2,
    matcher: parseMatcher(check?.matcher || '200') ?? [{ first: 200, last: 200 }],
  };
}

function number(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : otherwise;
}
