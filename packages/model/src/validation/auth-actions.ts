// The actions that come before the routing action: who may pass. Pure. Source: ALB reference, section 2.3.
import type {
  AuthenticateOidcAction,
  JwtAdditionalClaim,
  JwtValidationAction,
} from '../generated/messages.ts';
import type { Checker } from './check.ts';

const MOST_PARAMETERS = 10;
const MOST_CLAIMS = 10;
const MOST_CLAIM_VALUES = 10;
const TEXT = /^[!-~]{1,256}$/;
const TEXT_EXPECTED = '1 to 256 visible ASCII characters';
/** Over TLS, or on this machine. */
const ENDPOINT =
  /^(?:https:\/\/|http:\/\/(?:localhost|[a-z0-9.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?=[:/]))[!-~]{1,1024}$/i;
const ENDPOINT_EXPECTED = 'a URL that begins with https:// (or http:// and a loopback address)';

/** In normal form, the secret still in the open. */
export function acceptOidc(
  check: Checker,
  at: string,
  action: AuthenticateOidcAction,
): AuthenticateOidcAction {
  check.text(`${at}.issuer`, action.issuer, ENDPOINT, ENDPOINT_EXPECTED);
  for (const part of ['authorizationEndpoint', 'tokenEndpoint', 'userInfoEndpoint'] as const) {
    check.text(`${at}.${part}`, action[part], ENDPOINT, ENDPOINT_EXPECTED);
  }
  check.text(`${at}.clientId`, action.clientId, TEXT, TEXT_EXPECTED);
  checkSecret(check, at, action);
  const sessionCookieName = action.sessionCookieName || 'AWSELBAuthSessionCookie';
  check.text(
    `${at}.sessionCookieName`,
    sessionCookieName,
    /^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,128}$/,
    'the name of a cookie, at most 128 characters',
  );
  if (/^AWSALB(?!Auth)/i.test(sessionCookieName)) {
    check.expected(
      `${at}.sessionCookieName`,
      sessionCookieName,
      'a name that does not begin with AWSALB',
    );
  }
  const scope = action.scope || 'openid';
  check.text(`${at}.scope`, scope, /^[ -~]{1,256}$/, '1 to 256 printable ASCII characters');
  if (!scope.split(' ').includes('openid')) {
    check.expected(`${at}.scope`, scope, 'scopes with spaces between them, openid among them');
  }
  const sessionTimeout = action.sessionTimeout ?? 604_800;
  check.integer(`${at}.sessionTimeout`, sessionTimeout, { least: 1, most: 604_800 });
  const extra = Object.entries(action.authenticationRequestExtraParams);
  check.atMost(`${at}.authenticationRequestExtraParams`, extra.length, MOST_PARAMETERS, 'members');
  for (const [key, value] of extra) {
    const field = `${at}.authenticationRequestExtraParams`;
    check.text(field, key, TEXT, TEXT_EXPECTED);
    check.text(`${field}["${key}"]`, value, /^[ -~]{0,256}$/, 'at most 256 printable characters');
  }
  return {
    ...action,
    sessionCookieName,
    scope,
    sessionTimeout,
    onUnauthenticatedRequest: action.onUnauthenticatedRequest || 'authenticate',
    sealedClientSecret: undefined,
  };
}

function checkSecret(
  check: Checker,
  at: string,
  { clientSecret, useExistingClientSecret }: AuthenticateOidcAction,
): void {
  if (useExistingClientSecret === true) {
    if (clientSecret) {
      check.refuse(`${at} has clientSecret and useExistingClientSecret; expected one of them.`);
    }
    return;
  }
  check.text(
    `${at}.clientSecret`,
    clientSecret ?? '',
    /^[ -~]{1,1024}$/,
    '1 to 1024 printable ASCII characters',
  );
}

/** In normal form. */
export function acceptJwt(
  check: Checker,
  at: string,
  action: JwtValidationAction,
): JwtValidationAction {
  check.text(`${at}.jwksEndpoint`, action.jwksEndpoint, ENDPOINT, ENDPOINT_EXPECTED);
  check.text(`${at}.issuer`, action.issuer, TEXT, TEXT_EXPECTED);
  const claims = action.additionalClaims;
  check.atMost(`${at}.additionalClaims`, claims.length, MOST_CLAIMS, 'claims');
  for (const [index, claim] of claims.entries()) {
    checkClaim(check, `${at}.additionalClaims[${index}]`, claim);
  }
  return action;
}

function checkClaim(
  check: Checker,
  at: string,
  { name, format, values }: JwtAdditionalClaim,
): void {
  check.text(`${at}.name`, name, TEXT, TEXT_EXPECTED);
  if (['iss', 'exp', 'nbf', 'iat'].includes(name)) {
    check.expected(`${at}.name`, name, 'another claim than iss, exp, nbf and iat');
  }
  check.word(`${at}.format`, format, ['single-string', 'string-array', 'space-separated-values']);
  if (values.length === 0) check.refuse(`${at}.values is empty; expected at least one value.`);
  check.atMost(`${at}.values`, values.length, MOST_CLAIM_VALUES, 'values');
  for (const [index, value] of values.entries()) {
    check.text(`${at}.values[${index}]`, value, /^[ -~]{1,256}$/, '1 to 256 printable characters');
  }
}
