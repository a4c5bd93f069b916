// Elastic Load Balancing v2 over Berth's own operations. Source: ALB reference, section 1.
import { BerthError } from '@berth/model/errors.ts';
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import type { CallContext, Handlers } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import { checked } from '../mapping/messages.ts';
import { elbv2 } from '../models/services.ts';
import { elbv2Support } from '../support/elbv2.ts';
import { refusalOf, refuseUnsupported } from '../support/support.ts';
import { validationFault, violationsOf } from '../wire/constraints.ts';
import { Fault, type FaultCodes } from '../wire/fault.ts';
import type { Plain } from '../wire/json-input.ts';
import type { Operation, WireService } from '../wire/service.ts';
import {
  actionsOf,
  attributesOf,
  certificatesOf,
  conditionsOf,
  healthCheckOf,
  mutualAuthenticationOf,
  shownAttributes,
  shownListener,
  shownLoadBalancer,
  shownRule,
  shownTags,
  shownTarget,
  shownTargetGroup,
  shownZone,
  tagsOf,
  targetsOf,
  transformsOf,
} from './elbv2-shapes.ts';

const CODES: FaultCodes = {
  invalid: 'ValidationError',
  denied: { code: 'AccessDenied', status: 403 },
  internal: 'InternalFailure',
};

export function elbv2Service(handlers: Handlers<'LoadBalancing'>): WireService {
  return {
    model: elbv2,
    signingName: 'elasticloadbalancing',
    dialect: 'query',
    codes: CODES,
    operations: operationsOn(handlers),
    notServed: (operation) => {
      const why = refusalOf(elbv2Support, operation)?.message ?? '';
      const version = elbv2.version;
      return new Fault(
        'InvalidAction',
        `The action ${operation.slice(0, 100)} is not valid for this endpoint in version ${version}. ${why}`.trim(),
      );
    },
    check: (_operation, structure, input) => {
      const violations = violationsOf(elbv2, structure, input);
      if (violations.length > 0) throw validationFault(elbv2, 'ValidationError', violations);
      refuseUnsupported(elbv2, elbv2Support, structure, input, 'ValidationError');
    },
  };
}

type Rpc = Handlers<'LoadBalancing'>;
type RequestOf<M extends keyof Rpc> = Parameters<Rpc[M]>[0];
type AnswerOf<M extends keyof Rpc> = Awaited<ReturnType<Rpc[M]>>;

function operationsOn(handlers: Rpc): Readonly<Record<string, Operation>> {
  /** @param request of that message, partial @param answer as the operation's output */
  const via = <M extends keyof Rpc, N extends MessageName>(
    method: M,
    message: MessageTypes[N] extends RequestOf<M> ? N : never,
    request: (input: Plain) => Plain,
    answer: (from: AnswerOf<M>) => object,
  ): Operation => {
    const handler = handlers[method] as unknown as (
      request: unknown,
      call: CallContext,
    ) => Promise<AnswerOf<M>>;
    return async (input, call) =>
      answer(await handler(checked(message, request(input), 'ValidationError'), call));
  };
  const nothing = (): object => ({});
  const attributes = ({
    attributes: all,
  }: {
    readonly attributes?: object | undefined;
  }): object => ({
    Attributes: shownAttributes({ ...all }),
  });
  const page = ({ Marker, PageSize }: Plain): Plain => ({ marker: Marker, pageSize: PageSize });
  const loadBalancer = ({ LoadBalancerArn }: Plain): Plain => ({ loadBalancer: LoadBalancerArn });
  const targetGroup = ({ TargetGroupArn }: Plain): Plain => ({ targetGroup: TargetGroupArn });
  const listener = ({ ListenerArn }: Plain): Plain => ({ listener: ListenerArn });
  const rule = ({ RuleArn }: Plain): Plain => ({ rule: RuleArn });
  const trustStore = ({ TrustStoreArn }: Plain): Plain => ({ trustStore: TrustStoreArn });

  return {
    CreateLoadBalancer: via(
      'CreateLoadBalancer',
      'CreateLoadBalancerRequest',
      (input) => ({
        name: input['Name'],
        subnets: subnetsOf(input),
        securityGroups: input['SecurityGroups'],
        scheme: input['Scheme'],
        type: input['Type'],
        ipAddressType: input['IpAddressType'],
        tags: tagsOf(input['Tags']),
      }),
      ({ loadBalancer: made }) => ({ LoadBalancers: made ? [shownLoadBalancer(made)] : [] }),
    ),
    DescribeLoadBalancers: via(
      'DescribeLoadBalancers',
      'DescribeLoadBalancersRequest',
      (input) => ({
        ...page(input),
        loadBalancers: oneSelector(input, ['LoadBalancerArns', 'Names']),
      }),
      ({ loadBalancers = [], nextMarker }) => ({
        LoadBalancers: loadBalancers.map(shownLoadBalancer),
        NextMarker: nextMarker,
      }),
    ),
    DeleteLoadBalancer: via(
      'DeleteLoadBalancer',
      'DeleteLoadBalancerRequest',
      loadBalancer,
      nothing,
    ),
    DescribeLoadBalancerAttributes: via(
      'DescribeLoadBalancerAttributes',
      'DescribeLoadBalancerAttributesRequest',
      loadBalancer,
      attributes,
    ),
    ModifyLoadBalancerAttributes: via(
      'ModifyLoadBalancerAttributes',
      'ModifyLoadBalancerAttributesRequest',
      (input) => ({ ...loadBalancer(input), attributes: attributesOf(input['Attributes']) }),
      attributes,
    ),
    SetSecurityGroups: via(
      'SetSecurityGroups',
      'SetSecurityGroupsRequest',
      (input) => ({ ...loadBalancer(input), securityGroups: input['SecurityGroups'] }),
      ({ securityGroupIds = [] }) => ({ SecurityGroupIds: securityGroupIds }),
    ),
    SetSubnets: via(
      'SetSubnets',
      'SetSubnetsRequest',
      (input) => ({
        ...loadBalancer(input),
        subnets: subnetsOf(input),
        ipAddressType: input['IpAddressType'],
      }),
      ({ availabilityZones = [], ipAddressType }) => ({
        AvailabilityZones: availabilityZones.map(shownZone),
        IpAddressType: ipAddressType,
      }),
    ),
    SetIpAddressType: via(
      'SetIpAddressType',
      'SetIpAddressTypeRequest',
      (input) => ({ ...loadBalancer(input), ipAddressType: input['IpAddressType'] }),
      ({ ipAddressType }) => ({ IpAddressType: ipAddressType }),
    ),
    DescribeCapacityReservation: via(
      'DescribeCapacityReservation',
      'DescribeCapacityReservationRequest',
      loadBalancer,
      ({ decreaseRequestsRemaining = 0 }) => ({
        DecreaseRequestsRemaining: decreaseRequestsRemaining,
        CapacityReservationState: [],
      }),
    ),
    DescribeAccountLimits: via(
      'DescribeAccountLimits',
      'DescribeAccountLimitsRequest',
      page,
      ({ limits = [], nextMarker }) => ({
        Limits: limits.map(({ name, max }) => ({ Name: name, Max: max })),
        NextMarker: nextMarker,
      }),
    ),

    CreateTargetGroup: via(
      'CreateTargetGroup',
      'CreateTargetGroupRequest',
      (input) => ({
        name: input['Name'],
        ...requiredOfGroup(input),
        protocolVersion: input['ProtocolVersion'],
        vpcId: input['VpcId'],
        targetType: input['TargetType'],
        ipAddressType: input['IpAddressType'],
        healthCheck: healthCheckOf(input),
        tags: tagsOf(input['Tags']),
      }),
      ({ targetGroup: made }) => ({ TargetGroups: made ? [shownTargetGroup(made)] : [] }),
    ),
    ModifyTargetGroup: via(
      'ModifyTargetGroup',
      'ModifyTargetGroupRequest',
      (input) => ({ ...targetGroup(input), healthCheck: healthCheckOf(input) }),
      ({ targetGroup: changed }) => ({ TargetGroups: changed ? [shownTargetGroup(changed)] : [] }),
    ),
    DescribeTargetGroups: via(
      'DescribeTargetGroups',
      'DescribeTargetGroupsRequest',
      (input) => ({
        ...page(input),
        targetGroups: oneSelector(input, ['TargetGroupArns', 'Names'], 'LoadBalancerArn'),
        loadBalancer: input['LoadBalancerArn'],
      }),
      ({ targetGroups = [], nextMarker }) => ({
        TargetGroups: targetGroups.map(shownTargetGroup),
        NextMarker: nextMarker,
      }),
    ),
    DeleteTargetGroup: via('DeleteTargetGroup', 'DeleteTargetGroupRequest', targetGroup, nothing),
    DescribeTargetGroupAttributes: via(
      'DescribeTargetGroupAttributes',
      'DescribeTargetGroupAttributesRequest',
      targetGroup,
      attributes,
    ),
    ModifyTargetGroupAttributes: via(
      'ModifyTargetGroupAttributes',
      'ModifyTargetGroupAttributesRequest',
      (input) => ({ ...targetGroup(input), attributes: attributesOf(input['Attributes']) }),
      attributes,
    ),
    RegisterTargets: via(
      'RegisterTargets',
      'RegisterTargetsRequest',
      (input) => ({ ...targetGroup(input), targets: targetsOf(input['Targets']) }),
      nothing,
    ),
    DeregisterTargets: via(
      'DeregisterTargets',
      'DeregisterTargetsRequest',
      (input) => ({ ...targetGroup(input), targets: targetsOf(input['Targets']) }),
      nothing,
    ),
    DescribeTargetHealth: via(
      'DescribeTargetHealth',
      'DescribeTargetHealthRequest',
      (input) => ({
        ...targetGroup(input),
        targets: targetsOf(input['Targets']),
        includeAnomalyDetection: ((input['Include'] ?? []) as string[]).length > 0,
      }),
      ({ targets = [] }) => ({ TargetHealthDescriptions: targets.map(shownTarget) }),
    ),

    CreateListener: via(
      'CreateListener',
      'CreateListenerRequest',
      (input) => ({
        ...loadBalancer(input),
        ...listenerSettings(input),
        port: requiredPort(input),
        tags: tagsOf(input['Tags']),
      }),
      ({ listener: made }) => ({ Listeners: made ? [shownListener(made)] : [] }),
    ),
    ModifyListener: via(
      'ModifyListener',
      'ModifyListenerRequest',
      (input) => ({ ...listener(input), ...listenerSettings(input), port: input['Port'] }),
      ({ listener: changed }) => ({ Listeners: changed ? [shownListener(changed)] : [] }),
    ),
    DescribeListeners: via(
      'DescribeListeners',
      'DescribeListenersRequest',
      (input) => ({
        ...page(input),
        listeners: oneSelector(input, ['ListenerArns'], 'LoadBalancerArn'),
        ...loadBalancer(input),
      }),
      ({ listeners = [], nextMarker }) => ({
        Listeners: listeners.map(shownListener),
        NextMarker: nextMarker,
      }),
    ),
    DeleteListener: via('DeleteListener', 'DeleteListenerRequest', listener, nothing),
    DescribeListenerAttributes: via(
      'DescribeListenerAttributes',
      'DescribeListenerAttributesRequest',
      listener,
      attributes,
    ),
    ModifyListenerAttributes: via(
      'ModifyListenerAttributes',
      'ModifyListenerAttributesRequest',
      (input) => ({ ...listener(input), attributes: attributesOf(input['Attributes']) }),
      attributes,
    ),
    AddListenerCertificates: via(
      'AddListenerCertificates',
      'AddListenerCertificatesRequest',
      (input) => ({ ...listener(input), certificates: certificatesOf(input['Certificates']) }),
      ({ certificates = [] }) => ({ Certificates: certificates.map(shownCertificate) }),
    ),
    RemoveListenerCertificates: via(
      'RemoveListenerCertificates',
      'RemoveListenerCertificatesRequest',
      (input) => ({ ...listener(input), certificates: certificatesOf(input['Certificates']) }),
      nothing,
    ),
    DescribeListenerCertificates: via(
      'DescribeListenerCertificates',
      'DescribeListenerCertificatesRequest',
      (input) => ({ ...page(input), ...listener(input) }),
      ({ certificates = [], nextMarker }) => ({
        Certificates: certificates.map(shownCertificate),
        NextMarker: nextMarker,
      }),
    ),
    DescribeSSLPolicies: via(
      'DescribeSslPolicies',
      'DescribeSslPoliciesRequest',
      (input) => ({
        ...page(input),
        names: input['Names'],
        loadBalancerType: input['LoadBalancerType'],
      }),
      ({ sslPolicies = [], nextMarker }) => ({
        SslPolicies: sslPolicies.map((partial) => {
          const policy = complete('SslPolicy', partial);
          return {
            Name: policy.name,
            SslProtocols: policy.sslProtocols,
            Ciphers: policy.ciphers.map((Name, index) => ({ Name, Priority: index + 1 })),
            SupportedLoadBalancerTypes: policy.supportedLoadBalancerTypes,
          };
        }),
        NextMarker: nextMarker,
      }),
    ),

    CreateRule: via(
      'CreateRule',
      'CreateRuleRequest',
      (input) => ({
        ...listener(input),
        priority: input['Priority'],
        conditions: conditionsOf(input['Conditions']),
        actions: actionsOf(input['Actions']),
        transforms: transformsOf(input['Transforms']),
        tags: tagsOf(input['Tags']),
      }),
      ({ rule: made }) => ({ Rules: made ? [shownRule(made)] : [] }),
    ),
    ModifyRule: via(
      'ModifyRule',
      'ModifyRuleRequest',
      (input) => ({
        ...rule(input),
        conditions: conditionsOf(input['Conditions']),
        actions: actionsOf(input['Actions']),
        transforms: transformsOf(input['Transforms']),
        resetTransforms: input['ResetTransforms'],
      }),
      ({ rule: changed }) => ({ Rules: changed ? [shownRule(changed)] : [] }),
    ),
    DescribeRules: via(
      'DescribeRules',
      'DescribeRulesRequest',
      (input) => {
        const rules = oneSelector(input, ['RuleArns'], 'ListenerArn');
        if (rules.length === 0 && input['ListenerArn'] === undefined) {
          throw new BerthError(
            'ValidationError',
            'You must specify either listener ARN or rule ARNs',
          );
        }
        return { ...page(input), ...listener(input), rules };
      },
      ({ rules = [], nextMarker }) => ({ Rules: rules.map(shownRule), NextMarker: nextMarker }),
    ),
    DeleteRule: via('DeleteRule', 'DeleteRuleRequest', rule, nothing),
    SetRulePriorities: via(
      'SetRulePriorities',
      'SetRulePrioritiesRequest',
      (input) => ({
        rulePriorities: (input['RulePriorities'] as Plain[]).map(({ RuleArn, Priority }) => ({
          rule: RuleArn,
          priority: Priority,
        })),
      }),
      ({ rules = [] }) => ({ Rules: rules.map(shownRule) }),
    ),

    AddTags: via(
      'AddTags',
      'AddTagsRequest',
      (input) => ({ resourceArns: input['ResourceArns'], tags: tagsOf(input['Tags']) }),
      nothing,
    ),
    RemoveTags: via(
      'RemoveTags',
      'RemoveTagsRequest',
      (input) => ({ resourceArns: input['ResourceArns'], tagKeys: input['TagKeys'] }),
      nothing,
    ),
    DescribeTags: via(
      'DescribeTags',
      'DescribeTagsRequest',
      (input) => ({ resourceArns: input['ResourceArns'] }),
      ({ tagDescriptions = [] }) => ({
        TagDescriptions: tagDescriptions.map(({ resourceArn, tags }) => ({
          ResourceArn: resourceArn,
          Tags: shownTags(tags),
        })),
      }),
    ),

    DescribeTrustStores: via(
      'DescribeTrustStores',
      'DescribeTrustStoresRequest',
      (input) => ({
        ...page(input),
        trustStores: oneSelector(input, ['TrustStoreArns', 'Names']),
      }),
      ({ trustStores = [], nextMarker }) => ({
        TrustStores: trustStores.map((store) => ({
          Name: store.name,
          TrustStoreArn: store.trustStoreArn,
          Status: store.status,
          NumberOfCaCertificates: store.numberOfCaCertificates ?? 0,
          TotalRevokedEntries: store.totalRevokedEntries ?? 0,
        })),
        NextMarker: nextMarker,
      }),
    ),
    DeleteTrustStore: via('DeleteTrustStore', 'DeleteTrustStoreRequest', trustStore, nothing),
    DescribeTrustStoreAssociations: via(
      'DescribeTrustStoreAssociations',
      'DescribeTrustStoreAssociationsRequest',
      (input) => ({ ...page(input), ...trustStore(input) }),
      ({ resourceArns = [], nextMarker }) => ({
        TrustStoreAssociations: resourceArns.map((ResourceArn) => ({ ResourceArn })),
        NextMarker: nextMarker,
      }),
    ),
    DescribeTrustStoreRevocations: via(
      'DescribeTrustStoreRevocations',
      'DescribeTrustStoreRevocationsRequest',
      (input) => ({
        ...page(input),
        ...trustStore(input),
        revocationIds: input['RevocationIds'],
      }),
      ({ revocations = [], nextMarker }) => ({
        TrustStoreRevocations: revocations.map((revocation) => ({
          TrustStoreArn: revocation.trustStoreArn,
          RevocationId: revocation.revocationId,
          RevocationType: revocation.revocationType,
          NumberOfRevokedEntries: revocation.numberOfRevokedEntries ?? 0,
        })),
        NextMarker: nextMarker,
      }),
    ),
    RemoveTrustStoreRevocations: via(
      'RemoveTrustStoreRevocations',
      'RemoveTrustStoreRevocationsRequest',
      (input) => ({ ...trustStore(input), revocationIds: input['RevocationIds'] }),
      nothing,
    ),
  };
}

/** Zones are named by their subnets, in one of two forms. */
function subnetsOf(input: Plain): unknown {
  const mappings = (input['SubnetMappings'] ?? []) as Plain[];
  const subnets = (input['Subnets'] ?? []) as string[];
  if (mappings.length > 0 && subnets.length > 0) {
    throw new BerthError('ValidationError', 'You can specify either subnets or subnet mappings');
  }
  return mappings.length > 0 ? mappings.map(({ SubnetId }) => SubnetId) : subnets;
}

/** What is meant, by the one of these lists that is given. @throws BerthError when several are, or one besides `other` */
function oneSelector(input: Plain, lists: readonly string[], other?: string): readonly string[] {
  const given = lists.filter((name) => ((input[name] ?? []) as string[]).length > 0);
  const all = other !== undefined && input[other] !== undefined ? [...given, other] : given;
  if (all.length > 1) {
    throw new BerthError('ValidationError', `You can specify only one of ${all.join(' and ')}`);
  }
  return (input[given[0] ?? ''] ?? []) as string[];
}

function listenerSettings(input: Plain): Plain {
  const alpn = (input['AlpnPolicy'] ?? []) as string[];
  if (alpn.length > 1) {
    throw new BerthError('ValidationError', 'You can specify only one ALPN policy');
  }
  return {
    protocol: input['Protocol'],
    sslPolicy: input['SslPolicy'],
    certificates: certificatesOf(input['Certificates']),
    alpnPolicy: alpn[0],
    defaultActions: actionsOf(input['DefaultActions']),
    mutualAuthentication: mutualAuthenticationOf(input['MutualAuthentication']),
  };
}

/** @throws BerthError: of the listeners of application load balancers ELBv2 wants both */
function requiredPort(input: Plain): unknown {
  if (input['Port'] === undefined) {
    throw new BerthError('ValidationError', 'A listener port must be specified');
  }
  if (input['Protocol'] === undefined) {
    throw new BerthError('ValidationError', 'A listener protocol must be specified');
  }
  return input['Port'];
}

/** @throws BerthError: of the groups of hosts and addresses ELBv2 wants both */
function requiredOfGroup({ Port, Protocol, TargetType }: Plain): Plain {
  if (TargetType !== 'lambda') {
    if (Protocol === undefined) {
      throw new BerthError('ValidationError', 'A protocol must be specified');
    }
    if (Port === undefined) throw new BerthError('ValidationError', 'A port must be specified');
  }
  return { port: Port, protocol: Protocol };
}

function shownCertificate(certificate: {
  readonly certificateArn?: string | undefined;
  readonly isDefault?: boolean | undefined;
}): Plain {
  return { CertificateArn: certificate.certificateArn, IsDefault: certificate.isDefault ?? false };
}
