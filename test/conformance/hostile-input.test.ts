// The three decoders under input that no client sends, in front of a whole control plane: every answer is a well-formed error of the API that
// was meant, and what is refused has left nothing behind.
import assert from 'node:assert/strict';

import { isWellFormed, type RawAnswer } from '@berth/aws/testing/endpoint.ts';
import { ecs, elbv2, scaling } from '@berth/aws/models/services.ts';
import { collections, prefixOf } from '@berth/store/keys.ts';
import fc from 'fast-check';

import { type Case, conformance, type Ground } from './cases.ts';
import { balancer, group, kept, listener, NO, rule, tags } from './elbv2-kit.ts';
import { signed } from './signed.ts';

// --- what is kept ---

/** Written only by what callers ask for. */
const KEPT = [
  collections.clusters,
  collections.capacityProviders,
  collections.accountSettings,
  collections.taskDefinitionFamilies,
  collections.taskDefinitions,
  collections.services,
  collections.hosts,
  collections.tasks,
  collections.loadBalancers,
  collections.targetGroups,
  collections.targetRegistrations,
  collections.listeners,
  collections.listenerPorts,
  collections.rules,
  collections.trustStores,
  collections.scalableTargets,
  collections.scalingPolicies,
  collections.scheduledActions,
  collections.users,
  collections.accessKeys,
  collections.policies,
  collections.roles,
  collections.logGroups,
];

/** Every key with the revision that wrote it. */
async function snapshot({ plane }: Ground): Promise<string[]> {
  const signal = AbortSignal.timeout(10_000);
  const lists = await Promise.all(
    KEPT.map((one) => plane.store.list(prefixOf(one), signal, { keysOnly: true })),
  );
  return lists.flatMap(({ entries }) =>
    entries.map(({ key, modRevision }) => `${key} ${modRevision}`),
  );
}

// --- what is asked ---

interface Api {
  readonly service: string;
  /** Of X-Amz-Target; undefined for the Query protocol. */
  readonly target: string | undefined;
  readonly version: string;
}

const ECS: Api = { service: 'ecs', target: ecs.target, version: ecs.version };
const SCALING: Api = {
  service: 'application-autoscaling',
  target: scaling.target,
  version: scaling.version,
};
const ELB: Api = { service: 'elasticloadbalancing', target: undefined, version: elbv2.version };

interface Fault {
  readonly status: number;
  /** OK when it is none. */
  readonly code: string;
  readonly message: string;
}

/** Of any answer. @throws AssertionError when no client could read it */
function faultOf({ service, target }: Api, { status, headers, text }: RawAnswer): Fault {
  assert.ok(status < 500, text.slice(0, 500));
  assert.match(headers.get('x-amzn-requestid') ?? '', /^[0-9a-f-]{36}$/);
  if (target === undefined) {
    assert.equal(headers.get('content-type'), 'text/xml');
    assert.ok(isWellFormed(text), text.slice(0, 500));
    if (status === 200) return { status, code: 'OK', message: '' };
    const found = /<Error><Type>Sender<\/Type><Code>(\w+)<\/Code><Message>([^<]+)</.exec(text);
    assert.ok(found, text.slice(0, 500));
    const [, code = '', message = ''] = found;
    return { status, code, message };
  }
  assert.equal(headers.get('content-type'), 'application/x-amz-json-1.1', service);
  const answer = JSON.parse(text) as { readonly __type?: string; readonly message?: string };
  if (status === 200) return { status, code: 'OK', message: '' };
  const { __type: code = '', message = '' } = answer;
  assert.match(code, /^\w+$/);
  assert.notEqual(message, '');
  assert.equal(headers.get('x-amzn-errortype'), code);
  return { status, code, message };
}

async function raw(
  on: Ground,
  api: Api,
  operation: string,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<Fault> {
  const { service, target } = api;
  const how = target === undefined ? {} : { target: `${target}.${operation}` };
  return faultOf(api, await signed(on, { service, body, ...how }));
}

function form(operation: string, input: Inputs): string {
  const pairs = [...flat(input, ''), ['Action', operation], ['Version', ELB.version]];
  return new URLSearchParams(pairs as [string, string][]).toString();
}

type Inputs = Readonly<Record<string, unknown>>;

/** As serialisers of the Query protocol write it. */
function flat(value: unknown, name: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  const at = (part: string): string => (name === '' ? part : `${name}.${part}`);
  return Array.isArray(value)
    ? value.flatMap((item, index) => flat(item, at(`member.${index + 1}`)))
    : Object.entries(value).flatMap(([member, item]) => flat(item, at(member)));
}

/** Refused with such a code, and nothing is different afterwards. */
function refused(
  name: string,
  call: (on: Ground) => Promise<Fault>,
  code: string,
  message: RegExp = /./,
  status = 400,
): Case {
  return {
    name,
    call: async (on) => {
      const before = await snapshot(on);
      const fault = await call(on);
      assert.deepEqual(await snapshot(on), before);
      return fault;
    },
    gives: { status, code, message },
  };
}

// --- bodies ---

const JSON_APIS = [
  [ECS, 'CreateCluster'],
  [SCALING, 'RegisterScalableTarget'],
] as const;

/** What no decoder makes an input of. */
const NO_JSON: Readonly<Record<string, string>> = {
  'an open brace': '{',
  'a number that never ends': '{"clusterName":1e',
  'two values': '{}{}',
  'a trailing comma': '{"clusterName":"a",}',
  'single quotes': "{'clusterName':'a'}",
  'a bare NaN': '{"count":NaN}',
  'a comment': '{/* */}',
  'a raw line break in a text': '{"clusterName":"a\nb"}',
  'a byte order mark': '\uFEFF{}',
  XML: '<clusterName>a</clusterName>',
  'a form': 'clusterName=a',
};

const NO_STRUCTURE: Readonly<Record<string, string>> = {
  'a list': '[]',
  'a text': '"a"',
  'a number': '1',
  null: 'null',
  true: 'true',
};

const bodies: Case[] = JSON_APIS.flatMap(([api, operation]) => [
  ...Object.entries(NO_JSON).map(([name, body]) =>
    refused(
      `${operation}: ${name} is no JSON`,
      (on) => raw(on, api, operation, body),
      'SerializationException',
      /no JSON/,
    ),
  ),
  ...Object.entries(NO_STRUCTURE).map(([name, body]) =>
    refused(
      `${operation}: ${name} is no structure`,
      (on) => raw(on, api, operation, body),
      'SerializationException',
      /can not be converted to a structure/,
    ),
  ),
  ...(
    [
      ['lists', '['.repeat(100_000)],
      ['structures', '{"a":'.repeat(50_000)],
      ['a text with brackets, then lists', `{"a":"[\\"","b":${'['.repeat(65)}`],
    ] as const
  ).map(([name, body]) =>
    refused(
      `${operation}: ${name} nested too deep`,
      (on) => raw(on, api, operation, body),
      'SerializationException',
      /nested deeper than 64 levels/,
    ),
  ),
  refused(
    `${operation}: bytes that are no UTF-8`,
    (on) => raw(on, api, operation, Uint8Array.of(0x7b, 0xff, 0xfe, 0xc0, 0x80)),
    'SerializationException',
  ),
  refused(
    `${operation}: a body of two megabytes`,
    (on) => raw(on, api, operation, `{"clusterName":"${'x'.repeat(2 ** 21)}"}`),
    'RequestEntityTooLargeException',
    /larger than 1048576 bytes/,
    413,
  ),
]);

const oversize: Case[] = [
  refused(
    'a Query call of two megabytes',
    (on) => raw(on, ELB, '', form('CreateLoadBalancer', { Name: 'x'.repeat(2 ** 21) })),
    'RequestEntityTooLarge',
    /larger than 1048576 bytes/,
    413,
  ),
  refused(
    'a Query call with more parameters than anything needs',
    (on) =>
      raw(on, ELB, '', form('AddTags', { ResourceArns: [kept(on, 'web')], Tags: tags(3_000) })),
    'ValidationError',
    /more than 5000 parameters/,
  ),
  refused(
    'a Query call nested through lists without an end',
    (on) =>
      raw(
        on,
        ELB,
        '',
        `${form('CreateRule', { ListenerArn: kept(on, '80') })}&${'Actions.member.1.'.repeat(500)}Type=forward`,
      ),
    'ValidationError',
    /nested deeper than 16 levels/,
  ),
  refused(
    'a Query call that says a thing twice',
    (on) => raw(on, ELB, '', `${form('CreateLoadBalancer', { Name: 'first' })}&Name=second`),
    'ValidationError',
    /Name is given more than once/,
  ),
  refused('a Query call of nothing', (on) => raw(on, ELB, '', ''), 'MissingAction'),
  refused(
    'a Query call without a version',
    (on) => raw(on, ELB, '', 'Action=Fly'),
    'InvalidAction',
  ),
  refused(
    'a Query call of half a percent sign, of no UTF-8',
    (on) => raw(on, ELB, '', `${form('CreateLoadBalancer', {})}&Name=%&Scheme=%ff%fe`),
    'ValidationError',
    /scheme/,
  ),
];

const NOWHERE = [
  'Fly',
  '__proto__',
  'constructor',
  'toString',
  'createcluster',
  'CreateCluster\u00a0',
  'x'.repeat(2_000),
];

const unknown: Case[] = [
  ...NOWHERE.filter((name) => !name.includes('\u00a0')).flatMap((name) =>
    [ECS, SCALING].map((api) =>
      refused(
        `${api.service} has no operation ${name.slice(0, 20)}`,
        (on) => raw(on, api, name, '{}'),
        'UnknownOperationException',
      ),
    ),
  ),
  ...NOWHERE.map((name) =>
    refused(
      `elasticloadbalancing has no operation ${name.slice(0, 20)}`,
      (on) => raw(on, ELB, '', form(name, {})),
      'InvalidAction',
    ),
  ),
];

// --- wrong types, member by member ---

const definition = {
  family: 'hostile',
  containerDefinitions: [
    {
      name: 'web',
      image: 'nginx',
      memory: 64,
      essential: true,
      portMappings: [{ containerPort: 80, protocol: 'tcp' }],
      environment: [{ name: 'A', value: 'b' }],
      dockerLabels: { a: 'b' },
      healthCheck: { command: ['CMD', 'true'], interval: 5 },
    },
  ],
  volumes: [{ name: 'data', host: { sourcePath: '/srv' } }],
  tags: [{ key: 'a', value: 'b' }],
};

/** Inputs that would be taken as they stand, by operation. */
const TAKEN: readonly (readonly [Api, string, Inputs])[] = [
  [
    ECS,
    'CreateCluster',
    {
      clusterName: 'hostile',
      settings: [{ name: 'containerInsights', value: 'enabled' }],
      defaultCapacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1, base: 0 }],
      tags: [{ key: 'a', value: 'b' }],
    },
  ],
  [ECS, 'RegisterTaskDefinition', definition],
  [
    ECS,
    'CreateService',
    {
      serviceName: 'hostile',
      taskDefinition: 'web',
      desiredCount: 0,
      launchType: 'EC2',
      deploymentConfiguration: {
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
      placementStrategy: [{ type: 'spread', field: 'instanceId' }],
      enableECSManagedTags: true,
      tags: [{ key: 'a', value: 'b' }],
    },
  ],
  [
    ECS,
    'UpdateService',
    { service: 'web', desiredCount: 1, forceNewDeployment: true, placementConstraints: [] },
  ],
  [
    ECS,
    'RunTask',
    {
      taskDefinition: 'web',
      count: 1,
      overrides: { containerOverrides: [{ name: 'web', command: ['true'], memory: 32 }] },
      tags: [{ key: 'a', value: 'b' }],
    },
  ],
  [
    SCALING,
    'RegisterScalableTarget',
    {
      ServiceNamespace: 'ecs',
      ResourceId: 'service/default/web',
      ScalableDimension: 'ecs:service:DesiredCount',
      MinCapacity: 1,
      MaxCapacity: 9,
      SuspendedState: { ScheduledScalingSuspended: true },
      Tags: { a: 'b' },
    },
  ],
  [
    SCALING,
    'PutScalingPolicy',
    {
      PolicyName: 'hostile',
      ServiceNamespace: 'ecs',
      ResourceId: 'service/default/web',
      ScalableDimension: 'ecs:service:DesiredCount',
      PolicyType: 'TargetTrackingScaling',
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 50,
        ScaleInCooldown: 10,
        DisableScaleIn: false,
        PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
      },
    },
  ],
  [
    SCALING,
    'PutScheduledAction',
    {
      ScheduledActionName: 'hostile',
      ServiceNamespace: 'ecs',
      ResourceId: 'service/default/web',
      ScalableDimension: 'ecs:service:DesiredCount',
      Schedule: 'rate(1 hour)',
      StartTime: 4_102_444_800,
      ScalableTargetAction: { MinCapacity: 1, MaxCapacity: 2 },
    },
  ],
];

type Path = readonly (string | number)[];

/** Every place in a value, the outermost left out. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([part, item]) => placesOf(item, [...path, part]));
  return path.length === 0 ? below : [path, ...below];
}

function at(value: unknown, path: Path): unknown {
  return path.reduce((found, part) => (found as Record<string, unknown>)[part], value);
}

/** A copy with another value in that place. */
function withValue(value: unknown, [first, ...rest]: Path, other: unknown): unknown {
  if (first === undefined) return other;
  const copy = (
    Array.isArray(value) ? [...(value as unknown[])] : { ...(value as Inputs) }
  ) as Record<string | number, unknown>;
  copy[first] = withValue(copy[first], rest, other);
  return copy;
}

/** Not of the type that stands there. */
function wrongFor(value: unknown): unknown[] {
  const all = [1, 'a', true, ['a', ['b']], { a: { b: 'c' } }];
  const kind = (one: unknown) => (Array.isArray(one) ? 'list' : typeof one);
  return all.filter((one) => kind(one) !== kind(value));
}

/** Times are taken as texts too. */
const TIMES = /Time$/;

const types: Case[] = TAKEN.map(([api, operation, input]) => ({
  name: `${operation} with a wrong type in each of its places, one after the other`,
  call: async (on) => {
    const before = await snapshot(on);
    let asked = 0;
    for (const path of placesOf(input)) {
      for (const other of wrongFor(at(input, path))) {
        if (TIMES.test(String(path.at(-1)))) continue;
        const body = JSON.stringify(withValue(input, path, other));
        const { code } = await raw(on, api, operation, body);
        assert.equal(code, 'SerializationException', body);
        asked += 1;
      }
    }
    assert.deepEqual(await snapshot(on), before);
    return asked > 10;
  },
  gives: true,
}));

// --- texts that XML, JSON and keys stumble over ---

const HOSTILE = [
  '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>&y;',
  ']]>',
  '</Message></Error><Error><Code>OK</Code>',
  '&#x0;&#xD;',
  '\u0000\u0001\u001f\u007f',
  '\ufffe\uffff\ufeff',
  '\r\n\r\n',
  '../../clusters/default',
  '/',
  '..',
  '${jndi:ldap://x}',
  '__proto__',
  '%00%0a%ff',
  'ü€🚢',
  ' ',
  '',
  'a'.repeat(5_000),
];

/** What is asked of ELBv2: with hostile texts some of it may well be taken, as a message of a fixed response is. */
const QUERIES: readonly (readonly [string, (on: Ground) => Inputs])[] = [
  ['CreateLoadBalancer', () => ({ Name: 'hostile', Scheme: 'internal', Subnets: ['subnet-1'] })],
  [
    'CreateTargetGroup',
    () => ({
      Name: 'hostile',
      Protocol: 'HTTP',
      Port: 80,
      VpcId: 'vpc-1',
      TargetType: 'ip',
      HealthCheckPath: '/health',
      HealthCheckIntervalSeconds: 30,
      Matcher: { HttpCode: '200' },
    }),
  ],
  [
    'CreateListener',
    (on) => ({
      LoadBalancerArn: kept(on, 'web'),
      Protocol: 'HTTP',
      Port: 81,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: kept(on, 'group'), Order: 1 }],
    }),
  ],
  [
    'CreateRule',
    (on) => ({
      ListenerArn: kept(on, '80'),
      Priority: 7,
      Conditions: [
        { Field: 'host-header', HostHeaderConfig: { Values: ['a.example'] } },
        { Field: 'query-string', QueryStringConfig: { Values: [{ Key: 'a', Value: 'b' }] } },
      ],
      Actions: [{ Type: 'redirect', RedirectConfig: { Path: '/x', StatusCode: 'HTTP_301' } }],
      Tags: [{ Key: 'a', Value: 'b' }],
    }),
  ],
  [
    'ModifyLoadBalancerAttributes',
    (on) => ({
      LoadBalancerArn: kept(on, 'web'),
      Attributes: [{ Key: 'idle_timeout.timeout_seconds', Value: '61' }],
    }),
  ],
  [
    'RegisterTargets',
    (on) => ({ TargetGroupArn: kept(on, 'group'), Targets: [{ Id: '10.0.0.1' }] }),
  ],
  [
    'SetRulePriorities',
    (on) => ({ RulePriorities: [{ RuleArn: kept(on, 'rule 1'), Priority: 9 }] }),
  ],
  ['DeleteListener', () => ({ ListenerArn: NO.listener })],
  ['DescribeTargetHealth', (on) => ({ TargetGroupArn: kept(on, 'group'), Targets: [{ Id: 'a' }] })],
];

/** What is refused has left nothing; what is taken may have, and is counted. */
async function hostileTexts(
  on: Ground,
  input: Inputs,
  ask: (changed: Inputs) => Promise<Fault>,
): Promise<{ readonly refused: number; readonly taken: number }> {
  let before = await snapshot(on);
  let taken = 0;
  let count = 0;
  for (const path of placesOf(input)) {
    if (typeof at(input, path) === 'object') continue;
    for (const text of HOSTILE) {
      const { code } = await ask(withValue(input, path, text) as Inputs);
      const after = await snapshot(on);
      if (code === 'OK') taken += 1;
      else assert.deepEqual(after, before, `${path.join('.')}: ${JSON.stringify(text)}: ${code}`);
      count += 1;
      before = after;
    }
  }
  return { refused: count - taken, taken };
}

const texts: Case[] = [
  ...QUERIES.map(([operation, inputOf]): Case => ({
    name: `${operation} with hostile texts in each of its places`,
    call: async (on) => {
      const ask = (changed: Inputs) => raw(on, ELB, operation, form(operation, changed));
      return (await hostileTexts(on, inputOf(on), ask)).refused > 10;
    },
    gives: true,
  })),
  {
    name: 'a message that XML has no way to hold comes back as far as it has',
    call: async (on) => {
      const text = ']]></MessageBody>&amp;\u0001\r\n🚢';
      await raw(
        on,
        ELB,
        'CreateRule',
        form('CreateRule', {
          ListenerArn: kept(on, '80'),
          Priority: 4_000,
          Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/x'] } }],
          Actions: [
            { Type: 'fixed-response', FixedResponseConfig: { StatusCode: 200, MessageBody: text } },
          ],
        }),
      );
      const { status, text: answer } = await signed(on, {
        service: ELB.service,
        body: form('DescribeRules', { ListenerArn: kept(on, '80') }),
      });
      return { status, wellFormed: isWellFormed(answer) };
    },
    gives: { status: 200, wellFormed: true },
  },
];

// --- all or nothing ---

const halves: Case[] = [
  refused(
    'AddTags to two, of which one is not there',
    (on) =>
      raw(
        on,
        ELB,
        'AddTags',
        form('AddTags', {
          ResourceArns: [kept(on, 'web'), NO.group],
          Tags: [{ Key: 'a', Value: 'b' }],
        }),
      ),
    'TargetGroupNotFound',
  ),
  refused(
    'RegisterTargets of two, of which one is no address',
    (on) =>
      raw(
        on,
        ELB,
        'RegisterTargets',
        form('RegisterTargets', {
          TargetGroupArn: kept(on, 'group'),
          Targets: [{ Id: '10.0.0.9' }, { Id: '8.8.8.8' }],
        }),
      ),
    'InvalidTarget',
  ),
  refused(
    'SetRulePriorities of two, of which one is not there',
    (on) =>
      raw(
        on,
        ELB,
        'SetRulePriorities',
        form('SetRulePriorities', {
          RulePriorities: [
            { RuleArn: kept(on, 'rule 1'), Priority: 99 },
            { RuleArn: NO.rule, Priority: 98 },
          ],
        }),
      ),
    'RuleNotFound',
  ),
  refused(
    'ModifyLoadBalancerAttributes of two, of which one is not known',
    (on) =>
      raw(
        on,
        ELB,
        'ModifyLoadBalancerAttributes',
        form('ModifyLoadBalancerAttributes', {
          LoadBalancerArn: kept(on, 'web'),
          Attributes: [
            { Key: 'idle_timeout.timeout_seconds', Value: '70' },
            { Key: 'colour', Value: 'red' },
          ],
        }),
      ),
    'ValidationError',
    /is not recognized/,
  ),
  refused(
    'CreateLoadBalancer with a tag that is refused',
    (on) =>
      raw(
        on,
        ELB,
        'CreateLoadBalancer',
        form('CreateLoadBalancer', { Name: 'half', Tags: [{ Key: 'aws:a', Value: 'b' }] }),
      ),
    'ValidationError',
  ),
  refused(
    'CreateListener that forwards to a group that is not there',
    (on) =>
      raw(
        on,
        ELB,
        'CreateListener',
        form('CreateListener', {
          LoadBalancerArn: kept(on, 'web'),
          Protocol: 'HTTP',
          Port: 82,
          DefaultActions: [{ Type: 'forward', TargetGroupArn: NO.group }],
        }),
      ),
    'TargetGroupNotFound',
  ),
  refused(
    'CreateService with a target group that is not there',
    (on) =>
      raw(
        on,
        ECS,
        'CreateService',
        JSON.stringify({
          serviceName: 'half',
          taskDefinition: 'web',
          desiredCount: 1,
          loadBalancers: [{ targetGroupArn: NO.group, containerName: 'web', containerPort: 80 }],
        }),
      ),
    'InvalidParameterException',
  ),
  refused(
    'RegisterTaskDefinition whose second container is wrong',
    (on) =>
      raw(
        on,
        ECS,
        'RegisterTaskDefinition',
        JSON.stringify({
          ...definition,
          containerDefinitions: [
            ...definition.containerDefinitions,
            { name: 'web', image: 'nginx', memory: 64 },
          ],
        }),
      ),
    'ClientException',
  ),
  refused(
    'RunTask with tags that are refused',
    (on) =>
      raw(
        on,
        ECS,
        'RunTask',
        JSON.stringify({ taskDefinition: 'web', tags: [{ key: 'aws:a', value: 'b' }] }),
      ),
    'InvalidParameterException',
  ),
  refused(
    'TagResource with a good and a bad tag',
    async (on) => {
      const { clusters } = await on.ecs.describeClusters({ clusters: ['default'] });
      const resourceArn = clusters?.[0]?.clusterArn;
      const wrong = [
        { key: 'good', value: 'a' },
        { key: 'k'.repeat(129), value: 'b' },
      ];
      return raw(on, ECS, 'TagResource', JSON.stringify({ resourceArn, tags: wrong }));
    },
    'InvalidParameterException',
  ),
  refused(
    'RegisterScalableTarget of a service that is not there, with tags',
    (on) =>
      raw(
        on,
        SCALING,
        'RegisterScalableTarget',
        JSON.stringify({
          ServiceNamespace: 'ecs',
          ResourceId: 'service/default/none',
          ScalableDimension: 'ecs:service:DesiredCount',
          MinCapacity: 1,
          MaxCapacity: 2,
          Tags: { a: 'b' },
        }),
      ),
    'ValidationException',
  ),
];

// --- anything at all ---

/** Those that change something, but for what ends tasks and services: nothing of what is asked exists. */
const CHANGING = [ecs, scaling].flatMap((model) =>
  Object.entries(model.operations)
    .filter(([name]) => !/^(Describe|List|Get)/.test(name))
    .map(([name, { input }]) => ({
      api: model === ecs ? ECS : SCALING,
      name,
      members: Object.keys(model.structures[input]?.members ?? {}),
    })),
);

const anything: Case = {
  name: 'any JSON under the names of the members, in every operation that changes something',
  call: async (on) => {
    const call = fc.constantFrom(...CHANGING).chain(({ api, name, members }) =>
      fc.record({
        api: fc.constant(api),
        name: fc.constant(name),
        input: fc.dictionary(fc.constantFrom('__proto__', ...members), fc.jsonValue(), {
          minKeys: 1,
          maxKeys: 4,
          noNullPrototype: true,
        }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(call, async ({ api, name, input }) => {
        const before = await snapshot(on);
        const { code } = await raw(on, api, name, JSON.stringify(input));
        if (code !== 'OK') assert.deepEqual(await snapshot(on), before);
      }),
      { numRuns: 300 },
    );
    return true;
  },
  gives: true,
};

const ground: Case = {
  name: 'some of everything',
  call: async (on) => {
    await on.ecs.createCluster({});
    await on.ecs.registerTaskDefinition({ ...definition, family: 'web' } as Parameters<
      typeof on.ecs.registerTaskDefinition
    >[0]);
    await on.ecs.createService({ serviceName: 'web', taskDefinition: 'web', desiredCount: 0 });
    const web = await balancer(on, 'web');
    await group(on, 'group');
    const http = await listener(on, web, 80);
    await rule(on, http, 1);
    const { code } = await raw(
      on,
      SCALING,
      'RegisterScalableTarget',
      JSON.stringify(TAKEN.find(([, name]) => name === 'RegisterScalableTarget')?.[2]),
    );
    return code;
  },
  gives: 'OK',
};

conformance('hostile input', [
  ground,
  ...bodies,
  ...oversize,
  ...unknown,
  ...types,
  ...halves,
  ...texts,
  anything,
]);
