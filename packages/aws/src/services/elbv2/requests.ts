// The pieces of ELBv2's inputs that have another shape in Berth's messages: actions, conditions, transforms, attributes, health checks.
// Pure. Source: ALB reference, sections 2.2 to 2.4 and 3.3.
import { BerthError } from '@berth/model/errors.ts';

import type { Plain } from '../../wire/json-input.ts';

type List = readonly Plain[];

const list = (value: unknown): List => (value ?? []) as List;
const plain = (value: unknown): Plain | undefined => value as Plain | undefined;

export function tagsOf(value: unknown): Plain[] | undefined {
  if (value === undefined) return undefined;
  return list(value).map(({ Key, Value }) => ({ key: Key, value: Value ?? '' }));
}

/** @throws BerthError when a key is given twice, or without a value */
export function attributesOf(value: unknown): Record<string, string> {
  const entries = list(value).map(({ Key, Value }): [string, string] => {
    if (Key === undefined || Value === undefined) {
      throw new BerthError('ValidationError', 'An attribute must have a key and a value');
    }
    return [Key as string, Value as string];
  });
  const twice = entries.find(([key], index) => entries.findIndex(([k]) => k === key) !== index);
  if (twice) {
    throw new BerthError('ValidationError', `Attribute key '${twice[0]}' is given more than once`);
  }
  return Object.fromEntries(entries);
}

export function certificatesOf(value: unknown): Plain[] {
  return list(value).map(({ CertificateArn }) => ({ certificateArn: CertificateArn }));
}

export function actionsOf(value: unknown): Plain[] {
  return list(value).map((action) => {
    const type = action['Type'] as string;
    return {
      type,
      order: action['Order'],
      forward: type === 'forward' ? forwardOf(action) : undefined,
      redirect: lowerMembers(plain(action['RedirectConfig'])),
      fixedResponse: lowerMembers(plain(action['FixedResponseConfig'])),
      authenticateOidc: lowerMembers(plain(action['AuthenticateOidcConfig'])),
      jwtValidation: jwtOf(plain(action['JwtValidationConfig'])),
    };
  });
}

/** The group may stand beside the configuration, inside of it, or in both places. */
function forwardOf(action: Plain): Plain | undefined {
  const arn = action['TargetGroupArn'];
  const config = plain(action['ForwardConfig']);
  const groups = list(config?.['TargetGroups']);
  if (arn !== undefined && groups.length > 0) {
    const [only] = groups;
    if (groups.length > 1 || only?.['TargetGroupArn'] !== arn) {
      throw new BerthError(
        'InvalidLoadBalancerAction',
        'You cannot specify both a target group ARN and a forward config with other target groups',
      );
    }
  }
  if (arn === undefined && config === undefined) return undefined;
  const given = groups.length > 0 ? groups : arn === undefined ? [] : [{ TargetGroupArn: arn }];
  return {
    targetGroups: given.map(lowerMembers),
    targetGroupStickinessConfig: lowerMembers(plain(config?.['TargetGroupStickinessConfig'])),
  };
}

function jwtOf(config: Plain | undefined): Plain | undefined {
  if (!config) return undefined;
  return {
    jwksEndpoint: config['JwksEndpoint'],
    issuer: config['Issuer'],
    additionalClaims: list(config['AdditionalClaims']).map(lowerMembers),
  };
}

/** Where the values of a condition stand, by its field. */
export const TYPED: Readonly<Record<string, string>> = {
  'host-header': 'HostHeaderConfig',
  'path-pattern': 'PathPatternConfig',
  'http-header': 'HttpHeaderConfig',
  'http-request-method': 'HttpRequestMethodConfig',
  'query-string': 'QueryStringConfig',
  'source-ip': 'SourceIpConfig',
};

export function conditionsOf(value: unknown): Plain[] {
  return list(value).map((condition) => {
    const field = fieldOf(condition);
    const config = plain(condition[TYPED[field] ?? '']) ?? {};
    const header = config['HttpHeaderName'];
    if (field === 'query-string') {
      const pairs = list(config['Values']);
      return { field, queryString: pairs.map(({ Key, Value }) => ({ key: Key, value: Value })) };
    }
    return {
      field,
      httpHeaderName: header,
      values: merged(field, condition['Values'], config['Values']),
      regexValues: merged(field, condition['RegexValues'], config['RegexValues']),
    };
  });
}

/** Clients may leave the field out where the configuration tells it. */
function fieldOf(condition: Plain): string {
  const field = condition['Field'];
  if (typeof field === 'string') return field;
  const known = Object.entries(TYPED).filter(([, name]) => condition[name] !== undefined);
  const [only] = known;
  if (only && known.length === 1) return only[0];
  throw new BerthError('ValidationError', 'A condition field must be specified');
}

/** Values stand beside the configuration, in it, or alike in both. */
function merged(field: string, beside: unknown, inside: unknown): unknown {
  const [a, b] = [list(beside), list(inside)];
  if (a.length > 0 && b.length > 0 && JSON.stringify(a) !== JSON.stringify(b)) {
    throw new BerthError(
      'ValidationError',
      `You cannot specify both 'Values' and '${TYPED[field] ?? field}' in a condition`,
    );
  }
  return b.length > 0 ? b : a;
}

export function transformsOf(value: unknown): Plain[] {
  return list(value).map((transform) => {
    const type = transform['Type'];
    const name = type === 'url-rewrite' ? 'UrlRewriteConfig' : 'HostHeaderRewriteConfig';
    const rewrites = list(plain(transform[name])?.['Rewrites']);
    return { type, rewrites: rewrites.map(lowerMembers) };
  });
}

export function mutualAuthenticationOf(value: unknown): Plain | undefined {
  const given = plain(value);
  return (
    given && {
      mode: given['Mode'],
      trustStore: given['TrustStoreArn'],
      ignoreClientCertificateExpiry: given['IgnoreClientCertificateExpiry'],
      advertiseTrustStoreCaNames: given['AdvertiseTrustStoreCaNames'],
    }
  );
}

/** @throws BerthError when the checks are to be switched off: groups of hosts and addresses can't do without */
export function healthCheckOf(input: Plain): Plain {
  if (input['HealthCheckEnabled'] === false) {
    throw new BerthError(
      'ValidationError',
      "Health check enabled must be true for target groups with target type 'instance' or 'ip'",
    );
  }
  const matcher = plain(input['Matcher']);
  return {
    protocol: input['HealthCheckProtocol'],
    port: input['HealthCheckPort'],
    path: input['HealthCheckPath'],
    intervalSeconds: input['HealthCheckIntervalSeconds'],
    timeoutSeconds: input['HealthCheckTimeoutSeconds'],
    healthyThresholdCount: input['HealthyThresholdCount'],
    unhealthyThresholdCount: input['UnhealthyThresholdCount'],
    matcher: matcher?.['HttpCode'] ?? matcher?.['GrpcCode'],
  };
}

export function targetsOf(value: unknown): Plain[] {
  return list(value)
    .map(lowerMembers)
    .filter((target) => target !== undefined);
}

/** `TargetGroupArn` becomes `targetGroupArn`. */
export function lowerMembers(value: Plain): Plain;
export function lowerMembers(value: Plain | undefined): Plain | undefined;
export function lowerMembers(value: Plain | undefined): Plain | undefined {
  return value && renamed(value, (name) => name.charAt(0).toLowerCase() + name.slice(1));
}

/** A structure whose members have other names. */
export function renamed(value: Plain, rename: (name: string) => string): Plain {
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [rename(name), part]));
}
