// Listeners and their rules. Whether ports, priorities, target groups and certificates are free or exist is the api's to
// look up. Pure. Source: ALB reference, sections 1.5, 2.1 and 2.3.
import { BerthError } from '../errors.ts';
import type {
  Action,
  CreateListenerRequest,
  CreateRuleRequest,
  ListenerCertificate,
  ListenerRecord,
  LoadBalancerRecord,
  ModifyListenerRequest,
  ModifyRuleRequest,
  MutualAuthentication,
  RuleRecord,
  RuleTransform,
} from '../generated/messages.ts';
import { type AttributePlace, familyOf } from '../routing/attributes.ts';
import { DEFAULT_TLS_POLICY, tlsPolicy } from '../routing/tls-policies.ts';
import { acceptAttributes } from './balancing-attributes.ts';
import { checkBalancingTags } from './balancing-tags.ts';
import { Checker } from './check.ts';
import { acceptActions } from './rule-actions.ts';
import { checkConditions } from './rule-conditions.ts';
import { checkTransforms } from './rule-transforms.ts';

const PORT = { least: 1, most: 65_535 };
const PRIORITY = { least: 1, most: 50_000 };

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

interface TlsSettings {
  readonly sslPolicy: string | undefined;
  readonly alpnPolicy: string | undefined;
  readonly certificates: readonly ListenerCertificate[];
  readonly mutualAuthentication: MutualAuthentication | undefined;
}

/** @throws BerthError SSLPolicyNotFound, ValidationError, InvalidConfigurationRequest */
function acceptTls(
  check: Checker,
  protocol: ListenerRecord['protocol'],
  asked: TlsSettings,
): TlsSettings {
  const { sslPolicy, alpnPolicy, certificates, mutualAuthentication } = asked;
  if (protocol === 'HTTP' || protocol === 'TCP') {
    const off = mutualAuthentication?.mode === 'off';
    const plain = off ? { ...asked, mutualAuthentication: undefined } : asked;
    for (const [field, value] of Object.entries(plain) as [string, unknown][]) {
      if (value !== undefined && !(Array.isArray(value) && value.length === 0)) {
        throw new BerthError(
          'InvalidConfigurationRequest',
          `${field} is given; expected none for listeners of ${protocol}, which have no TLS.`,
        );
      }
    }
    return plain;
  }
  if (certificates.length !== 1) {
    check.refuse(
      `A certificate must be specified for ${protocol} listeners: certificates has ${certificates.length}; expected exactly one.`,
    );
  }
  if (sslPolicy !== undefined && !tlsPolicy(sslPolicy)) {
    throw new BerthError('SSLPolicyNotFound', `SSL policy '${sslPolicy}' not found`);
  }
  if (protocol === 'HTTPS' && alpnPolicy !== undefined) {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `alpnPolicy is ${alpnPolicy}; expected none for HTTPS listeners, which offer what the load balancer's attribute routing.http2.enabled says.`,
    );
  }
  if (protocol === 'TLS' && mutualAuthentication && mutualAuthentication.mode !== 'off') {
    throw new BerthError(
      'InvalidConfigurationRequest',
      'mutualAuthentication is given; expected it for HTTPS listeners only.',
    );
  }
  if (mutualAuthentication) checkMutual(mutualAuthentication);
  return { ...asked, sslPolicy: sslPolicy ?? DEFAULT_TLS_POLICY };
}

function checkMutual(mutual: MutualAuthentication): void {
  const { mode, trustStore, ignoreClientCertificateExpiry, advertiseTrustStoreCaNames } = mutual;
  new Checker('ValidationError').word('mutualAuthentication.mode', mode, [
    'off',
    'passthrough',
    'verify',
  ]);
  const refuse = (message: string): never => {
    throw new BerthError('InvalidConfigurationRequest', `mutualAuthentication: ${message}`);
  };
  if (mode === 'verify') {
    if (!trustStore) refuse('a trust store must be specified when the mode is verify.');
    return;
  }
  if (trustStore) refuse(`trustStore is given; expected none with mode ${mode}.`);
  if (ignoreClientCertificateExpiry === true) {
    refuse(`ignoreClientCertificateExpiry is true; expected it only with mode verify.`);
  }
  if (advertiseTrustStoreCaNames === 'on') {
    refuse(`advertiseTrustStoreCaNames is on; expected it only with mode verify.`);
  }
}

/**
 * The listener as it would be. What is not given stays; what its protocol has no use for goes. Its actions are checked again if
 * either they or the protocol change: `actionsChanged` says that they came with the request.
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

export interface RuleOrder extends Pick<
  RuleRecord,
  'priority' | 'conditions' | 'actions' | 'tags' | 'transforms' | 'attributes'
> {
  readonly priority: number;
}

const RULE_PLACE: AttributePlace = { scope: 'rule', family: 'application' };

/** @throws BerthError ValidationError and others of CreateRule */
export function acceptCreateRule(
  request: CreateRuleRequest,
  { protocol }: Pick<ListenerRecord, 'protocol'>,
): RuleOrder {
  const check = new Checker('ValidationError');
  refuseNetwork(protocol);
  checkPriority(check, 'priority', request.priority);
  checkConditions(check, request.conditions);
  checkTransforms(check, request.transforms);
  checkBalancingTags(request.tags);
  return {
    priority: request.priority,
    conditions: request.conditions,
    transforms: request.transforms,
    actions: acceptActions(check, 'actions', request.actions, { protocol }),
    attributes: acceptAttributes(RULE_PLACE, request.attributes, {}),
    tags: request.tags,
  };
}

function refuseNetwork(protocol: ListenerRecord['protocol']): void {
  if (familyOf(protocol) === 'application') return;
  throw new BerthError(
    'UnsupportedProtocol',
    `Listeners of ${protocol} have no rules; expected a listener of HTTP or HTTPS.`,
  );
}

export function checkPriority(check: Checker, field: string, priority: number): void {
  check.integer(field, priority, PRIORITY);
}

/** What changes; what is undefined stays. */
export interface RuleChange {
  readonly priority: number | undefined;
  readonly conditions: RuleRecord['conditions'] | undefined;
  readonly actions: readonly Action[] | undefined;
  readonly transforms: readonly RuleTransform[] | undefined;
  /** Laid over those that there are. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** @throws BerthError ValidationError and others of ModifyRule */
export function acceptModifyRule(
  request: ModifyRuleRequest,
  { protocol }: Pick<ListenerRecord, 'protocol'>,
): RuleChange {
  const check = new Checker('ValidationError');
  check.integer('priority', request.priority, PRIORITY);
  const { conditions, actions, transforms, resetTransforms, attributes } = request;
  const lists = [conditions, actions, transforms, Object.keys(attributes)];
  const nothing = lists.every((list) => list.length === 0);
  if (nothing && request.priority === undefined && !resetTransforms) {
    check.refuse(
      'Nothing to modify: expected conditions, actions, transforms, resetTransforms, attributes or priority.',
    );
  }
  if (resetTransforms && transforms.length > 0) {
    check.refuse('transforms and resetTransforms are both given; expected one of them.');
  }
  if (conditions.length > 0) checkConditions(check, conditions);
  checkTransforms(check, transforms);
  const changesTransforms = resetTransforms || transforms.length > 0;
  return {
    priority: request.priority,
    conditions: conditions.length > 0 ? conditions : undefined,
    actions:
      actions.length > 0 ? acceptActions(check, 'actions', actions, { protocol }) : undefined,
    transforms: changesTransforms ? transforms : undefined,
    attributes,
  };
}

/** The attributes of a rule after a change. @throws BerthError ValidationError or InvalidConfigurationRequest */
export function acceptRuleAttributes(
  changes: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>>,
): Record<string, string> {
  return acceptAttributes(RULE_PLACE, changes, stored);
}
