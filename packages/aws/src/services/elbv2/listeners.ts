// Listeners, their certificates and policies on the ELBv2 wire.
// Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import { complete } from '@berth/rpc/codec.ts';

import type { Plain } from '../../wire/json-input.ts';
import type { Operation } from '../../wire/service.ts';
import { shownListener } from './answers.ts';
import {
  actionsOf,
  attributesOf,
  certificatesOf,
  mutualAuthenticationOf,
  tagsOf,
} from './requests.ts';
import { attributes, listener, loadBalancer, nothing, oneSelector, page, type Via } from './via.ts';

export function listenerOperations(via: Via): Readonly<Record<string, Operation>> {
  return {
    CreateListener: via(
      'CreateListener',
      'CreateListenerRequest',
      (input) => ({
        ...loadBalancer(input),
        ...listenerSettings(input),
        sslPolicy: input['SslPolicy'] ?? defaultPolicy(input),
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
  };
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

/** Older than Berth's own default: what clients that leave it out have always got of ELBv2. */
function defaultPolicy({ Protocol }: Plain): string | undefined {
  return Protocol === 'HTTPS' || Protocol === 'TLS' ? 'ELBSecurityPolicy-2016-08' : undefined;
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

function shownCertificate(certificate: {
  readonly certificateArn?: string | undefined;
  readonly isDefault?: boolean | undefined;
}): Plain {
  return { CertificateArn: certificate.certificateArn, IsDefault: certificate.isDefault ?? false };
}
