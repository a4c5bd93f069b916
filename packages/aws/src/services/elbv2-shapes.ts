// The pieces of ELBv2 that have another shape in Berth's messages: actions, conditions, transforms, attributes, health checks. Both
// ways. Pure. Source: ALB reference, sections 1.3 (what clients read), 2.2 to 2.4 and 3.3.
import type {
  Action,
  ElasticLoadBalancer,
  Listener,
  MutualAuthentication,
  QueryStringPair,
  Rule,
  RuleCondition,
  RuleTransform,
  TargetDescription,
  TargetGroup,
} from '@berth/model/generated/messages.ts';
import { BerthError } from '@berth/model/errors.ts';
import { complete } from '@berth/rpc/codec.ts';
import type { Input } from '@berth/rpc/api.ts';

import type { Plain } from '../wire/json-input.ts';

type List = readonly Plain[];

const list = (value: unknown): List => (value ?? []) as List;
const plain = (value: unknown): Plain | undefined => value as Plain | undefined;

// --- what is asked ---

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

const TYPED: Readonly<Record<string, string>> = {
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

// --- what is answered ---

/** Absent members are left out by the writers; an empty text is one of them. */
function upperMembers(value: object): Plain {
  const present = Object.entries(value).filter(([, part]) => part !== '' && part !== undefined);
  return renamed(
    Object.fromEntries(present),
    (name) => name.charAt(0).toUpperCase() + name.slice(1),
  );
}

function renamed(value: Plain, rename: (name: string) => string): Plain {
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [rename(name), part]));
}

export function shownTags(tags: readonly Input<{ key: string; value: string }>[] = []): Plain[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value ?? '' }));
}

export function shownAttributes(attributes: Readonly<Record<string, unknown>> = {}): Plain[] {
  return Object.entries(attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }));
}

export function shownLoadBalancer(partial: Input<ElasticLoadBalancer>): Plain {
  const { state, createdAt, dnsName, availabilityZones, ...others } = complete(
    'ElasticLoadBalancer',
    partial,
  );
  return {
    ...upperMembers(others),
    DNSName: dnsName,
    CreatedTime: createdAt,
    State: { Code: state },
    AvailabilityZones: availabilityZones.map(shownZone),
  };
}

export function shownZone(zone: object): Plain {
  return { ...upperMembers(zone), LoadBalancerAddresses: [] };
}

export function shownTargetGroup(partial: Input<TargetGroup>): Plain {
  const { healthCheck, ...group } = complete('TargetGroup', partial);
  const grpc = group.protocolVersion === 'GRPC';
  return {
    ...upperMembers(group),
    HealthCheckEnabled: true,
    HealthCheckProtocol: healthCheck?.protocol,
    HealthCheckPort: healthCheck?.port,
    HealthCheckPath: healthCheck?.path || undefined,
    HealthCheckIntervalSeconds: healthCheck?.intervalSeconds,
    HealthCheckTimeoutSeconds: healthCheck?.timeoutSeconds,
    HealthyThresholdCount: healthCheck?.healthyThresholdCount,
    UnhealthyThresholdCount: healthCheck?.unhealthyThresholdCount,
    Matcher: healthCheck?.matcher
      ? { [grpc ? 'GrpcCode' : 'HttpCode']: healthCheck.matcher }
      : undefined,
  };
}

export function shownListener(partial: Input<Listener>): Plain {
  const listener = complete('Listener', partial);
  const { defaultActions, certificates, alpnPolicy, mutualAuthentication, ...others } = listener;
  const secure = certificates.length > 0;
  return {
    ...upperMembers(others),
    DefaultActions: defaultActions.map(shownAction),
    Certificates: secure ? certificates.map(upperMembers) : undefined,
    AlpnPolicy: alpnPolicy === undefined ? undefined : [alpnPolicy],
    MutualAuthentication: mutualAuthentication && shownMutual(mutualAuthentication),
  };
}

function shownMutual({ trustStore, ...others }: MutualAuthentication): Plain {
  return {
    ...upperMembers(others),
    TrustStoreArn: trustStore,
    TrustStoreAssociationStatus: trustStore === undefined ? undefined : 'active',
  };
}

export function shownRule(partial: Input<Rule>): Plain {
  const { conditions, actions, transforms, ruleArn, priority, isDefault } = complete(
    'Rule',
    partial,
  );
  return {
    RuleArn: ruleArn,
    Priority: priority,
    Conditions: conditions.map(shownCondition),
    Actions: actions.map(shownAction),
    IsDefault: isDefault,
    Transforms: transforms.map(shownTransform),
  };
}

/** A forward to one group is shown in both of its forms, whichever it was given in. */
function shownAction(action: Action): Plain {
  const { type, order, forward, redirect, fixedResponse, authenticateOidc, jwtValidation } = action;
  const [only, ...others] = forward?.targetGroups ?? [];
  const stickiness = forward?.targetGroupStickinessConfig ?? { enabled: false };
  return {
    Type: type,
    Order: order,
    TargetGroupArn: others.length === 0 ? only?.targetGroupArn : undefined,
    ForwardConfig: forward && {
      TargetGroups: forward.targetGroups.map(({ targetGroupArn, weight = 1 }) => ({
        TargetGroupArn: targetGroupArn,
        Weight: weight,
      })),
      TargetGroupStickinessConfig: upperMembers(stickiness),
    },
    RedirectConfig: redirect && upperMembers(redirect),
    FixedResponseConfig: fixedResponse && upperMembers(fixedResponse),
    AuthenticateOidcConfig: authenticateOidc && shownOidc(authenticateOidc),
    JwtValidationConfig: jwtValidation && {
      JwksEndpoint: jwtValidation.jwksEndpoint,
      Issuer: jwtValidation.issuer,
      AdditionalClaims: jwtValidation.additionalClaims.map(upperMembers),
    },
  };
}

/** The secret is never shown. */
function shownOidc(oidc: NonNullable<Action['authenticateOidc']>): Plain {
  return upperMembers({
    ...oidc,
    clientSecret: undefined,
    sealedClientSecret: undefined,
    useExistingClientSecret: undefined,
  });
}

/** The typed configuration is always there, and the values once more beside it: clients read one or the other. */
function shownCondition(condition: RuleCondition): Plain {
  const { field, values, regexValues, httpHeaderName, queryString } = condition;
  const name = TYPED[field] ?? '';
  if (field === 'query-string') {
    return { Field: field, Values: [], [name]: { Values: queryString.map(upperPair) } };
  }
  const regex = regexValues.length > 0 ? { RegexValues: regexValues } : {};
  return {
    Field: field,
    Values: values,
    ...regex,
    [name]: { HttpHeaderName: httpHeaderName, Values: values, ...regex },
  };
}

function upperPair({ key, value }: QueryStringPair): Plain {
  return { Key: key, Value: value };
}

function shownTransform({ type, rewrites }: RuleTransform): Plain {
  const name = type === 'url-rewrite' ? 'UrlRewriteConfig' : 'HostHeaderRewriteConfig';
  return {
    Type: type,
    [name]: {
      Rewrites: rewrites.map(({ regex, replace }) => ({ Regex: regex, Replace: replace })),
    },
  };
}

export function shownTarget(partial: Input<TargetDescription>): Plain {
  const target = complete('TargetDescription', partial);
  const { targetId, port, availabilityZone, state, reason, description, healthCheckPort } = target;
  return {
    Target: { Id: targetId, Port: port, AvailabilityZone: availabilityZone },
    HealthCheckPort: healthCheckPort,
    TargetHealth: { State: state, Reason: reason, Description: description },
    AnomalyDetection: target.anomaly && {
      Result: target.anomaly,
      MitigationInEffect: target.mitigationInEffect === true ? 'yes' : 'no',
    },
  };
}
