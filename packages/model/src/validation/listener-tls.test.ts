import assert from 'node:assert/strict';

import type {
  Action,
  AuthenticateOidcAction,
  CreateListenerRequest,
  JwtValidationAction,
  ListenerRecord,
  ModifyListenerRequest,
  RuleTransform,
} from '../generated/messages.ts';
import { DEFAULT_TLS_POLICY } from '../routing/tls-policies.ts';
import { Checker } from './check.ts';
import { acceptCreateListener, acceptModifyListener } from './listener.ts';
import { assertRefused, describeRules, type Rule } from './refusals.test.ts';
import { checkTransforms } from './rule-transforms.ts';

const application = { name: 'main', type: 'application' } as const;
const network = { name: 'plain', type: 'network' } as const;
const forward: Action = {
  type: 'forward',
  forward: { targetGroups: [{ targetGroupArn: 'web' }] },
};
const CERTIFICATE = { certificateArn: 'arn:aws:acm:local:000000000000:certificate/a' };
const https = (fields: Partial<CreateListenerRequest> = {}): CreateListenerRequest => ({
  port: 443,
  protocol: 'HTTPS',
  defaultActions: [forward],
  certificates: [CERTIFICATE],
  attributes: {},
  tags: [],
  ...fields,
});
const http = (fields: Partial<CreateListenerRequest> = {}): CreateListenerRequest =>
  https({ protocol: 'HTTP', certificates: [], ...fields });
const modify = (fields: Partial<ModifyListenerRequest>): ModifyListenerRequest => ({
  listener: 'x',
  defaultActions: [],
  certificates: [],
  attributes: {},
  ...fields,
});
const record = (request: CreateListenerRequest): ListenerRecord => ({
  ...acceptCreateListener(request, application),
  id: 'l',
  createdAt: 0,
});

describe('a listener with TLS is refused', () => {
  const rules: Record<string, Rule<CreateListenerRequest>> = {
    'without a certificate': {
      accepts: https(),
      refuses: https({ certificates: [] }),
      message:
        'A certificate must be specified for HTTPS listeners: certificates has 0; expected exactly one.',
    },
    'with two certificates': {
      accepts: https(),
      refuses: https({ certificates: [CERTIFICATE, CERTIFICATE] }),
      message:
        'A certificate must be specified for HTTPS listeners: certificates has 2; expected exactly one.',
    },
    'with a policy that is none': {
      accepts: https({ sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' }),
      refuses: https({ sslPolicy: 'best' }),
      code: 'SSLPolicyNotFound',
      message: "SSL policy 'best' not found",
    },
    'with certificates but without TLS': {
      accepts: http({ mutualAuthentication: { mode: 'off' } }),
      refuses: http({ certificates: [CERTIFICATE] }),
      code: 'InvalidConfigurationRequest',
      message: 'certificates is given; expected none for listeners of HTTP, which have no TLS.',
    },
    'of another protocol than its load balancer': {
      accepts: http(),
      refuses: https({ protocol: 'TLS' }),
      code: 'UnsupportedProtocol',
      message:
        "The protocol 'TLS' is not supported by load balancer main of type application; expected HTTP or HTTPS.",
    },
    'that verifies by nothing': {
      accepts: https({ mutualAuthentication: { mode: 'verify', trustStore: 'ours' } }),
      refuses: https({ mutualAuthentication: { mode: 'verify' } }),
      code: 'InvalidConfigurationRequest',
      message: 'mutualAuthentication: a trust store must be specified when the mode is verify.',
    },
    'that trusts without verifying': {
      accepts: https({ mutualAuthentication: { mode: 'passthrough' } }),
      refuses: https({ mutualAuthentication: { mode: 'off', trustStore: 'ours' } }),
      code: 'InvalidConfigurationRequest',
      message: 'mutualAuthentication: trustStore is given; expected none with mode off.',
    },
    'with a policy of protocols': {
      accepts: https(),
      refuses: https({ alpnPolicy: 'HTTP2Only' }),
      code: 'InvalidConfigurationRequest',
      message:
        "alpnPolicy is HTTP2Only; expected none for HTTPS listeners, which offer what the load balancer's attribute routing.http2.enabled says.",
    },
  };
  describeRules('ValidationError', rules, (request) => acceptCreateListener(request, application));
});

describe('a listener in normal form', () => {
  it('has the default policy, and the protocol of its load balancer', () => {
    assert.equal(record(https()).sslPolicy, DEFAULT_TLS_POLICY);
    assert.equal(acceptCreateListener(http({ protocol: undefined }), network).protocol, 'TCP');
  });

  it('loses its TLS when it becomes plain, and needs some when it becomes TLS', () => {
    const before = record(https({ mutualAuthentication: { mode: 'passthrough' } }));
    const plain = acceptModifyListener(modify({ protocol: 'HTTP' }), before, application);
    assert.deepEqual(
      [plain.sslPolicy, plain.certificates, plain.mutualAuthentication],
      [undefined, [], undefined],
    );
    assertRefused(
      () => acceptModifyListener(modify({ protocol: 'HTTPS' }), plain, application),
      'ValidationError',
      'A certificate must be specified for HTTPS listeners: certificates has 0; expected exactly one.',
    );
    const again = modify({ protocol: 'HTTPS', certificates: [CERTIFICATE] });
    assert.equal(acceptModifyListener(again, plain, application).sslPolicy, DEFAULT_TLS_POLICY);
  });

  it('keeps its further certificates when the default one changes', () => {
    const more = { certificateArn: 'file:more' };
    const before = { ...record(https()), certificates: [CERTIFICATE, more] };
    const other = { certificateArn: 'file:other' };
    const change = modify({ certificates: [other] });
    assert.deepEqual(acceptModifyListener(change, before, application).certificates, [other, more]);
    const { certificates } = acceptModifyListener(modify({ port: 444 }), before, application);
    assert.deepEqual(certificates, [CERTIFICATE, more]);
  });

  it('of a network load balancer can only forward', () => {
    const fixed: Action = { type: 'fixed-response', fixedResponse: { statusCode: '200' } };
    assertRefused(
      () => acceptCreateListener(http({ protocol: 'TCP', defaultActions: [fixed] }), network),
      'InvalidLoadBalancerAction',
      'defaultActions has type fixed-response; listeners of TCP can only forward.',
    );
  });

  it('does not lead from HTTPS to HTTP', () => {
    const redirect: Action = {
      type: 'redirect',
      redirect: { statusCode: 'HTTP_301', protocol: 'HTTP', port: '80' },
    };
    assertRefused(
      () => acceptCreateListener(https({ defaultActions: [redirect] }), application),
      'InvalidLoadBalancerAction',
      'defaultActions redirects from HTTPS to HTTP, which is refused.',
    );
  });
});

const OIDC: AuthenticateOidcAction = {
  issuer: 'https://issuer.example',
  authorizationEndpoint: 'https://issuer.example/authorize',
  tokenEndpoint: 'https://issuer.example/token',
  userInfoEndpoint: 'http://127.0.0.1:9000/user',
  clientId: 'me',
  clientSecret: 'secret',
  authenticationRequestExtraParams: {},
};
const JWT: JwtValidationAction = {
  jwksEndpoint: 'https://issuer.example/jwks',
  issuer: 'https://issuer.example',
  additionalClaims: [],
};
const guarded = (first: Partial<Action>): CreateListenerRequest =>
  https({
    defaultActions: [
      { ...forward, order: 2 },
      { type: 'jwt-validation', order: 1, ...first },
    ],
  });
const oidc = (fields: Partial<AuthenticateOidcAction>): CreateListenerRequest =>
  guarded({ type: 'authenticate-oidc', authenticateOidc: { ...OIDC, ...fields } });
const jwt = (fields: Partial<JwtValidationAction>): CreateListenerRequest =>
  guarded({ jwtValidation: { ...JWT, ...fields } });

describe('an action that asks who it is, is refused', () => {
  const at = 'defaultActions[1]';
  const rules: Record<string, Rule<CreateListenerRequest>> = {
    'without a secret': {
      accepts: oidc({ clientSecret: undefined, useExistingClientSecret: true }),
      refuses: oidc({ clientSecret: undefined }),
      message: `${at}.authenticateOidc.clientSecret is ""; expected 1 to 1024 printable ASCII characters.`,
    },
    'with an endpoint in the open': {
      accepts: oidc({ tokenEndpoint: 'http://localhost:9000/token' }),
      refuses: oidc({ tokenEndpoint: 'http://issuer.example/token' }),
      message: `${at}.authenticateOidc.tokenEndpoint is "http://issuer.example/token"; expected a URL that begins with https:// (or http:// and a loopback address).`,
    },
    'without the scope openid': {
      accepts: oidc({ scope: 'openid email' }),
      refuses: oidc({ scope: 'email' }),
      message: `${at}.authenticateOidc.scope is "email"; expected scopes with spaces between them, openid among them.`,
    },
    'with a session that never ends': {
      accepts: oidc({ sessionTimeout: 604_800 }),
      refuses: oidc({ sessionTimeout: 604_801 }),
      message: `${at}.authenticateOidc.sessionTimeout is 604801; expected a whole number from 1 to 604800.`,
    },
    "with a balancer's own cookie": {
      accepts: oidc({ sessionCookieName: 'mine' }),
      refuses: oidc({ sessionCookieName: 'AWSALBTG' }),
      message: `${at}.authenticateOidc.sessionCookieName is "AWSALBTG"; expected a name that does not begin with AWSALB.`,
    },
    'with a claim that is checked anyway': {
      accepts: jwt({ additionalClaims: [{ name: 'aud', format: 'single-string', values: ['a'] }] }),
      refuses: jwt({ additionalClaims: [{ name: 'exp', format: 'single-string', values: ['1'] }] }),
      message: `${at}.jwtValidation.additionalClaims[0].name is "exp"; expected another claim than iss, exp, nbf and iat.`,
    },
    'after the action that ends it': {
      accepts: jwt({}),
      refuses: guarded({ order: 3, jwtValidation: JWT }),
      code: 'InvalidLoadBalancerAction',
      message:
        'defaultActions must end, by order, with one action of the types forward, redirect, fixed-response.',
    },
    'without TLS': {
      accepts: jwt({}),
      refuses: { ...jwt({}), protocol: 'HTTP', certificates: [] },
      code: 'InvalidLoadBalancerAction',
      message:
        'defaultActions has type jwt-validation, which is supported only on HTTPS listeners; this one is HTTP.',
    },
  };
  describeRules('ValidationError', rules, (request) => acceptCreateListener(request, application));

  it('and in normal form comes first, with everything said', () => {
    const [first, last] = record(oidc({})).defaultActions;
    assert.deepEqual([first?.type, last?.type], ['authenticate-oidc', 'forward']);
    assert.deepEqual(
      [
        first?.authenticateOidc?.sessionCookieName,
        first?.authenticateOidc?.scope,
        first?.authenticateOidc?.sessionTimeout,
        first?.authenticateOidc?.onUnauthenticatedRequest,
      ],
      ['AWSELBAuthSessionCookie', 'openid', 604_800, 'authenticate'],
    );
  });
});

describe('a transform is refused', () => {
  const rewrite = (regex: string, replace = '/b'): RuleTransform => ({
    type: 'url-rewrite',
    rewrites: [{ regex, replace }],
  });
  const rules: Record<string, Rule<RuleTransform[]>> = {
    'twice of a type': {
      accepts: [rewrite('^/a')],
      refuses: [rewrite('^/a'), rewrite('^/c')],
      message: 'transforms has "url-rewrite" more than once; expected each at most once.',
    },
    'without a rewrite': {
      accepts: [{ type: 'host-header-rewrite', rewrites: [{ regex: 'a', replace: 'b' }] }],
      refuses: [{ type: 'host-header-rewrite', rewrites: [] }],
      message: 'transforms[0].rewrites has 0 rewrites; expected exactly one.',
    },
    'with a long expression': {
      accepts: [rewrite('a', 'b'.repeat(1024))],
      refuses: [rewrite('a'.repeat(1025))],
      message: 'transforms[0].rewrites[0].regex has 1025 characters; expected 1 to 1024.',
    },
    'with an expression that is none': {
      accepts: [rewrite('^/(.*)$', '/v2/$1')],
      refuses: [rewrite('(')],
      message: `transforms[0] can't be used: the expression of url-rewrite at character 1: "(" is not closed.`,
    },
  };
  describeRules('ValidationError', rules, (transforms) => {
    checkTransforms(new Checker('ValidationError'), transforms);
  });
});
