// Target groups: names, health checks, attributes. Pure. Source: ALB reference, sections 1.2, 1.5, 3.2 and 3.3.
import type {
  CreateTargetGroupRequest,
  HealthCheckOptions,
  HealthCheckSettings,
  ModifyTargetGroupRequest,
  TargetGroupRecord,
} from '../generated/messages.ts';
import {
  DEFAULT_HEALTH_CHECK,
  isTargetGroupAttribute,
  mergedTargetGroupAttributes,
  TARGET_GROUP_ATTRIBUTES,
} from '../resources/target-group.ts';
import { parseMatcher } from '../routing/matcher.ts';
import { Checker } from './check.ts';
import { checkTargetGroupName } from './names.ts';
import { checkTags } from './tags.ts';

/** A target group in normal form, without what its creation adds. */
export type TargetGroupOrder = Omit<TargetGroupRecord, 'id' | 'createdAt'>;

/** @throws BerthError ValidationError */
export function acceptCreateTargetGroup(request: CreateTargetGroupRequest): TargetGroupOrder {
  const check = new Checker('ValidationError');
  checkTargetGroupName(check, request.name);
  check.integer('port', request.port, { least: 1, most: 65_535 });
  checkTags(check, request.tags);
  return {
    name: request.name,
    protocol: request.protocol || 'HTTP',
    port: request.port ?? 80,
    targetType: request.targetType || 'instance',
    healthCheck: acceptHealthCheck(check, request.healthCheck, DEFAULT_HEALTH_CHECK),
    attributes: acceptAttributes(check, request.attributes, {}),
    tags: request.tags,
  };
}

/**
 * The group with the request's health check and attributes laid over its own.
 * @throws BerthError ValidationError
 */
export function acceptModifyTargetGroup(
  request: ModifyTargetGroupRequest,
  current: TargetGroupRecord,
): TargetGroupRecord {
  const check = new Checker('ValidationError');
  const before = current.healthCheck ?? DEFAULT_HEALTH_CHECK;
  return {
    ...current,
    healthCheck: acceptHealthCheck(check, request.healthCheck, before),
    attributes: acceptAttributes(check, request.attributes, current.attributes),
  };
}

function acceptHealthCheck(
  check: Checker,
  asked: HealthCheckOptions | undefined,
  before: HealthCheckSettings,
): HealthCheckSettings {
  const settings: HealthCheckSettings = {
    protocol: asked?.protocol || before.protocol,
    port: asked?.port ?? before.port,
    path: asked?.path ?? before.path,
    intervalSeconds: asked?.intervalSeconds ?? before.intervalSeconds,
    timeoutSeconds: asked?.timeoutSeconds ?? before.timeoutSeconds,
    healthyThresholdCount: asked?.healthyThresholdCount ?? before.healthyThresholdCount,
    unhealthyThresholdCount: asked?.unhealthyThresholdCount ?? before.unhealthyThresholdCount,
    matcher: asked?.matcher ?? before.matcher,
  };
  checkHealthCheck(check, settings);
  return settings;
}

function checkHealthCheck(check: Checker, settings: HealthCheckSettings): void {
  const { port, path, intervalSeconds, timeoutSeconds } = settings;
  if (port !== 'traffic-port' && !(/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)) {
    check.expected('healthCheck.port', port, 'traffic-port or a port from 1 to 65535');
  }
  check.text(
    'healthCheck.path',
    path,
    /^\/[!-~]{0,1023}$/,
    'a path of at most 1024 visible ASCII characters that begins with /',
  );
  check.integer('healthCheck.intervalSeconds', intervalSeconds, { least: 5, most: 300 });
  check.integer('healthCheck.timeoutSeconds', timeoutSeconds, { least: 2, most: 120 });
  const thresholds = { least: 2, most: 10 };
  check.integer('healthCheck.healthyThresholdCount', settings.healthyThresholdCount, thresholds);
  check.integer(
    'healthCheck.unhealthyThresholdCount',
    settings.unhealthyThresholdCount,
    thresholds,
  );
  if (timeoutSeconds >= intervalSeconds) {
    check.refuse(
      `Health check timeout '${timeoutSeconds}' must be smaller than the interval '${intervalSeconds}'`,
    );
  }
  const codes = parseMatcher(settings.matcher);
  if (!codes?.every(({ first, last }) => first >= 200 && last <= 499)) {
    check.expected(
      'healthCheck.matcher',
      settings.matcher,
      'HTTP codes from 200 to 499, such as 200, 200,202 or 200-299',
    );
  }
}

function acceptAttributes(
  check: Checker,
  asked: Readonly<Record<string, string>>,
  current: Readonly<Record<string, string>>,
): Record<string, string> {
  for (const [name, value] of Object.entries(asked)) {
    if (!isTargetGroupAttribute(name)) {
      const known = Object.keys(TARGET_GROUP_ATTRIBUTES).join(', ');
      check.refuse(
        `Target group attribute key '${name}' is not recognized; expected one of ${known}.`,
      );
    }
    const { accepts, expected } = TARGET_GROUP_ATTRIBUTES[name];
    if (!accepts(value)) check.expected(`attributes["${name}"]`, value, expected);
  }
  return mergedTargetGroupAttributes(current, asked);
}
