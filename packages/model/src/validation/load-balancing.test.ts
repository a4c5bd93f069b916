import assert from 'node:assert/strict';

import type {
  Action,
  CreateListenerRequest,
  CreateTargetGroupRequest,
  HealthCheckOptions,
  ModifyRuleRequest,
  RedirectAction,
  RuleCondition,
  RuleTransform,
  TargetGroupStickiness,
} from '../generated/messages.ts';
import { acceptCreateListener, acceptModifyListener } from './listener.ts';
import { assertRefused, describeRules, type Rule } from './refusals.test.ts';
import { acceptCreateRule, acceptModifyRule } from './rule.ts';
import { acceptCreateTargetGroup, acceptModifyTargetGroup } from './target-group.ts';

const group = (fields: Partial<CreateTargetGroupRequest> = {}): CreateTargetGroupRequest => ({
  name: 'web',
  attributes: {},
  tags: [],
  ...fields,
});
const tags = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: '' }));
const check = (healthCheck: HealthCheckOptions): CreateTargetGroupRequest => group({ healthCheck });

describe('a target group is refused', () => {
  const attribute = (name: string, value: string): CreateTargetGroupRequest =>
    group({ attributes: { [name]: value } });
  const rules: Record<string, Rule<CreateTargetGroupRequest>> = {
    'with a hyphen at the end of its name': {
      accepts: group({ name: 'a-1' }),
      refuses: group({ name: 'a-' }),
      message:
        'name is "a-"; expected 1 to 32 letters, digits and hyphens, with no hyphen at either end.',
    },
    'with a long name': {
      accepts: group({ name: 'x'.repeat(32) }),
      refuses: group({ name: 'x'.repeat(33) }),
      message: `name is "${'x'.repeat(33)}"; expected 1 to 32 letters, digits and hyphens, with no hyphen at either end.`,
    },
    'with a port out of range': {
      accepts: group({ port: 65_535 }),
      refuses: group({ port: 0 }),
      message: 'port is 0; expected a whole number from 1 to 65535.',
    },
    'with a check on no port': {
      accepts: check({ port: '8081' }),
      refuses: check({ port: '65536' }),
      message: 'healthCheck.port is "65536"; expected traffic-port or a port from 1 to 65535.',
    },
    'with a check of no path': {
      accepts: check({ path: '/health?deep=1' }),
      refuses: check({ path: 'health' }),
      message:
        'healthCheck.path is "health"; expected a path of at most 1024 visible ASCII characters that begins with /.',
    },
    'with an interval out of range': {
      accepts: check({ intervalSeconds: 6 }),
      refuses: check({ intervalSeconds: 4, timeoutSeconds: 2 }),
      message: 'healthCheck.intervalSeconds is 4; expected a whole number from 5 to 300.',
    },
    'with a timeout out of range': {
      accepts: check({ timeoutSeconds: 2 }),
      refuses: check({ timeoutSeconds: 1 }),
      message: 'healthCheck.timeoutSeconds is 1; expected a whole number from 2 to 120.',
    },
    'with a timeout as long as the interval': {
      accepts: check({ intervalSeconds: 30, timeoutSeconds: 29 }),
      refuses: check({ intervalSeconds: 30, timeoutSeconds: 30 }),
      message: "Health check timeout '30' must be smaller than the interval '30'",
    },
    'with a threshold out of range': {
      accepts: check({ healthyThresholdCount: 2, unhealthyThresholdCount: 10 }),
      refuses: check({ healthyThresholdCount: 1 }),
      message: 'healthCheck.healthyThresholdCount is 1; expected a whole number from 2 to 10.',
    },
    'with a matcher of server errors': {
      accepts: check({ matcher: '200,202-299,499' }),
      refuses: check({ matcher: '200-500' }),
      message:
        'healthCheck.matcher is "200-500"; expected HTTP codes from 200 to 499, such as 200, 200,202 or 200-299.',
    },
    'with an attribute that is none': {
      accepts: attribute('deregistration_delay.timeout_seconds', '0'),
      refuses: attribute('deregistration_delay', '0'),
      message: "Target group attribute key 'deregistration_delay' is not recognized",
    },
    'with a delay out of range': {
      accepts: attribute('deregistration_delay.timeout_seconds', '3600'),
      refuses: attribute('deregistration_delay.timeout_seconds', '3601'),
      message:
        'The value "3601" of the target group attribute \'deregistration_delay.timeout_seconds\' is not valid; expected a whole number of seconds from 0 to 3600.',
    },
    'with an algorithm that is none': {
      accepts: attribute('load_balancing.algorithm.type', 'least_outstanding_requests'),
      refuses: attribute('load_balancing.algorithm.type', 'best'),
      message:
        'The value "best" of the target group attribute \'load_balancing.algorithm.type\' is not valid; expected one of round_robin, least_outstanding_requests, weighted_random.',
    },
    'with an attribute of other groups': {
      accepts: group({ protocol: 'TCP', attributes: { 'proxy_protocol_v2.enabled': 'true' } }),
      refuses: attribute('proxy_protocol_v2.enabled', 'true'),
      message:
        "Target group attribute key 'proxy_protocol_v2.enabled' is not supported: it does not exist for type 'application'.",
    },
    'with attributes that exclude each other': {
      accepts: attribute('slow_start.duration_seconds', '30'),
      refuses: group({
        attributes: {
          'slow_start.duration_seconds': '30',
          'load_balancing.algorithm.type': 'least_outstanding_requests',
        },
      }),
      code: 'InvalidConfigurationRequest',
      message:
        "The attribute 'load_balancing.algorithm.type' is 'least_outstanding_requests' while 'slow_start.duration_seconds' is not 0; slow start needs round_robin.",
    },
    'with a protocol that proxies do not carry': {
      accepts: group({ protocol: 'TLS' }),
      refuses: group({ protocol: 'UDP' }),
      message:
        "The protocol 'UDP' is not supported: Berth's proxies carry HTTP, HTTPS, TCP and TLS.",
    },
    'with functions as targets': {
      accepts: group({ targetType: 'ip' }),
      refuses: group({ targetType: 'lambda' }),
      code: 'InvalidConfigurationRequest',
      message: "The target type 'lambda' is not supported; expected instance or ip.",
    },
    'with a version of a protocol without any': {
      accepts: group({ protocol: 'HTTPS', protocolVersion: 'HTTP2' }),
      refuses: group({ protocol: 'TCP', protocolVersion: 'HTTP2' }),
      code: 'InvalidConfigurationRequest',
      message: 'protocolVersion is HTTP2; expected none with protocol TCP.',
    },
    'with gRPC codes that are none': {
      accepts: group({ protocolVersion: 'GRPC', healthCheck: { matcher: '0-99' } }),
      refuses: group({ protocolVersion: 'GRPC', healthCheck: { matcher: '100' } }),
      message:
        'healthCheck.matcher is "100"; expected gRPC codes from 0 to 99, such as 12, 0,12 or 0-99.',
    },
    'with a check over TCP of a group of HTTP': {
      accepts: group({ protocol: 'TCP', healthCheck: { protocol: 'TCP' } }),
      refuses: check({ protocol: 'TCP' }),
      message: 'healthCheck.protocol is "TCP"; expected HTTP or HTTPS for HTTP and HTTPS groups.',
    },
    'with the path of a check over TCP': {
      accepts: group({ protocol: 'TCP', healthCheck: { protocol: 'HTTP', path: '/up' } }),
      refuses: group({ protocol: 'TCP', healthCheck: { path: '/up' } }),
      message: 'healthCheck.path is "/up"; expected none for health checks over TCP.',
    },
    'in a network that can not be': {
      accepts: group({ vpcId: 'vpc-0a1b2c3d' }),
      refuses: group({ vpcId: 'mine' }),
      message: 'vpcId is "mine"; expected vpc- and 8 or 17 hexadecimal digits.',
    },
    'with fifty-one tags': {
      accepts: group({ tags: tags(50) }),
      refuses: group({ tags: tags(51) }),
      code: 'TooManyTags',
      message:
        "You've reached the limit on the number of tags: 51 were asked for; expected at most 50 for each resource.",
    },
    'with a tag twice': {
      accepts: group({ tags: tags(1) }),
      refuses: group({ tags: [...tags(1), ...tags(1)] }),
      code: 'DuplicateTagKeys',
      message: "A tag key was specified more than once: 'k0'; expected each at most once.",
    },
  };
  describeRules('ValidationError', rules, acceptCreateTargetGroup);
});

describe('a target group in normal form', () => {
  it('has the defaults of ALB', () => {
    assert.deepEqual(acceptCreateTargetGroup(group()), {
      name: 'web',
      protocol: 'HTTP',
      protocolVersion: 'HTTP1',
      port: 80,
      targetType: 'instance',
      healthCheck: {
        protocol: 'HTTP',
        port: 'traffic-port',
        path: '/',
        intervalSeconds: 30,
        timeoutSeconds: 5,
        healthyThresholdCount: 5,
        unhealthyThresholdCount: 2,
        matcher: '200',
      },
      attributes: {},
      tags: [],
      vpcId: undefined,
      ipAddressType: undefined,
    });
  });

  it('has other health checks for gRPC and for TCP', () => {
    const grpc = acceptCreateTargetGroup(group({ protocolVersion: 'GRPC' })).healthCheck;
    assert.deepEqual([grpc?.path, grpc?.matcher], ['/AWS.ALB/healthcheck', '12']);
    const tcp = acceptCreateTargetGroup(group({ protocol: 'TCP' }));
    assert.deepEqual(
      [tcp.healthCheck?.protocol, tcp.healthCheck?.path, tcp.healthCheck?.timeoutSeconds],
      ['TCP', '', 10],
    );
    const changed = acceptModifyTargetGroup(
      { healthCheck: { protocol: 'HTTP' }, attributes: {} },
      { ...tcp, id: '0', createdAt: 0 },
    );
    assert.deepEqual([changed.healthCheck?.path, changed.healthCheck?.matcher], ['/', '200-399']);
  });

  it('keeps what a modification does not give, and no attribute at its default', () => {
    const delay = 'deregistration_delay.timeout_seconds';
    const algorithm = 'load_balancing.algorithm.type';
    const order = acceptCreateTargetGroup(
      group({ attributes: { [delay]: '5', [algorithm]: 'least_outstanding_requests' } }),
    );
    const current = { ...order, id: '0', createdAt: 0 };
    const changed = acceptModifyTargetGroup(
      { healthCheck: { path: '/up' }, attributes: { [delay]: '300' } },
      current,
    );
    assert.equal(changed.healthCheck?.path, '/up');
    assert.equal(changed.healthCheck.intervalSeconds, 30);
    assert.deepEqual(changed.attributes, { [algorithm]: 'least_outstanding_requests' });
  });
});

const forward: Action = {
  type: 'forward',
  forward: { targetGroups: [{ targetGroupArn: 'web' }] },
};
const redirect = (fields: Partial<RedirectAction>): Action => ({
  type: 'redirect',
  redirect: { statusCode: 'HTTP_301', ...fields },
});
const fixed = (statusCode: string, fields: object = {}): Action => ({
  type: 'fixed-response',
  fixedResponse: { statusCode, ...fields },
});
const sticky = (targetGroupStickinessConfig: TargetGroupStickiness): Action => ({
  type: 'forward',
  forward: { targetGroups: [{ targetGroupArn: 'web' }], targetGroupStickinessConfig },
});
const groups = (count: number, weight?: number): Action => ({
  type: 'forward',
  forward: {
    targetGroups: Array.from({ length: count }, (_, index) => ({
      targetGroupArn: `g${index}`,
      weight,
    })),
  },
});
const listener = (...defaultActions: Action[]): CreateListenerRequest => ({
  port: 8080,
  defaultActions,
  tags: [],
  certificates: [],
  attributes: {},
});
const application = { name: 'main', type: 'application' } as const;

describe('a listener is refused', () => {
  const at = 'defaultActions[0]';
  const rules: Record<string, Rule<CreateListenerRequest>> = {
    'without a port': {
      accepts: listener(forward),
      refuses: { ...listener(forward), port: 0 },
      message: 'A listener port must be specified: port is missing or 0; expected 1 to 65535.',
    },
    'with a port out of range': {
      accepts: { ...listener(forward), port: 65_535 },
      refuses: { ...listener(forward), port: 65_536 },
      message: 'port is 65536; expected a whole number from 1 to 65535.',
    },
    'without an action': {
      accepts: listener(forward),
      refuses: listener(),
      message:
        'defaultActions has 0 actions; expected one of forward, redirect and fixed-response.',
    },
    'with two actions that end it': {
      accepts: listener(forward),
      refuses: listener({ ...forward, order: 1 }, { ...forward, order: 2 }),
      code: 'TooManyActions',
      message:
        'defaultActions has 2 actions of the types forward, redirect, fixed-response; expected at most one.',
    },
    'with actions in no order': {
      accepts: listener({ ...forward, order: 50_000 }),
      refuses: listener(forward, forward),
      code: 'InvalidLoadBalancerAction',
      message:
        'defaultActions has 2 actions, and not each has an order of its own; expected different orders from 1 to 50000.',
    },
    'with stickiness of no duration': {
      accepts: listener(sticky({ enabled: true, durationSeconds: 60 })),
      refuses: listener(sticky({ enabled: true })),
      message: `${at}.forward.targetGroupStickinessConfig.durationSeconds is missing; expected a whole number from 1 to 604800.`,
    },
    'with an action of which the settings are missing': {
      accepts: listener(forward),
      refuses: listener({ type: 'forward' }),
      message: `${at}.forward is missing; expected it with type forward.`,
    },
    'with an action of two kinds': {
      accepts: listener(fixed('200')),
      refuses: listener({ ...fixed('200'), ...forward }),
      message: `${at}.fixedResponse is given; expected none with type forward.`,
    },
    'with a forward to nowhere': {
      accepts: listener(groups(5)),
      refuses: listener(groups(0)),
      message: `${at}.forward.targetGroups is empty; expected 1 to 5 target groups.`,
    },
    'with a forward to six groups': {
      accepts: listener(groups(5, 999)),
      refuses: listener(groups(6)),
      message: `${at}.forward.targetGroups has 6 target groups; expected at most 5.`,
    },
    'with a weight out of range': {
      accepts: listener(groups(1, 0)),
      refuses: listener(groups(1, 1000)),
      message: `${at}.forward.targetGroups[0].weight is 1000; expected a whole number from 0 to 999.`,
    },
    'with a redirect to itself': {
      accepts: listener(redirect({ path: '/new/#{path}' })),
      refuses: listener(redirect({ query: 'a=1' })),
      code: 'InvalidLoadBalancerAction',
      message: `The redirect configuration is not valid because it creates a loop: ${at}.redirect must change at least one of protocol, host, port and path.`,
    },
    'with a redirect to another protocol': {
      accepts: listener(redirect({ protocol: 'HTTPS' })),
      refuses: listener(redirect({ protocol: 'FTP' })),
      message: `${at}.redirect.protocol is "FTP"; expected one of HTTP, HTTPS, #{protocol}.`,
    },
    'with a redirect to no port': {
      accepts: listener(redirect({ port: '443' })),
      refuses: listener(redirect({ port: '0' })),
      message: `${at}.redirect.port is "0"; expected #{port} or a port from 1 to 65535.`,
    },
    'with a redirect to a relative path': {
      accepts: listener(redirect({ path: '/a' })),
      refuses: listener(redirect({ path: 'a' })),
      message: `${at}.redirect.path is "a"; expected a path of at most 128 visible ASCII characters that begins with /.`,
    },
    'with a question mark in the query': {
      accepts: listener(redirect({ host: 'a.example', query: '#{query}&a=1' })),
      refuses: listener(redirect({ host: 'a.example', query: '?a=1' })),
      message: `${at}.redirect.query is "?a=1"; expected at most 128 visible ASCII characters without the leading ?.`,
    },
    'with a placeholder in the wrong place': {
      accepts: listener(redirect({ host: 'www.#{host}' })),
      refuses: listener(redirect({ host: '#{path}' })),
      message: `${at}.redirect.host has the placeholder "#{path}"; expected only #{host} here.`,
    },
    'with a placeholder that is none': {
      accepts: listener(redirect({ path: '/#{host}/#{port}/#{path}' })),
      refuses: listener(redirect({ path: '/#{method}' })),
      message: `${at}.redirect.path has the placeholder "#{method}"; expected only #{host}, #{port}, #{path} here.`,
    },
    'with an answer of another code': {
      accepts: listener(fixed('503')),
      refuses: listener(fixed('301')),
      message: `${at}.fixedResponse.statusCode is "301"; expected three digits, 2XX, 4XX or 5XX.`,
    },
    'with an answer of another type': {
      accepts: listener(fixed('200', { contentType: 'text/html' })),
      refuses: listener(fixed('200', { contentType: 'image/png' })),
      message: `${at}.fixedResponse.contentType is "image/png"; expected one of text/plain, text/css, text/html, application/javascript, application/json.`,
    },
    'with a long answer': {
      accepts: listener(fixed('200', { messageBody: 'x'.repeat(1024) })),
      refuses: listener(fixed('200', { messageBody: 'x'.repeat(1025) })),
      message: `${at}.fixedResponse.messageBody has 1025 characters; expected at most 1024.`,
    },
  };
  describeRules('ValidationError', rules, (request) => acceptCreateListener(request, application));

  it('when nothing is to be modified', () => {
    assertRefused(
      () =>
        acceptModifyListener(
          { listener: 'x', defaultActions: [], certificates: [], attributes: {} },
          { ...acceptCreateListener(listener(forward), application), id: 'l', createdAt: 0 },
          application,
        ),
      'ValidationError',
      'Nothing to modify: expected port, protocol, certificates, sslPolicy, alpnPolicy, mutualAuthentication, attributes or defaultActions.',
    );
  });

  it('and in normal form says all parts of a redirect and every weight', () => {
    const [moved] = acceptCreateListener(
      listener(redirect({ port: '443' })),
      application,
    ).defaultActions;
    assert.deepEqual(moved?.redirect, {
      protocol: '#{protocol}',
      host: '#{host}',
      port: '443',
      path: '/#{path}',
      query: '#{query}',
      statusCode: 'HTTP_301',
    });
    const [sent] = acceptCreateListener(listener(forward), application).defaultActions;
    assert.equal(sent?.forward?.targetGroups[0]?.weight, 1);
    assert.equal(sent.order, 1);
    assert.deepEqual(sent.forward.targetGroupStickinessConfig, { enabled: false });
  });
});

describe('a rule is refused', () => {
  const values = (field: RuleCondition['field'], ...texts: string[]): RuleCondition => ({
    field,
    values: texts,
    queryString: [],
    regexValues: [],
  });
  const header = (httpHeaderName: string | undefined, ...texts: string[]): RuleCondition => ({
    ...values('http-header', ...texts),
    httpHeaderName,
  });
  const query = (...queryString: RuleCondition['queryString']): RuleCondition => ({
    field: 'query-string',
    values: [],
    regexValues: [],
    queryString,
  });
  const regex = (field: RuleCondition['field'], ...regexValues: string[]): RuleCondition => ({
    ...values(field),
    regexValues,
  });
  const path = values('path-pattern', '/a/*');
  const printable = '1 to 128 printable ASCII characters';
  const rules: Record<string, Rule<readonly RuleCondition[]>> = {
    'without a condition': {
      accepts: [path],
      refuses: [],
      message: 'A rule must have at least one condition.',
    },
    'with two conditions on the path': {
      accepts: [path, values('host-header', 'a.example')],
      refuses: [path, path],
      message: 'conditions has 2 of field path-pattern; expected at most one.',
    },
    'with four values in a condition': {
      accepts: [values('path-pattern', '/a', '/b', '/c')],
      refuses: [values('path-pattern', '/a', '/b', '/c', '/d')],
      message: 'conditions[0] has 4 values; expected at most 3.',
    },
    'with six values in all': {
      accepts: [header('A', '1', '2', '3'), header('B', '1', '2')],
      refuses: [header('A', '1', '2', '3'), header('B', '1', '2', '3')],
      message: 'conditions has 6 values in all; expected at most 5.',
    },
    'with six wildcards': {
      accepts: [values('path-pattern', '/*/?/*/?/*')],
      refuses: [values('path-pattern', '/*/?/*/?/*?')],
      message: 'conditions has 6 wildcards (* and ?) in all; expected at most 5.',
    },
    'with a host without a dot': {
      accepts: [values('host-header', '*.example.com')],
      refuses: [values('host-header', 'localhost')],
      message:
        'conditions[0].values[0] is "localhost"; expected at least one dot, and only letters after the last.',
    },
    'with an encoded path': {
      accepts: [values('path-pattern', '/~a/b.c?')],
      refuses: [values('path-pattern', '/a%20b')],
      message:
        'conditions[0].values[0] is "/a%20b"; expected 1 to 128 letters, digits and _ - . $ / ~ " \' @ : + ; & with wildcards * and ?.',
    },
    'with a method in lower case': {
      accepts: [values('http-request-method', 'GET', 'M-SEARCH')],
      refuses: [values('http-request-method', 'get')],
      message:
        'conditions[0].values[0] is "get"; expected a method of 1 to 40 characters A-Z, - and _.',
    },
    'with a source that is no block': {
      accepts: [values('source-ip', '10.0.0.0/8', '2001:db8::/32')],
      refuses: [values('source-ip', '10.0.0.1')],
      message:
        'conditions[0].values[0] is "10.0.0.1"; expected a CIDR block, such as 10.0.0.0/8 or 2001:db8::/32.',
    },
    'with the broadcast address': {
      accepts: [values('source-ip', '0.0.0.0/0')],
      refuses: [values('source-ip', '255.255.255.255/32')],
      message:
        'conditions[0].values[0] is "255.255.255.255/32"; expected a block of client addresses.',
    },
    'with the host as a header': {
      accepts: [header('X-Test', 'a*')],
      refuses: [header('host', 'a')],
      message:
        'conditions[0].httpHeaderName is "host"; expected another header than Host, for which there is field host-header.',
    },
    'with a header without a name': {
      accepts: [header('X', 'a')],
      refuses: [header(undefined, 'a')],
      message: 'conditions[0].httpHeaderName is missing; expected the name of a header.',
    },
    'with a header name on another field': {
      accepts: [path],
      refuses: [{ ...path, httpHeaderName: 'X' }],
      message: 'conditions[0].httpHeaderName is "X"; expected none for field path-pattern.',
    },
    'with a header value that can not be sent': {
      accepts: [header('X', 'a b')],
      refuses: [header('X', 'ä')],
      message: `conditions[0].values[0] is "ä"; expected ${printable}.`,
    },
    'with a query without a value': {
      accepts: [query({ value: 'a' }, { key: 'k', value: '*' })],
      refuses: [query({ key: 'k', value: '' })],
      message: `conditions[0].queryString[0].value is ""; expected ${printable}.`,
    },
    'with a query in values': {
      accepts: [query({ value: 'a' })],
      refuses: [values('query-string', 'a')],
      message: 'conditions[0].queryString is empty; expected at least one for field query-string.',
    },
    'with an expression on another field': {
      accepts: [regex('path-pattern', '^/v\\d+/')],
      refuses: [regex('source-ip', '^10')],
      message: 'conditions[0].regexValues is given; expected none for field source-ip.',
    },
    'with expressions and values': {
      accepts: [regex('host-header', 'a|b')],
      refuses: [{ ...path, regexValues: ['/b'] }],
      message: 'conditions[0] has both values and regexValues; expected one of them.',
    },
    'with an expression that could take for ever': {
      accepts: [{ ...regex('http-header', '^(a+)+$'), httpHeaderName: 'X' }],
      refuses: [regex('path-pattern', '(a)\\1')],
      message:
        'conditions[0].regexValues[0] is not a valid regular expression: at character 4, the back-reference "\\1" is not supported.',
    },
    'with no value': {
      accepts: [path],
      refuses: [values('path-pattern')],
      message: 'conditions[0].values is empty; expected at least one for field path-pattern.',
    },
  };
  const noChange: ModifyRuleRequest = {
    rule: 'x',
    conditions: [],
    actions: [],
    transforms: [],
    resetTransforms: false,
    attributes: {},
  };
  const create = (conditions: readonly RuleCondition[], priority = 1): unknown =>
    acceptCreateRule(
      {
        listener: 'x',
        priority,
        conditions,
        actions: [forward],
        tags: [],
        transforms: [],
        attributes: {},
      },
      { protocol: 'HTTP' },
    );
  describeRules('ValidationError', rules, (conditions) => create(conditions));

  it('with a priority out of range', () => {
    create([path], 50_000);
    for (const priority of [0, 50_001]) {
      assertRefused(
        () => create([path], priority),
        'ValidationError',
        `priority is ${priority}; expected a whole number from 1 to 50000.`,
      );
    }
  });

  it('when nothing is to be modified', () => {
    assertRefused(
      () => acceptModifyRule(noChange, { protocol: 'HTTP' }),
      'ValidationError',
      'Nothing to modify: expected conditions, actions, transforms, resetTransforms, attributes or priority.',
    );
  });

  it('when transforms are given and taken away', () => {
    const transforms: RuleTransform[] = [
      { type: 'url-rewrite', rewrites: [{ regex: '^/a', replace: '/b' }] },
    ];
    assert.deepEqual(
      acceptModifyRule({ ...noChange, resetTransforms: true }, { protocol: 'HTTP' }).transforms,
      [],
    );
    assertRefused(
      () =>
        acceptModifyRule({ ...noChange, transforms, resetTransforms: true }, { protocol: 'HTTP' }),
      'ValidationError',
      'transforms and resetTransforms are both given; expected one of them.',
    );
  });
});
