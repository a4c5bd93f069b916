// Target groups: names, protocols, health checks, attributes. Pure. Source: ALB reference, sections 1.2, 1.5, 3.1 to 3.3.
import { BerthError } from '../errors.ts';
import type {
  CreateTargetGroupRequest,
  HealthCheckOptions,
  HealthCheckSettings,
  ModifyTargetGroupRequest,
  TargetGroupRecord,
} from '../generated/messages.ts';
import { defaultHealthCheck } from '../resources/target-group.ts';
import { type AttributePlace, familyOf } from '../routing/attributes.ts';
import { parseMatcher } from '../routing/matcher.ts';
import { acceptAttributes } from './balancing-attributes.ts';
import { checkBalancingTags } from './balancing-tags.ts';
import { Checker } from './check.ts';
import { checkBalancingName } from './names.ts';

/** A target group in normal form, without what its creation adds. */
export type TargetGroupOrder = Omit<TargetGroupRecord, 'id' | 'createdAt'>;

type Kind = Pick<TargetGroupRecord, 'protocol' | 'protocolVersion'>;

/** @throws BerthError ValidationError or InvalidConfigurationRequest */
export function acceptCreateTargetGroup(request: CreateTargetGroupRequest): TargetGroupOrder {
  const check = new Checker('ValidationError');
  checkBalancingName(check, 'name', request.name);
  const protocol = acceptProtocol(request.protocol || 'HTTP');
  const targetType = acceptTargetType(request.targetType || 'instance');
  const application = familyOf(protocol) === 'application';
  if (!application && request.protocolVersion) {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `protocolVersion is ${request.protocolVersion}; expected none with protocol ${protocol}.`,
    );
  }
  check.integer('port', request.port, { least: 1, most: 65_535 });
  checkVpc(check, request.vpcId);
  checkBalancingTags(request.tags);
  const kind: Kind = {
    protocol,
    protocolVersion: application ? request.protocolVersion || 'HTTP1' : undefined,
  };
  const before = defaultHealthCheck(kind);
  return {
    name: request.name,
    ...kind,
    port: request.port ?? (protocol === 'HTTPS' || protocol === 'TLS' ? 443 : 80),
    targetType,
    healthCheck: acceptHealthCheck(check, kind, request.healthCheck, before),
    attributes: acceptAttributes(groupPlace(kind), request.attributes, {}),
    tags: request.tags,
    vpcId: request.vpcId || undefined,
    ipAddressType: request.ipAddressType || undefined,
  };
}

/**
 * The group with the request's health check and attributes laid over its own.
 * @throws BerthError ValidationError or InvalidConfigurationRequest
 */
export function acceptModifyTargetGroup(
  request: Pick<ModifyTargetGroupRequest, 'attributes' | 'healthCheck'>,
  current: TargetGroupRecord,
): TargetGroupRecord {
  const check = new Checker('ValidationError');
  const before = current.healthCheck ?? defaultHealthCheck(current);
  return {
    ...current,
    healthCheck: request.healthCheck
      ? acceptHealthCheck(check, current, request.healthCheck, before)
      : current.healthCheck,
    attributes: acceptAttributes(groupPlace(current), request.attributes, current.attributes),
  };
}

/** Where the attributes of a target group are. */
export function groupPlace({ protocol }: Pick<TargetGroupRecord, 'protocol'>): AttributePlace {
  return { scope: 'target-group', family: familyOf(protocol) };
}

function acceptProtocol(
  protocol: NonNullable<CreateTargetGroupRequest['protocol']>,
): TargetGroupRecord['protocol'] {
  if (protocol === 'HTTP' || protocol === 'HTTPS' || protocol === 'TCP' || protocol === 'TLS') {
    return protocol;
  }
  throw new BerthError(
    'ValidationError',
    `The protocol '${protocol}' is not supported: Berth's proxies carry HTTP, HTTPS, TCP and TLS.`,
  );
}

function acceptTargetType(
  type: NonNullable<CreateTargetGroupRequest['targetType']>,
): TargetGroupRecord['targetType'] {
  if (type === 'instance' || type === 'ip') return type;
  throw new BerthError(
    'InvalidConfigurationRequest',
    `The target type '${type}' is not supported; expected instance or ip.`,
  );
}

function checkVpc(check: Checker, id: string | undefined): void {
  if (id) check.text('vpcId', id, /^vpc-[0-9a-f]{8,17}$/, 'vpc- and 8 or 17 hexadecimal digits');
}

function acceptHealthCheck(
  check: Checker,
  kind: Kind,
  asked: HealthCheckOptions | undefined,
  before: HealthCheckSettings,
): HealthCheckSettings {
  const protocol = asked?.protocol || before.protocol;
  // Between TCP, which has neither, and HTTP: what was not asked for begins anew.
  const changed = (protocol === 'TCP') !== (before.protocol === 'TCP');
  const start = changed ? { path: '/', matcher: '200-399' } : before;
  const plain = protocol === 'TCP';
  const settings: HealthCheckSettings = {
    protocol,
    port: asked?.port ?? before.port,
    path: asked?.path ?? (plain ? '' : start.path),
    intervalSeconds: asked?.intervalSeconds ?? before.intervalSeconds,
    timeoutSeconds: asked?.timeoutSeconds ?? before.timeoutSeconds,
    healthyThresholdCount: asked?.healthyThresholdCount ?? before.healthyThresholdCount,
    unhealthyThresholdCount: asked?.unhealthyThresholdCount ?? before.unhealthyThresholdCount,
    matcher: asked?.matcher ?? (plain ? '' : start.matcher),
  };
  checkHealthCheck(check, kind, settings);
  return settings;
}

function checkHealthCheck(check: Checker, kind: Kind, settings: HealthCheckSettings): void {
  const { protocol, port, intervalSeconds, timeoutSeconds } = settings;
  if (protocol === 'TCP' && familyOf(kind.protocol) === 'application') {
    check.expected('healthCheck.protocol', protocol, 'HTTP or HTTPS for HTTP and HTTPS groups');
  }
  if (port !== 'traffic-port' && !(/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)) {
    check.expected('healthCheck.port', port, 'traffic-port or a port from 1 to 65535');
  }
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
  if (protocol === 'TCP') checkPlainCheck(check, settings);
  else checkHttpCheck(check, kind, settings);
}

function checkPlainCheck(check: Checker, { path, matcher }: HealthCheckSettings): void {
  if (path !== '') check.expected('healthCheck.path', path, 'none for health checks over TCP');
  if (matcher !== '') {
    check.expected('healthCheck.matcher', matcher, 'none for health checks over TCP');
  }
}

function checkHttpCheck(check: Checker, kind: Kind, { path, matcher }: HealthCheckSettings): void {
  check.text(
    'healthCheck.path',
    path,
    /^\/[!-~]{0,1023}$/,
    'a path of at most 1024 visible ASCII characters that begins with /',
  );
  if (kind.protocolVersion === 'GRPC') {
    if (parseMatcher(matcher, 'grpc')) return;
    check.expected(
      'healthCheck.matcher',
      matcher,
      'gRPC codes from 0 to 99, such as 12, 0,12 or 0-99',
    );
  }
  const most = familyOf(kind.protocol) === 'network' ? 599 : 499;
  if (!parseMatcher(matcher)?.every(({ first, last }) => first >= 200 && last <= most)) {
    check.expected(
      'healthCheck.matcher',
      matcher,
      `HTTP codes from 200 to ${most}, such as 200, 200,202 or 200-299`,
    );
  }
}
