// Listeners. Whether ports, target groups and certificates are free or exist is the api's to look up. Pure.
// Source: ALB reference, sections 1.5 and 2.3.
import { BerthError } from '../errors.ts';
import type {
  Action,
  CreateListenerRequest,
  ListenerRecord,
  LoadBalancerRecord,
  ModifyListenerRequest,
} from '../generated/messages.ts';
import { type AttributePlace, familyOf } from '../routing/attributes.ts';
import { acceptAttributes } from './balancing-attributes.ts';
import { checkBalancingTags } from './balancing-tags.ts';
import { Checker } from './check.ts';
import { acceptTls, type TlsSettings } from './listener-tls.ts';
import { acceptActions } from './rule-actions.ts';

const PORT = { least: 1, most: 65_535 };

type Balancer = Pick<LoadBalancerRecord, 'name' | 'type'>;

/** In normal form, without what its creation adds. */
export type ListenerOrder = Omit<ListenerRecord, 'id' | 'createdAt'>;

/** @throws BerthError ValidationError and others of CreateListener */
export function acceptCreateListener(
  request: CreateListenerRequest,
  balancer: Balancer,
): ListenerOrder {
  const check = new Checker('ValidationError');
  if (request.port === 0)
    check.refuse('A listener port must be specified: port is missing or 0; expected 1 to 65535.');
  check.integer('port', request.port, PORT);
  const plain = balancer.type === 'network' ? 'TCP' : 'HTTP';
  const protocol = acceptProtocol(request.protocol || plain, balancer);
  checkBalancingTags(request.tags);
  return {
    port: request.port,
    protocol,
    loadBalancer: balancer.name,
    ...acceptTls(check, protocol, {
      sslPolicy: request.sslPolicy || undefined,
      alpnPolicy: request.alpnPolicy || undefined,
      certificates: request.certificates,
      mutualAuthentication: request.mutualAuthentication,
    }),
    defaultActions: acceptActions(check, 'defaultActions', request.defaultActions, { protocol }),
    attributes: acceptAttributes(listenerPlace({ protocol }), request.attributes, {}),
    tags: request.tags,
  };
}

/** Where the attributes of a listener are. */
export function listenerPlace({ protocol }: Pick<ListenerRecord, 'protocol'>): AttributePlace {
  return { scope: 'listener', family: familyOf(protocol) };
}

/** @throws BerthError UnsupportedProtocol */
function acceptProtocol(
  protocol: NonNullable<CreateListenerRequest['protocol']>,
  { name, type }: Balancer,
): ListenerRecord['protocol'] {
  if (type === 'network' && (protocol === 'TCP' || protocol === 'TLS')) return protocol;
  if (type === 'application' && (protocol === 'HTTP' || protocol === 'HTTPS')) return protocol;
  const expected = type === 'network' ? 'TCP or TLS' : 'HTTP or HTTPS';
  throw new BerthError(
    'UnsupportedProtocol',
    `The protocol '${protocol}' is not supported by load balancer ${name} of type ${type}; expected ${expected}.`,
  );
}

/**
 * The listener as it would be. What is not given stays; what its protocol has no use for goes. Its actions are checked again if
 * either they or the protocol change; those of the request still have their secrets in the open.
 * @throws BerthError ValidationError and others of ModifyListener
 */
export function acceptModifyListener(
  request: ModifyListenerRequest,
  current: ListenerRecord,
  balancer: Balancer,
): ListenerRecord {
  const check = new Checker('ValidationError');
  check.integer('port', request.port, PORT);
  checkChanges(check, request);
  const protocol = acceptProtocol(request.protocol || current.protocol, balancer);
  const attributes = acceptAttributes(
    listenerPlace({ protocol }),
    request.attributes,
    current.attributes,
  );
  const actions = request.defaultActions.length > 0 ? request.defaultActions : undefined;
  if (actions === undefined && protocol !== current.protocol) {
    acceptActions(check, 'defaultActions', withSecrets(current.defaultActions), { protocol });
  }
  return {
    ...current,
    port: request.port ?? current.port,
    protocol,
    attributes,
    defaultActions: actions
      ? acceptActions(check, 'defaultActions', actions, { protocol })
      : current.defaultActions,
    ...modifiedTls(check, protocol, request, current),
  };
}

/** Stored actions have their secrets sealed. */
export function withSecrets(actions: readonly Action[]): Action[] {
  return actions.map((action) =>
    action.authenticateOidc
      ? {
          ...action,
          authenticateOidc: { ...action.authenticateOidc, useExistingClientSecret: true },
        }
      : action,
  );
}

function checkChanges(check: Checker, request: ModifyListenerRequest): void {
  const { port, protocol, sslPolicy, alpnPolicy, mutualAuthentication } = request;
  const single = [port, protocol, sslPolicy, alpnPolicy, mutualAuthentication];
  const lists = [
    request.defaultActions,
    request.certificates,
    Object.keys(request.attributes),
  ].some((list) => list.length > 0);
  if (!lists && single.every((value) => value === undefined || value === '')) {
    check.refuse(
      'Nothing to modify: expected port, protocol, certificates, sslPolicy, alpnPolicy, mutualAuthentication, attributes or defaultActions.',
    );
  }
}

function modifiedTls(
  check: Checker,
  protocol: ListenerRecord['protocol'],
  request: ModifyListenerRequest,
  current: ListenerRecord,
): TlsSettings {
  const kept = protocol === 'HTTP' || protocol === 'TCP' ? undefined : current;
  const [first, ...others] = kept?.certificates ?? [];
  const asked = request.certificates.length > 0 ? request.certificates : undefined;
  const accepted = acceptTls(check, protocol, {
    sslPolicy: request.sslPolicy || kept?.sslPolicy,
    alpnPolicy: request.alpnPolicy || kept?.alpnPolicy,
    certificates: asked ?? (first ? [first] : []),
    mutualAuthentication: request.mutualAuthentication ?? kept?.mutualAuthentication,
  });
  return { ...accepted, certificates: [...accepted.certificates, ...others] };
}
