// The actions of listeners and rules. Pure. Source: ALB reference, section 2.3.
import { BerthError } from '../errors.ts';
import type {
  Action,
  FixedResponseAction,
  ForwardAction,
  RedirectAction,
} from '../generated/messages.ts';
import type { Checker } from './check.ts';

const MOST_TARGET_GROUPS = 5;
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

/**
 * The actions in normal form: weights and the parts of redirects filled in, target groups still as the caller
 * named them.
 * @throws BerthError by the checker, TooManyActions or InvalidLoadBalancerAction unless there is exactly one good action
 */
export function acceptActions(check: Checker, field: string, actions: readonly Action[]): Action[] {
  if (actions.length !== 1) {
    const code = actions.length === 0 ? 'ValidationError' : 'TooManyActions';
    throw new BerthError(
      code,

      `${field} has ${actions.length} actions; expected exactly one: forward, redirect or fixed-response.`,
    );
  }
  return actions.map((action, index) => acceptAction(check, `${field}[${index}]`, action));
}

function acceptAction(check: Checker, at: string, action: Action): Action {
  const { type, forward, redirect, fixedResponse } = action;
  check.word(`${at}.type`, type, ['forward', 'redirect', 'fixed-response']);
  const given = { forward, redirect, 'fixed-response': fixedResponse };
  for (const [kind, config] of Object.entries(given)) {
    const member = kind === 'fixed-response' ? 'fixedResponse' : kind;
    if (kind === type && !config)
      check.refuse(`${at}.${member} is missing; expected it with type ${type}.`);
    if (kind !== type && config)
      check.refuse(`${at}.${member} is given; expected none with type ${type}.`);
  }
  if (forward) return { type, forward: acceptForward(check, `${at}.forward`, forward) };
  if (redirect) return { type, redirect: acceptRedirect(check, `${at}.redirect`, redirect) };
  if (fixedResponse) checkFixedResponse(check, `${at}.fixedResponse`, fixedResponse);
  return { type, fixedResponse };
}

function acceptForward(check: Checker, at: string, { targetGroups }: ForwardAction): ForwardAction {
  if (targetGroups.length === 0) {
    check.refuse(`${at}.targetGroups is empty; expected 1 to ${MOST_TARGET_GROUPS} target groups.`);
  }
  check.atMost(`${at}.targetGroups`, targetGroups.length, MOST_TARGET_GROUPS, 'target groups');
  for (const [index, { targetGroupArn, weight }] of targetGroups.entries()) {
    const field = `${at}.targetGroups[${index}]`;
    if (targetGroupArn === '') {
      check.expected(`${field}.targetGroupArn`, undefined, 'the name or ARN of a target group');
    }
    check.integer(`${field}.weight`, weight, { least: 0, most: 999 });
  }
  return { targetGroups: targetGroups.map((group) => ({ ...group, weight: group.weight ?? 1 })) };
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
    throw new BerthError(
      'InvalidLoadBalancerAction',

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
