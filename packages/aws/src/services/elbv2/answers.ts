// What ELBv2's clients are shown of Berth's messages, in the shapes that they read. Pure.
// Source: ALB reference, sections 1.3, 2.2 to 2.4 and 3.3.
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
import type { Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import type { Plain } from '../../wire/json-input.ts';
import { renamed, TYPED } from './requests.ts';

/** Absent members are left out by the writers; an empty text is one of them. */
function upperMembers(value: object): Plain {
  const present = Object.entries(value).filter(([, part]) => part !== '' && part !== undefined);
  return renamed(
    Object.fromEntries(present),
    (name) => name.charAt(0).toUpperCase() + name.slice(1),
  );
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
