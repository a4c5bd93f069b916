// Listeners through the SDK's client: ports, protocols, actions, certificates, attributes. Source: ALB reference, sections 1.4, 1.5,
// 2.3 and 8.
import {
  type Action,
  AddListenerCertificatesCommand,
  AddTagsCommand,
  CreateListenerCommand,
  type CreateListenerCommandInput,
  DeleteListenerCommand,
  DescribeListenerAttributesCommand,
  DescribeListenerCertificatesCommand,
  DescribeListenersCommand,
  DescribeRulesCommand,
  DescribeSSLPoliciesCommand,
  DescribeTagsCommand,
  ModifyListenerAttributesCommand,
  ModifyListenerCommand,
  type ModifyListenerCommandInput,
  RemoveListenerCertificatesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import { type Case, conformance, type Ground } from './cases.ts';
import { balancer, byName, group, kept, listener, NO, OK, rule, tags } from './elbv2-kit.ts';
import { ABSENT, ANY } from './match.ts';

/** Named by a file of the proxies: nothing has to be imported first. */
const file = (name: string) => ({ CertificateArn: `file:${name}` });

const create = (on: Ground, input: Partial<CreateListenerCommandInput>) =>
  on.elbv2.send(
    new CreateListenerCommand({
      LoadBalancerArn: kept(on, 'lb'),
      Protocol: 'HTTP',
      Port: 9999,
      DefaultActions: [OK],
      ...input,
    }),
  );

const modify = (on: Ground, port: number, input: Partial<ModifyListenerCommandInput>) =>
  on.elbv2.send(new ModifyListenerCommand({ ListenerArn: kept(on, String(port)), ...input }));

const refused = (
  what: string,
  input: Partial<CreateListenerCommandInput>,
  fails: string,
  message: string | RegExp,
): Case => ({
  name: `CreateListener refuses ${what}`,
  call: (on) => create(on, input),
  fails,
  message,
});

const actions = (
  what: string,
  DefaultActions: (on: Ground) => Action[],
  fails: string,
  message: string | RegExp,
): Case => ({
  name: `CreateListener refuses ${what}`,
  call: (on) => create(on, { DefaultActions: DefaultActions(on) }),
  fails,
  message,
});

const redirect = (RedirectConfig: Partial<NonNullable<Action['RedirectConfig']>>): Action[] => [
  { Type: 'redirect', RedirectConfig: { StatusCode: 'HTTP_301', ...RedirectConfig } },
];

const fixed = (
  FixedResponseConfig: Partial<NonNullable<Action['FixedResponseConfig']>>,
): Action[] => [
  { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '200', ...FixedResponseConfig } },
];

const weighted = (on: Ground, ...weights: number[]): Action[] => [
  {
    Type: 'forward',
    ForwardConfig: {
      TargetGroups: weights.map((Weight, index) => ({
        TargetGroupArn: kept(on, `g${index}`),
        Weight,
      })),
    },
  },
];

const oidc: Action = {
  Type: 'authenticate-oidc',
  Order: 1,
  AuthenticateOidcConfig: {
    Issuer: 'https://id.example.com',
    AuthorizationEndpoint: 'https://id.example.com/authorize',
    TokenEndpoint: 'https://id.example.com/token',
    UserInfoEndpoint: 'https://id.example.com/userinfo',
    ClientId: 'berth',
    ClientSecret: 'hush',
  },
};

conformance('ELBv2 over the SDK: listeners', [
  {
    name: 'what the cases need',
    call: async (on) => {
      on.kept['lb'] = await balancer(on, 'web');
      for (const index of [0, 1, 2, 3, 4, 5]) await group(on, `g${index}`);
      return Object.keys(on.kept).length;
    },
    gives: 8,
  },
  refused('no port', { Port: undefined }, 'ValidationError', 'A listener port must be specified'),
  refused(
    'no protocol',
    { Protocol: undefined },
    'ValidationError',
    'A listener protocol must be specified',
  ),
  refused('port 0', { Port: 0 }, 'ValidationError', /greater than or equal to 1/),
  refused('port 65536', { Port: 65_536 }, 'ValidationError', /less than or equal to 65535/),
  refused('protocol TCP', { Protocol: 'TCP' }, 'UnsupportedProtocolException', /TCP/),
  refused('protocol UDP', { Protocol: 'UDP' }, 'UnsupportedProtocolException', /UDP/),
  refused(
    'a load balancer that there is not',
    { LoadBalancerArn: NO.balancer },
    'LoadBalancerNotFoundException',
    /none/,
  ),
  refused('no action', { DefaultActions: [] }, 'ValidationError', /action/),
  refused('51 tags', { Tags: tags(51) }, 'TooManyTagsException', /50/),
  actions(
    'an action without what it says',
    () => [{ Type: 'redirect' }],
    'ValidationError',
    /redirect/,
  ),
  actions(
    'two routing actions',
    () => [
      { ...OK, Order: 1 },
      { ...OK, Order: 2 },
    ],
    'TooManyActionsException',
    /one/,
  ),
  actions(
    'two actions of one order',
    () => [
      { ...OK, Order: 1 },
      { ...OK, Order: 1 },
    ],
    'InvalidLoadBalancerActionException',
    /order/,
  ),
  actions(
    'authentication over HTTP',
    () => [oidc, { ...OK, Order: 2 }],
    'InvalidLoadBalancerActionException',
    /HTTPS/,
  ),
  actions('a redirect to itself', () => redirect({}), 'InvalidLoadBalancerActionException', /loop/),
  actions('a redirect to port 0', () => redirect({ Port: '0' }), 'ValidationError', /port/),
  actions(
    'a redirect with a path of 129 characters',
    () => redirect({ Path: `/${'a'.repeat(128)}` }),
    'ValidationError',
    /length less than or equal to 128/,
  ),
  actions(
    'a redirect with a placeholder that there is not',
    () => redirect({ Path: '/#{user}' }),
    'ValidationError',
    /#\{user\}/,
  ),
  actions(
    'a redirect with status 307',
    () => redirect({ Host: 'b.example.com', StatusCode: 'HTTP_307' as 'HTTP_301' }),
    'ValidationError',
    /\[HTTP_301, HTTP_302\]/,
  ),
  actions(
    'a fixed answer of 301',
    () => fixed({ StatusCode: '301' }),
    'ValidationError',
    /statusCode/,
  ),
  actions(
    'a fixed answer of another type',
    () => fixed({ ContentType: 'image/png' }),
    'ValidationError',
    /contentType/,
  ),
  actions(
    'a fixed answer of 1025 characters',
    () => fixed({ MessageBody: 'x'.repeat(1025) }),
    'ValidationError',
    /1024/,
  ),
  actions('six groups', (on) => weighted(on, 1, 1, 1, 1, 1, 1), 'ValidationError', /5/),
  actions('a weight of 1000', (on) => weighted(on, 1, 1000), 'ValidationError', /999/),
  actions('a weight below 0', (on) => weighted(on, -1, 1), 'ValidationError', /0/),
  actions(
    'stickiness of 604801 seconds',
    (on) => [
      {
        Type: 'forward',
        ForwardConfig: {
          TargetGroups: [{ TargetGroupArn: kept(on, 'g0') }],
          TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 604_801 },
        },
      },
    ],
    'ValidationError',
    /604800/,
  ),
  actions(
    'a group beside the configuration that is not in it',
    (on) => [{ ...weighted(on, 1)[0], Type: 'forward', TargetGroupArn: kept(on, 'g1') }],
    'InvalidLoadBalancerActionException',
    /target group/,
  ),
  actions(
    'a group that there is not',
    () => [{ Type: 'forward', TargetGroupArn: NO.group }],
    'TargetGroupNotFoundException',
    /none/,
  ),
  actions(
    'a pool of users of AWS’s',
    () => [
      {
        Type: 'authenticate-cognito',
        AuthenticateCognitoConfig: {
          UserPoolArn: 'arn:aws:cognito-idp:us-east-1:000000000000:userpool/a',
          UserPoolClientId: 'a',
          UserPoolDomain: 'a',
        },
      },
    ],
    'ValidationError',
    /AuthenticateCognitoConfig is not supported by Berth/,
  ),
  {
    name: 'none of these was made',
    call: (on) => on.elbv2.send(new DescribeListenersCommand({ LoadBalancerArn: kept(on, 'lb') })),
    gives: { Listeners: [] },
  },
  {
    name: 'CreateListener with five weighted groups and stickiness at its edge',
    call: (on) => {
      const [action] = weighted(on, 0, 1, 2, 3, 999);
      return create(on, {
        Port: 8001,
        DefaultActions: [
          {
            Type: 'forward',
            ForwardConfig: {
              ...action?.ForwardConfig,
              TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 604_800 },
            },
          },
        ],
      });
    },
    gives: {
      Listeners: [
        {
          DefaultActions: [
            {
              TargetGroupArn: ABSENT,
              ForwardConfig: {
                TargetGroups: [
                  { Weight: 0 },
                  { Weight: 1 },
                  { Weight: 2 },
                  { Weight: 3 },
                  { Weight: 999 },
                ],
                TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 604_800 },
              },
            },
          ],
        },
      ],
    },
  },
  {
    name: 'a redirect is shown with its defaults',
    call: (on) =>
      create(on, { Port: 8002, DefaultActions: redirect({ Protocol: 'HTTPS', Port: '443' }) }),
    gives: {
      Listeners: [
        {
          DefaultActions: [
            {
              Order: 1,
              RedirectConfig: {
                Protocol: 'HTTPS',
                Port: '443',
                Host: '#{host}',
                Path: '/#{path}',
                Query: '#{query}',
                StatusCode: 'HTTP_301',
              },
            },
          ],
        },
      ],
    },
  },
  {
    name: 'a fixed answer of 1024 characters',
    call: (on) =>
      create(on, {
        Port: 8003,
        DefaultActions: fixed({ ContentType: 'text/html', MessageBody: '<b>&amp;'.repeat(128) }),
      }),
    gives: {
      Listeners: [
        {
          DefaultActions: [
            {
              FixedResponseConfig: {
                StatusCode: '200',
                ContentType: 'text/html',
                MessageBody: '<b>&amp;'.repeat(128),
              },
            },
          ],
          SslPolicy: ABSENT,
          Certificates: ABSENT,
        },
      ],
    },
  },
  {
    name: 'CreateListener again is the same one',
    call: async (on) => {
      const first = await listener(on, kept(on, 'lb'), 8004);
      return (await listener(on, kept(on, 'lb'), 8004)) === first;
    },
    gives: true,
  },
  refused(
    'another listener on the same port',
    { Port: 8004, DefaultActions: fixed({ StatusCode: '204' }) },
    'DuplicateListenerException',
    /^A listener already exists on port 8004/,
  ),
  {
    name: 'CreateListener on a port of another load balancer says why not',
    call: async (on) => create(on, { Port: 8004, LoadBalancerArn: await balancer(on, 'other') }),
    fails: 'DuplicateListenerException',
    message: /a port belongs to one listener/,
  },
  {
    name: 'a group of one load balancer can’t be forwarded to by another',
    call: (on) =>
      create(on, {
        LoadBalancerArn: kept(on, 'other'),
        DefaultActions: [{ Type: 'forward', TargetGroupArn: kept(on, 'g0') }],
      }),
    fails: 'TargetGroupAssociationLimitException',
    message: /cannot be associated with more than one load balancer/,
  },
  {
    name: 'a gRPC group wants HTTPS',
    call: async (on) => {
      const TargetGroupArn = await group(on, 'grpc', { ProtocolVersion: 'GRPC' });
      return create(on, { DefaultActions: [{ Type: 'forward', TargetGroupArn }] });
    },
    fails: 'InvalidConfigurationRequestException',
    message: /GRPC/,
  },
  {
    name: 'the default rule is made with the listener',
    call: (on) => on.elbv2.send(new DescribeRulesCommand({ ListenerArn: kept(on, '8004') })),
    gives: {
      Rules: [
        {
          RuleArn: /:listener-rule\/app\/web\//,
          Priority: 'default',
          IsDefault: true,
          Conditions: [],
          Actions: [{ Type: 'fixed-response' }],
        },
      ],
    },
  },
  {
    name: 'DescribeListeners page by page, by port',
    call: async (on) => {
      const ports: (number | undefined)[] = [];
      let Marker: string | undefined;
      do {
        const page = await on.elbv2.send(
          new DescribeListenersCommand({ LoadBalancerArn: kept(on, 'lb'), PageSize: 3, Marker }),
        );
        ports.push(...(page.Listeners ?? []).map(({ Port }) => Port));
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      return ports;
    },
    gives: [8001, 8002, 8003, 8004],
  },
  {
    name: 'DescribeListeners of both a load balancer and listeners',
    call: (on) =>
      on.elbv2.send(
        new DescribeListenersCommand({
          LoadBalancerArn: kept(on, 'lb'),
          ListenerArns: [kept(on, '8004')],
        }),
      ),
    fails: 'ValidationError',
  },
  {
    name: 'DescribeListeners of a load balancer that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeListenersCommand({ LoadBalancerArn: NO.balancer })),
    fails: 'LoadBalancerNotFoundException',
  },
  {
    name: 'DescribeListeners of a listener that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeListenersCommand({ ListenerArns: [NO.listener] })),
    fails: 'ListenerNotFoundException',
  },
  {
    name: 'ModifyListener moves to another port and keeps the rest',
    call: (on) => modify(on, 8004, { Port: 8005 }),
    gives: { Listeners: [{ Port: 8005, Protocol: 'HTTP', DefaultActions: [OK] }] },
  },
  {
    name: 'ModifyListener to a port that is taken',
    call: (on) => modify(on, 8004, { Port: 8003 }),
    fails: 'DuplicateListenerException',
    message: /8003/,
  },
  {
    name: 'ModifyListener to HTTPS wants a certificate',
    call: (on) => modify(on, 8004, { Protocol: 'HTTPS' }),
    fails: 'ValidationError',
    message: /ertificate/,
  },
  {
    name: 'ModifyListener of one that there is not',
    call: (on) =>
      on.elbv2.send(
        new ModifyListenerCommand({ ListenerArn: NO.listener, Port: kept(on, 'lb').length }),
      ),
    fails: 'ListenerNotFoundException',
  },
  {
    name: 'ModifyListener replaces the default actions',
    call: async (on) => {
      const DefaultActions = [{ Type: 'forward' as const, TargetGroupArn: kept(on, 'g0') }];
      await modify(on, 8004, { DefaultActions });
      return on.elbv2.send(new DescribeRulesCommand({ ListenerArn: kept(on, '8004') }));
    },
    gives: { Rules: [{ IsDefault: true, Actions: [{ TargetGroupArn: /\/g0\// }] }] },
  },
  {
    name: 'DescribeListenerAttributes has what Terraform reads',
    call: async (on) => {
      const ListenerArn = kept(on, '8004');
      const all = await on.elbv2.send(new DescribeListenerAttributesCommand({ ListenerArn }));
      return byName(all.Attributes);
    },
    gives: {
      'routing.http.response.server.enabled': 'true',
      'routing.http.response.strict_transport_security.header_value': ANY,
      'routing.http.response.x_frame_options.header_value': '',
    },
  },
  {
    name: 'ModifyListenerAttributes keeps what is not given',
    call: async (on) => {
      const ListenerArn = kept(on, '8004');
      const set = (Key: string, Value: string) =>
        on.elbv2.send(
          new ModifyListenerAttributesCommand({ ListenerArn, Attributes: [{ Key, Value }] }),
        );
      await set('routing.http.response.server.enabled', 'false');
      const { Attributes } = await set(
        'routing.http.response.x_frame_options.header_value',
        'DENY',
      );
      return byName(Attributes);
    },
    gives: {
      'routing.http.response.server.enabled': 'false',
      'routing.http.response.x_frame_options.header_value': 'DENY',
    },
  },
  {
    name: 'ModifyListenerAttributes of one that there is not, in the words that Terraform looks for',
    call: (on) =>
      on.elbv2.send(
        new ModifyListenerAttributesCommand({
          ListenerArn: kept(on, '8004'),
          Attributes: [{ Key: 'routing.nothing', Value: '1' }],
        }),
      ),
    fails: 'ValidationError',
    message: /attribute key 'routing\.nothing' is not recognized/,
  },
  {
    name: 'fifty listeners of a load balancer, and no more',
    call: async (on) => {
      for (let port = 8101; port <= 8146; port += 1) await listener(on, kept(on, 'lb'), port);
      return listener(on, kept(on, 'lb'), 8147);
    },
    fails: 'TooManyListenersException',
    message: /50/,
  },
  {
    name: 'tags of a listener',
    call: async (on) => {
      const ResourceArns = [kept(on, '8004')];
      await on.elbv2.send(new AddTagsCommand({ ResourceArns, Tags: tags(1) }));
      return on.elbv2.send(new DescribeTagsCommand({ ResourceArns }));
    },
    gives: { TagDescriptions: [{ Tags: tags(1) }] },
  },
  {
    name: 'DeleteListener takes its rules along, and is not twice done',
    call: async (on) => {
      await rule(on, kept(on, '8004'), 1);
      await on.elbv2.send(new DeleteListenerCommand({ ListenerArn: kept(on, '8004') }));
      return on.elbv2.send(new DeleteListenerCommand({ ListenerArn: kept(on, '8004') }));
    },
    fails: 'ListenerNotFoundException',
  },
  {
    name: 'DescribeRules of a rule whose listener is gone',
    call: (on) => on.elbv2.send(new DescribeRulesCommand({ RuleArns: [kept(on, 'rule 1')] })),
    fails: 'RuleNotFoundException',
  },
]);

const add = (on: Ground, port: number, name: string) =>
  on.elbv2.send(
    new AddListenerCertificatesCommand({
      ListenerArn: kept(on, String(port)),
      Certificates: [file(name)],
    }),
  );

const certificates = async (on: Ground, port: number) => {
  const ListenerArn = kept(on, String(port));
  const { Certificates = [] } = await on.elbv2.send(
    new DescribeListenerCertificatesCommand({ ListenerArn }),
  );
  return Certificates.map(({ CertificateArn = '', IsDefault }) => `${CertificateArn} ${IsDefault}`);
};

conformance('ELBv2 over the SDK: HTTPS listeners', [
  {
    name: 'CreateListener of HTTPS without a certificate',
    call: async (on) => {
      on.kept['lb'] = await balancer(on, 'web');
      return create(on, { Protocol: 'HTTPS' });
    },
    fails: 'ValidationError',
    message: /ertificate/,
  },
  refused(
    'two certificates',
    { Protocol: 'HTTPS', Certificates: [file('a'), file('b')] },
    'ValidationError',
    /one/,
  ),
  refused(
    'a certificate that there is not, which Terraform waits for',
    {
      Protocol: 'HTTPS',
      Certificates: [{ CertificateArn: 'arn:aws:acm:us-east-1:000000000000:certificate/none' }],
    },
    'CertificateNotFoundException',
    /none/,
  ),
  refused(
    'a security policy that there is not',
    { Protocol: 'HTTPS', Certificates: [file('a')], SslPolicy: 'ELBSecurityPolicy-None' },
    'SSLPolicyNotFoundException',
    /ELBSecurityPolicy-None/,
  ),
  refused(
    'a certificate with HTTP',
    { Certificates: [file('a')] },
    'InvalidConfigurationRequestException',
    /HTTP/,
  ),
  refused(
    'a trust store that there is not',
    {
      Protocol: 'HTTPS',
      Certificates: [file('a')],
      MutualAuthentication: { Mode: 'verify', TrustStoreArn: NO.trustStore },
    },
    'TrustStoreNotFoundException',
    /none/,
  ),
  {
    name: 'without a policy it is the one that ALB has always taken',
    call: (on) => create(on, { Port: 8443, Protocol: 'HTTPS', Certificates: [file('a')] }),
    gives: {
      Listeners: [
        {
          Protocol: 'HTTPS',
          SslPolicy: 'ELBSecurityPolicy-2016-08',
          Certificates: [{ CertificateArn: 'file:a', IsDefault: ABSENT }],
        },
      ],
    },
  },
  {
    name: 'a login in front of an answer; its secret is not shown',
    call: async (on) => {
      const ListenerArn = await listener(on, kept(on, 'lb'), 8444, {
        Protocol: 'HTTPS',
        Certificates: [file('a')],
        DefaultActions: [{ ...OK, Order: 2 }, oidc],
      });
      return on.elbv2.send(new DescribeListenersCommand({ ListenerArns: [ListenerArn] }));
    },
    gives: {
      Listeners: [
        {
          DefaultActions: [
            {
              Type: 'authenticate-oidc',
              Order: 1,
              AuthenticateOidcConfig: {
                ClientId: 'berth',
                ClientSecret: ABSENT,
                SessionCookieName: 'AWSELBAuthSessionCookie',
                Scope: 'openid',
                SessionTimeout: 604_800,
                OnUnauthenticatedRequest: 'authenticate',
              },
            },
            { Type: 'fixed-response', Order: 2 },
          ],
        },
      ],
    },
  },
  {
    name: 'AddListenerCertificates, once more without effect',
    call: async (on) => {
      await add(on, 8444, 'b');
      await add(on, 8444, 'b');
      return certificates(on, 8444);
    },
    gives: ['file:a true', 'file:b false'],
  },
  {
    name: 'DescribeListeners shows the default certificate only',
    call: (on) => on.elbv2.send(new DescribeListenersCommand({ ListenerArns: [kept(on, '8444')] })),
    gives: { Listeners: [{ Certificates: [{ CertificateArn: 'file:a' }] }] },
  },
  {
    name: 'AddListenerCertificates of one that there is not',
    call: (on) =>
      on.elbv2.send(
        new AddListenerCertificatesCommand({
          ListenerArn: kept(on, '8444'),
          Certificates: [{ CertificateArn: 'arn:aws:acm:us-east-1:000000000000:certificate/none' }],
        }),
      ),
    fails: 'CertificateNotFoundException',
  },
  {
    name: 'twenty-five further certificates, and no more',
    call: async (on) => {
      for (let count = 2; count <= 25; count += 1) await add(on, 8444, `c${count}`);
      return add(on, 8444, 'c26');
    },
    fails: 'TooManyCertificatesException',
    message: /25/,
  },
  {
    name: 'DescribeListenerCertificates in pages',
    call: async (on) => {
      const all: (string | undefined)[] = [];
      const sizes: number[] = [];
      let Marker: string | undefined;
      do {
        const page = await on.elbv2.send(
          new DescribeListenerCertificatesCommand({
            ListenerArn: kept(on, '8444'),
            PageSize: 10,
            Marker,
          }),
        );
        const { Certificates = [] } = page;
        all.push(...Certificates.map(({ CertificateArn }) => CertificateArn));
        sizes.push(Certificates.length);
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      return { sizes, different: new Set(all).size };
    },
    gives: { sizes: [10, 10, 6], different: 26 },
  },
  {
    name: 'RemoveListenerCertificates of the default one',
    call: (on) =>
      on.elbv2.send(
        new RemoveListenerCertificatesCommand({
          ListenerArn: kept(on, '8444'),
          Certificates: [file('a')],
        }),
      ),
    fails: 'OperationNotPermittedException',
  },
  {
    name: 'RemoveListenerCertificates of a further one, and of one that it has not',
    call: async (on) => {
      const ListenerArn = kept(on, '8444');
      for (const name of ['b', 'nobody']) {
        await on.elbv2.send(
          new RemoveListenerCertificatesCommand({ ListenerArn, Certificates: [file(name)] }),
        );
      }
      return (await certificates(on, 8444)).includes('file:b false');
    },
    gives: false,
  },
  {
    name: 'certificates of a listener that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(new DescribeListenerCertificatesCommand({ ListenerArn: NO.listener })),
    fails: 'ListenerNotFoundException',
  },
  {
    name: 'ModifyListener with another policy keeps the certificate',
    call: (on) => modify(on, 8444, { SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' }),
    gives: {
      Listeners: [
        {
          SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
          Certificates: [{ CertificateArn: 'file:a' }],
        },
      ],
    },
  },
  {
    name: 'ModifyListener to HTTP can’t keep a login',
    call: (on) => modify(on, 8444, { Protocol: 'HTTP' }),
    fails: 'InvalidLoadBalancerActionException',
    message: /HTTPS/,
  },
  {
    name: 'ModifyListener to HTTP drops policy and certificates',
    call: (on) => modify(on, 8444, { Protocol: 'HTTP', DefaultActions: [OK] }),
    gives: { Listeners: [{ Protocol: 'HTTP', SslPolicy: ABSENT, Certificates: ABSENT }] },
  },
  {
    name: 'a redirect from HTTPS to HTTP',
    call: (on) =>
      create(on, {
        Port: 8445,
        Protocol: 'HTTPS',
        Certificates: [file('a')],
        DefaultActions: redirect({ Protocol: 'HTTP', Port: '80' }),
      }),
    fails: 'InvalidLoadBalancerActionException',
  },
  {
    name: 'DescribeSSLPolicies has the policies, each with protocols and ciphers by priority',
    call: ({ elbv2 }) =>
      elbv2.send(
        new DescribeSSLPoliciesCommand({ Names: ['ELBSecurityPolicy-TLS13-1-2-2021-06'] }),
      ),
    gives: {
      SslPolicies: [
        {
          Name: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
          SslProtocols: ['TLSv1.2', 'TLSv1.3'],
          Ciphers: ANY,
          SupportedLoadBalancerTypes: ['application', 'network'],
        },
      ],
    },
  },
  {
    name: 'DescribeSSLPolicies of one that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeSSLPoliciesCommand({ Names: ['none'] })),
    fails: 'SSLPolicyNotFoundException',
  },
]);
