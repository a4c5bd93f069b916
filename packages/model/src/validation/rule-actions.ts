// The actions of listeners and rules. Pure. Source: ALB reference, section 2.3.
import { BerthError } from '../errors.ts';
import type {
  Action,
  FixedResponseAction,
  ForwardAction,
  ListenerRecord,
  RedirectAction,
} from '../generated/messages.ts';
import { MOST_GROUPS_AN_ACTION } from '../resources/quotas.ts';
import { familyOf } from '../routing/attributes.ts';
import { acceptJwt, acceptOidc } from './auth-actions.ts';
import type { Checker } from './check.ts';

const MOST_BODY_CHARACTERS = 1024;
const CONTENT_TYPES = [
  'text/plain',
  'text/css',
  'text/html',
  'application/javascript',
  'application/json',
];

type RedirectPart = 'protocol' | 'host' | 'port' | 'path' | 'query';

const REDIRECT_DEFAULTS: Readonly<Record<RedirectPart, string>> = {
  protocol: '#{protocol}',
  host: '#{host}',
  port: '#{port}',
  path: '/#{path}',
  query: '#{query}',
};

/** Which placeholders may stand in which part. */
const PLACEHOLDERS: Readonly<Record<RedirectPart, readonly string[]>> = {
  protocol: ['protocol'],
  host: ['host'],
  port: ['port'],
  path: ['host', 'port', 'path'],
  query: ['protocol', 'host', 'port', 'path', 'query'],
};

const ROUTING = ['forward', 'redirect', 'fixed-response'];
const AUTHENTICATION = ['authenticate-oidc', 'jwt-validation'];
const MOST_ORDER = 50_000;

/** Which listener the actions are of: it decides what they can be. */
export interface ActionPlace {
  readonly protocol: ListenerRecord['protocol'];
}

/**
 * The actions in normal form and in order: weights, orders and the parts of redirects filled in, target groups still as the
 * caller named them, secrets still in the open.
 * @throws BerthError by the checker; TooManyActions or InvalidLoadBalancerAction unless there is exactly one routing action, after
 * at most one that asks who it is
 */
export function acceptActions(
  check: Checker,
  field: string,
  actions: readonly Action[],
  place: ActionPlace,
): Action[] {
  if (actions.length === 0) {
    check.refuse(`${field} has 0 actions; expected one of forward, redirect and fixed-response.`);
  }
  const accepted = actions.map((action, index) =>
    acceptAction(check, `${field}[${index}]`, action),
  );
  const ordered = inOrder(field, accepted);
  checkSequence(field, ordered);
  for (const action of ordered) checkPlace(field, action, place);
  return ordered;
}

function invalidAction(message: string): BerthError {
  return new BerthError('InvalidLoadBalancerAction', message);
}

function inOrder(field: string, actions: readonly Action[]): Action[] {
  const [only] = actions;
  if (only && actions.length === 1) return [{ ...only, order: only.order ?? 1 }];
  const orders = actions.map(({ order }) => order);
  if (orders.includes(undefined) || new Set(orders).size !== orders.length) {
    throw invalidAction(
      `${field} has ${actions.length} actions, and not each has an order of its own; expected different orders from 1 to ${MOST_ORDER}.`,
    );
  }
  return [...actions].sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
}

function checkSequence(field: string, actions: readonly Action[]): void {
  for (const kinds of [ROUTING, AUTHENTICATION]) {
    const count = actions.filter(({ type }) => kinds.includes(type)).length;
    if (count > 1) {
      throw new BerthError(
        'TooManyActions',
        `${field} has ${count} actions of the types ${kinds.join(', ')}; expected at most one.`,
      );
    }
  }
  const last = actions.at(-1);
  if (!last || !ROUTING.includes(last.type)) {
    throw invalidAction(
      `${field} must end, by order, with one action of the types ${ROUTING.join(', ')}.`,
    );
  }
}

function checkPlace(field: string, { type, redirect }: Action, { protocol }: ActionPlace): void {
  if (familyOf(protocol) === 'network' && type !== 'forward') {
    throw invalidAction(`${field} has type ${type}; listeners of ${protocol} can only forward.`);
  }
  if (AUTHENTICATION.includes(type) && protocol !== 'HTTPS') {
    throw invalidAction(
      `${field} has type ${type}, which is supported only on HTTPS listeners; this one is ${protocol}.`,
    );
  }
  if (redirect?.protocol === 'HTTP' && protocol === 'HTTPS') {
    throw invalidAction(`${field} redirects from HTTPS to HTTP, which is refused.`);
  }
}

function acceptAction(check: Checker, at: string, action: Action): Action {
  const { type, order } = action;
  check.word(`${at}.type`, type, [...ROUTING, ...AUTHENTICATION]);
  check.integer(`${at}.order`, order, { least: 1, most: MOST_ORDER });
  const members = {
    forward: 'forward',
    redirect: 'redirect',
    'fixed-response': 'fixedResponse',
    'authenticate-oidc': 'authenticateOidc',
    'jwt-validation': 'jwtValidation',
  } as const;
  for (const [kind, member] of Object.entries(members)) {
    if (kind === type && !action[member])
      check.refuse(`${at}.${member} is missing; expected it with type ${type}.`);
    if (kind !== type && action[member])
      check.refuse(`${at}.${member} is given; expected none with type ${type}.`);
  }
  return { type, order, ...acceptConfig(check, at, action) };
}

function acceptConfig(check: Checker, at: string, action: Action): Partial<Action> {
  const { forward, redirect, fixedResponse, authenticateOidc, jwtValidation } = action;
  if (forward) return { forward: acceptForward(check, `${at}.forward`, forward) };
  if (redirect) return { redirect: acceptRedirect(check, `${at}.redirect`, redirect) };
  if (authenticateOidc) {
    return { authenticateOidc: acceptOidc(check, `${at}.authenticateOidc`, authenticateOidc) };
  }
  if (jwtValidation) {
    return { jwtValidation: acceptJwt(check, `${at}.jwtValidation`, jwtValidation) };
  }
  if (fixedResponse) checkFixedResponse(check, `${at}.fixedResponse`, fixedResponse);
  return { fixedResponse };
}

function acceptForward(check: Checker, at: string, forward: ForwardAction): ForwardAction {
  const { targetGroups, targetGroupStickinessConfig: sticky } = forward;
  if (targetGroups.length === 0) {
    check.refuse(
      `${at}.targetGroups is empty; expected 1 to ${MOST_GROUPS_AN_ACTION} target groups.`,
    );
  }
  check.atMost(`${at}.targetGroups`, targetGroups.length, MOST_GROUPS_AN_ACTION, 'target groups');
  for (const [index, { targetGroupArn, weight }] of targetGroups.entries()) {
    const field = `${at}.targetGroups[${index}]`;
    if (targetGroupArn === '') {
      check.expected(`${field}.targetGroupArn`, undefined, 'the name or ARN of a target group');
    }
    check.integer(`${field}.weight`, weight, { least: 0, most: 999 });
  }
  const duration = `${at}.targetGroupStickinessConfig.durationSeconds`;
  check.integer(duration, sticky?.durationSeconds, { least: 1, most: 604_800 });
  if (sticky?.enabled === true && sticky.durationSeconds === undefined) {
    check.expected(duration, undefined, 'a whole number from 1 to 604800');
  }
  return {
    targetGroups: targetGroups.map((group) => ({ ...group, weight: group.weight ?? 1 })),
    targetGroupStickinessConfig: sticky ?? { enabled: false },
  };
}

function acceptRedirect(check: Checker, at: string, redirect: RedirectAction): RedirectAction {
  check.word(`${at}.statusCode`, redirect.statusCode, ['HTTP_301', 'HTTP_302']);
  const complete = {
    protocol: redirect.protocol ?? REDIRECT_DEFAULTS.protocol,
    host: redirect.host ?? REDIRECT_DEFAULTS.host,
    port: redirect.port ?? REDIRECT_DEFAULTS.port,
    path: redirect.path ?? REDIRECT_DEFAULTS.path,
    query: redirect.query ?? REDIRECT_DEFAULTS.query,
    statusCode: redirect.statusCode,
  };
  checkRedirectForms(check, at, complete);
  for (const part of ['protocol', 'host', 'port', 'path', 'query'] as const) {
    checkPlaceholders(check, `${at}.${part}`, complete[part], PLACEHOLDERS[part]);
  }
  const moves = (['protocol', 'host', 'port', 'path'] as const).some(
    (part) => complete[part] !== REDIRECT_DEFAULTS[part],
  );
  if (!moves) {
    throw invalidAction(
      `The redirect configuration is not valid because it creates a loop: ${at} must change at least one of protocol, host, port and path.`,
    );
  }
  return complete;
}

function checkRedirectForms(
  check: Checker,
  at: string,
  { protocol, host, port, path, query }: Record<RedirectPart, string>,
): void {
  check.word(`${at}.protocol`, protocol, ['HTTP', 'HTTPS', '#{protocol}']);
  if (port !== '#{port}' && !(/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)) {
    check.expected(`${at}.port`, port, '#{port} or a port from 1 to 65535');
  }
  check.text(
    `${at}.host`,
    host,
    /^[A-Za-z0-9\-._#{}]{1,128}$/,
    '1 to 128 letters, digits and - . _ or #{host}',
  );
  check.text(
    `${at}.path`,
    path,
    /^\/[!-~]{0,127}$/,
    'a path of at most 128 visible ASCII characters that begins with /',
  );
  check.text(
    `${at}.query`,
    query,
    /^(?!\?)[!-~]{0,128}$/,
    'at most 128 visible ASCII characters without the leading ?',
  );
}

function checkPlaceholders(
  check: Checker,
  field: string,
  text: string,
  allowed: readonly string[],
): void {
  for (const [whole, name] of text.matchAll(/#\{([^}]*)\}?/g)) {
    if (!whole.endsWith('}') || !allowed.includes(name ?? '')) {
      const expected = allowed.map((word) => `#{${word}}`).join(', ');
      check.refuse(`${field} has the placeholder "${whole}"; expected only ${expected} here.`);
    }
  }
}

function checkFixedResponse(check: Checker, at: string, response: FixedResponseAction): void {
  check.text(
    `${at}.statusCode`,
    response.statusCode,
    /^[245]\d\d$/,
    'three digits, 2XX, 4XX or 5XX',
  );
  if (response.contentType !== undefined) {
    check.word(`${at}.contentType`, response.contentType, CONTENT_TYPES);
  }
  const length = response.messageBody?.length ?? 0;
  if (length > MOST_BODY_CHARACTERS) {
    check.refuse(
      `${at}.messageBody has ${length} characters; expected at most ${MOST_BODY_CHARACTERS}.`,
    );
  }
}
