// Target groups, their attributes and their targets through the SDK's client. Source: ALB reference, sections 1.2 to 1.5, 3 and 8.
import {
  AddTagsCommand,
  CreateTargetGroupCommand,
  type CreateTargetGroupCommandInput,
  DeleteListenerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeTagsCommand,
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ModifyTargetGroupAttributesCommand,
  ModifyTargetGroupCommand,
  type ModifyTargetGroupCommandInput,
  RegisterTargetsCommand,
  type TargetDescription,
  waitUntilTargetDeregistered,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import { type Case, conformance, type Ground } from './cases.ts';
import { balancer, byName, group, kept, listener, NO, rule, tags, VPC } from './elbv2-kit.ts';
import { ABSENT, ANY } from './match.ts';

const create = (on: Ground, input: Partial<CreateTargetGroupCommandInput>) =>
  on.elbv2.send(
    new CreateTargetGroupCommand({ Name: 'x', Protocol: 'HTTP', Port: 80, VpcId: VPC, ...input }),
  );

const modify = (on: Ground, input: Partial<ModifyTargetGroupCommandInput>) =>
  on.elbv2.send(new ModifyTargetGroupCommand({ TargetGroupArn: kept(on, 'web'), ...input }));

const setAttributes = async (on: Ground, all: Record<string, string>) => {
  const { Attributes } = await on.elbv2.send(
    new ModifyTargetGroupAttributesCommand({
      TargetGroupArn: kept(on, 'web'),
      Attributes: Object.entries(all).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  return byName(Attributes);
};

const refused = (
  what: string,
  input: Partial<CreateTargetGroupCommandInput>,
  message: string | RegExp,
  fails = 'ValidationError',
): Case => ({
  name: `CreateTargetGroup refuses ${what}`,
  call: (on) => create(on, input),
  fails,
  message,
});

const good = (all: Record<string, string>): Case => ({
  name: `ModifyTargetGroupAttributes takes ${JSON.stringify(all)}`,
  call: (on) => setAttributes(on, all),
  gives: all,
});

const bad = (
  all: Record<string, string>,
  message: string | RegExp,
  fails = 'ValidationError',
): Case => ({
  name: `ModifyTargetGroupAttributes refuses ${JSON.stringify(all)}`,
  call: (on) => setAttributes(on, all),
  fails,
  message,
});

conformance('ELBv2 over the SDK: target groups', [
  refused('a name of 33 characters', { Name: 'a'.repeat(33) }, /name/),
  refused('a name with a dot', { Name: 'a.b' }, /name/),
  refused('a name that ends with a hyphen', { Name: 'a-' }, /name/),
  refused('no port', { Port: undefined }, 'A port must be specified'),
  refused('no protocol', { Protocol: undefined }, 'A protocol must be specified'),
  refused('port 65536', { Port: 65_536 }, /less than or equal to 65535/),
  refused('protocol UDP', { Protocol: 'UDP' }, /UDP/),
  refused(
    'targets that are functions',
    { TargetType: 'lambda' },
    /lambda/,
    'InvalidConfigurationRequestException',
  ),
  refused('a VPC that is none', { VpcId: 'default' }, /vpcId/),
  refused(
    'an interval of 4 seconds',
    { HealthCheckIntervalSeconds: 4 },
    /greater than or equal to 5/,
  ),
  refused('a time-out of 1 second', { HealthCheckTimeoutSeconds: 1 }, /greater than or equal to 2/),
  refused(
    'a time-out of 121 seconds',
    { HealthCheckTimeoutSeconds: 121 },
    /less than or equal to 120/,
  ),
  refused(
    'a time-out as long as the interval',
    { HealthCheckTimeoutSeconds: 30, HealthCheckIntervalSeconds: 30 },
    "Health check timeout '30' must be smaller than the interval '30'",
  ),
  refused('a healthy threshold of 1', { HealthyThresholdCount: 1 }, /greater than or equal to 2/),
  refused(
    'an unhealthy threshold of 11',
    { UnhealthyThresholdCount: 11 },
    /less than or equal to 10/,
  ),
  refused('a matcher beyond 499', { Matcher: { HttpCode: '200-500' } }, /499/),
  refused('a matcher that is none', { Matcher: { HttpCode: 'ok' } }, /matcher/),
  refused('a path without a slash', { HealthCheckPath: 'health' }, /path/),
  refused('a path of 1025 characters', { HealthCheckPath: `/${'a'.repeat(1024)}` }, /1024/),
  refused('a check on a port that is none', { HealthCheckPort: '0' }, /port/),
  refused('checks over TCP', { HealthCheckProtocol: 'TCP' }, /TCP/),
  refused(
    'the port of an agent of AWS’s',
    { TargetControlPort: 3000 },
    /TargetControlPort is not supported/,
  ),
  refused('51 tags', { Tags: tags(51) }, /tags/, 'TooManyTagsException'),
  refused(
    'a tag twice',
    { Tags: [...tags(1), ...tags(1)] },
    /more than once/,
    'DuplicateTagKeysException',
  ),
  {
    name: 'none of these was made',
    call: ({ elbv2 }) => elbv2.send(new DescribeTargetGroupsCommand({})),
    gives: { TargetGroups: [] },
  },
  {
    name: 'CreateTargetGroup with nothing but what it must have',
    call: (on) => create(on, { Name: 'plain' }),
    gives: {
      TargetGroups: [{ TargetType: 'instance', ProtocolVersion: 'HTTP1', IpAddressType: 'ipv4' }],
    },
  },
  {
    name: 'CreateTargetGroup at all edges at once',
    call: (on) =>
      create(on, {
        Name: 'a'.repeat(32),
        Port: 65_535,
        HealthCheckIntervalSeconds: 300,
        HealthCheckTimeoutSeconds: 120,
        HealthyThresholdCount: 10,
        UnhealthyThresholdCount: 2,
        HealthCheckPath: `/${'a'.repeat(1023)}`,
        HealthCheckPort: '65535',
        Matcher: { HttpCode: '200-499' },
        Tags: tags(50),
      }),
    gives: {
      TargetGroups: [
        {
          Port: 65_535,
          HealthCheckIntervalSeconds: 300,
          HealthCheckTimeoutSeconds: 120,
          HealthCheckPort: '65535',
          Matcher: { HttpCode: '200-499' },
        },
      ],
    },
  },
  {
    name: 'a gRPC group is checked as such',
    call: (on) => create(on, { Name: 'grpc', ProtocolVersion: 'GRPC' }),
    gives: {
      TargetGroups: [
        {
          ProtocolVersion: 'GRPC',
          HealthCheckPath: '/AWS.ALB/healthcheck',
          Matcher: { GrpcCode: '12', HttpCode: ABSENT },
        },
      ],
    },
  },
  {
    name: 'a gRPC group with gRPC codes',
    call: (on) =>
      create(on, { Name: 'grpc2', ProtocolVersion: 'GRPC', Matcher: { GrpcCode: '0-99' } }),
    gives: { TargetGroups: [{ Matcher: { GrpcCode: '0-99' } }] },
  },
  refused('gRPC code 100', { ProtocolVersion: 'GRPC', Matcher: { GrpcCode: '100' } }, /99/),
  {
    name: 'an HTTPS group is checked over HTTP unless something else is said',
    call: (on) => create(on, { Name: 'tls', Protocol: 'HTTPS', Port: 443 }),
    gives: { TargetGroups: [{ Protocol: 'HTTPS', HealthCheckProtocol: 'HTTP' }] },
  },
  {
    name: 'CreateTargetGroup again with its defaults spelled out is the same one',
    call: async (on) => {
      const first = await group(on, 'web');
      const again = await group(on, 'web', {
        ProtocolVersion: 'HTTP1',
        HealthCheckEnabled: true,
        HealthCheckPath: '/',
        HealthCheckIntervalSeconds: 30,
        Matcher: { HttpCode: '200' },
      });
      return first === again;
    },
    gives: true,
  },
  {
    name: 'CreateTargetGroup again with another port',
    call: (on) => create(on, { Name: 'web', TargetType: 'ip', Port: 81 }),
    fails: 'DuplicateTargetGroupNameException',
    message: "A target group with the same name 'web' exists, but with different settings",
  },
  {
    name: 'DescribeTargetGroups by a name that there is not, as Terraform asks before it creates',
    call: ({ elbv2 }) => elbv2.send(new DescribeTargetGroupsCommand({ Names: ['none'] })),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'DescribeTargetGroups by names and ARNs',
    call: ({ elbv2 }) =>
      elbv2.send(new DescribeTargetGroupsCommand({ Names: ['web'], TargetGroupArns: [NO.group] })),
    fails: 'ValidationError',
  },
  {
    name: 'DescribeTargetGroups of a load balancer that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(new DescribeTargetGroupsCommand({ LoadBalancerArn: NO.balancer })),
    fails: 'LoadBalancerNotFoundException',
  },
  {
    name: 'DescribeTargetGroups page by page',
    call: async ({ elbv2 }) => {
      const names: (string | undefined)[] = [];
      let Marker: string | undefined;
      do {
        const page = await elbv2.send(new DescribeTargetGroupsCommand({ PageSize: 1, Marker }));
        names.push(...(page.TargetGroups ?? []).map(({ TargetGroupName }) => TargetGroupName));
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      return names;
    },
    gives: ['a'.repeat(32), 'grpc', 'grpc2', 'plain', 'tls', 'web'],
  },
  {
    name: 'ModifyTargetGroup can’t make the time-out as long as the interval that there is',
    call: (on) => modify(on, { HealthCheckTimeoutSeconds: 30 }),
    fails: 'ValidationError',
    message: "Health check timeout '30' must be smaller than the interval '30'",
  },
  {
    name: 'ModifyTargetGroup changes both together',
    call: (on) => modify(on, { HealthCheckTimeoutSeconds: 30, HealthCheckIntervalSeconds: 31 }),
    gives: {
      TargetGroups: [
        { HealthCheckTimeoutSeconds: 30, HealthCheckIntervalSeconds: 31, HealthCheckPath: '/' },
      ],
    },
  },
  {
    name: 'ModifyTargetGroup of nothing changes nothing',
    call: (on) => modify(on, {}),
    gives: { TargetGroups: [{ HealthCheckTimeoutSeconds: 30 }] },
  },
  {
    name: 'ModifyTargetGroup can’t turn checks off',
    call: (on) => modify(on, { HealthCheckEnabled: false }),
    fails: 'ValidationError',
    message: /^Health check enabled must be true/,
  },
  {
    name: 'ModifyTargetGroup of one that there is not',
    call: (on) => modify(on, { TargetGroupArn: NO.group }),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'tags of a target group',
    call: async (on) => {
      const ResourceArns = [kept(on, 'web')];
      await on.elbv2.send(new AddTagsCommand({ ResourceArns, Tags: tags(2) }));
      return on.elbv2.send(new DescribeTagsCommand({ ResourceArns }));
    },
    gives: { TagDescriptions: [{ ResourceArn: /:targetgroup\/web\//, Tags: tags(2) }] },
  },
  {
    name: 'DeleteTargetGroup of one that there is not succeeds',
    call: ({ elbv2 }) => elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: NO.group })),
    gives: { $metadata: { httpStatusCode: 200 } },
  },
]);

conformance('ELBv2 over the SDK: attributes of target groups', [
  {
    name: 'DescribeTargetGroupAttributes has all of ALB’s, with their defaults',
    call: async (on) => {
      const TargetGroupArn = await group(on, 'web');
      const all = await on.elbv2.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn }));
      return byName(all.Attributes);
    },
    gives: {
      'deregistration_delay.timeout_seconds': '300',
      'slow_start.duration_seconds': '0',
      'load_balancing.algorithm.type': 'round_robin',
      'load_balancing.algorithm.anomaly_mitigation': 'off',
      'load_balancing.cross_zone.enabled': 'use_load_balancer_configuration',
      'stickiness.enabled': 'false',
      'stickiness.type': 'lb_cookie',
      'stickiness.lb_cookie.duration_seconds': '86400',
      'stickiness.app_cookie.duration_seconds': '86400',
      'stickiness.app_cookie.cookie_name': '',
      'target_group_health.dns_failover.minimum_healthy_targets.count': '1',
      'target_group_health.dns_failover.minimum_healthy_targets.percentage': 'off',
      'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': '1',
      'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage': 'off',
    },
  },
  good({ 'deregistration_delay.timeout_seconds': '0' }),
  good({ 'deregistration_delay.timeout_seconds': '3600' }),
  bad({ 'deregistration_delay.timeout_seconds': '3601' }, /deregistration_delay/),
  bad({ 'deregistration_delay.timeout_seconds': '-1' }, /deregistration_delay/),
  bad({ 'slow_start.duration_seconds': '29' }, /slow_start/),
  good({ 'slow_start.duration_seconds': '30' }),
  good({ 'slow_start.duration_seconds': '900' }),
  bad({ 'slow_start.duration_seconds': '901' }, /slow_start/),
  bad(
    { 'load_balancing.algorithm.type': 'least_outstanding_requests' },
    /slow_start\.duration_seconds/,
    'InvalidConfigurationRequestException',
  ),
  good({
    'load_balancing.algorithm.type': 'least_outstanding_requests',
    'slow_start.duration_seconds': '0',
  }),
  bad(
    { 'load_balancing.algorithm.anomaly_mitigation': 'on' },
    /weighted_random/,
    'InvalidConfigurationRequestException',
  ),
  good({
    'load_balancing.algorithm.type': 'weighted_random',
    'load_balancing.algorithm.anomaly_mitigation': 'on',
  }),
  bad({ 'load_balancing.algorithm.type': 'random' }, /load_balancing\.algorithm\.type/),
  bad({ 'stickiness.lb_cookie.duration_seconds': '0' }, /stickiness/),
  good({ 'stickiness.lb_cookie.duration_seconds': '604800' }),
  bad({ 'stickiness.lb_cookie.duration_seconds': '604801' }, /stickiness/),
  bad({ 'stickiness.type': 'source_ip' }, /stickiness\.type/),
  bad(
    { 'stickiness.enabled': 'true', 'stickiness.type': 'app_cookie' },
    /cookie_name/,
    'InvalidConfigurationRequestException',
  ),
  bad(
    { 'stickiness.app_cookie.cookie_name': 'AWSALBAPP-x' },
    /reserved/,
    'InvalidConfigurationRequestException',
  ),
  good({
    'stickiness.enabled': 'true',
    'stickiness.type': 'app_cookie',
    'stickiness.app_cookie.cookie_name': 'session',
  }),
  bad(
    { 'proxy_protocol_v2.enabled': 'true' },
    /^Target group attribute key 'proxy_protocol_v2\.enabled' is not supported/,
  ),
  bad({ 'nobody.knows': 'x' }, "Target group attribute key 'nobody.knows' is not recognized"),
  bad(
    {
      'target_group_health.dns_failover.minimum_healthy_targets.count': '1',
      'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': '2',
    },
    /at least/,
    'InvalidConfigurationRequestException',
  ),
  {
    name: 'attributes of a target group that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn: NO.group })),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'Berth’s own attributes stand beside them',
    call: (on) => setAttributes(on, { 'berth.retries.attempts': '1' }),
    gives: { 'berth.retries.attempts': '1', 'stickiness.type': 'app_cookie' },
  },
]);

const register = (on: Ground, name: string, ...Targets: TargetDescription[]) =>
  on.elbv2.send(new RegisterTargetsCommand({ TargetGroupArn: kept(on, name), Targets }));

const deregister = (on: Ground, name: string, ...Targets: TargetDescription[]) =>
  on.elbv2.send(new DeregisterTargetsCommand({ TargetGroupArn: kept(on, name), Targets }));

/** Once the controller has made targets of what is registered, and forgotten those that have drained. */
const health = async (on: Ground, name: string, Targets?: TargetDescription[]) => {
  const { TargetHealthDescriptions = [] } = await on.elbv2.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: kept(on, name), Targets }),
  );
  return TargetHealthDescriptions.map(({ Target, TargetHealth, HealthCheckPort }) => ({
    at: `${Target?.Id ?? ''}:${Target?.Port ?? ''}`,
    state: TargetHealth?.State,
    reason: TargetHealth?.Reason,
    text: TargetHealth?.Description,
    check: HealthCheckPort,
  }));
};

conformance('ELBv2 over the SDK: targets', [
  {
    name: 'a registered target of a group that nothing names is unused',
    call: async (on) => {
      await group(on, 'web', { Port: 8080 });
      await register(on, 'web', { Id: '10.0.0.1' });
      return health(on, 'web');
    },
    gives: [
      {
        at: '10.0.0.1:8080',
        state: 'unused',
        reason: 'Target.NotInUse',
        text: 'Target group is not configured to receive traffic from the load balancer',
        check: ABSENT,
      },
    ],
  },
  {
    name: 'registered again it is there once; with another port twice',
    call: async (on) => {
      await register(on, 'web', { Id: '10.0.0.1', Port: 8080 }, { Id: '10.0.0.1', Port: 9090 });
      return health(on, 'web');
    },
    gives: [{ at: '10.0.0.1:8080' }, { at: '10.0.0.1:9090' }],
  },
  {
    name: 'an address of the internet is no target',
    call: (on) => register(on, 'web', { Id: '10.0.0.2' }, { Id: '8.8.8.8' }),
    fails: 'InvalidTargetException',
    message: /8\.8\.8\.8/,
  },
  {
    name: 'what is no address is no target of a group of addresses',
    call: (on) => register(on, 'web', { Id: 'i-0123456789abcdef0' }),
    fails: 'InvalidTargetException',
    message: /i-0123456789abcdef0/,
  },
  {
    name: 'a host that there is not is no target of a group of hosts',
    call: async (on) => {
      await group(on, 'hosts', { TargetType: 'instance' });
      return register(on, 'hosts', { Id: 'i-0123456789abcdef0' });
    },
    fails: 'InvalidTargetException',
    message: /i-0123456789abcdef0/,
  },
  {
    name: 'no targets at all',
    call: (on) => register(on, 'web'),
    fails: 'ValidationError',
  },
  {
    name: 'port 0',
    call: (on) => register(on, 'web', { Id: '10.0.0.9', Port: 0 }),
    fails: 'ValidationError',
    message: /greater than or equal to 1/,
  },
  {
    name: 'refused calls registered nothing',
    call: (on) => health(on, 'web'),
    gives: [{ at: '10.0.0.1:8080' }, { at: '10.0.0.1:9090' }],
  },
  {
    name: 'RegisterTargets with a group that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(
        new RegisterTargetsCommand({ TargetGroupArn: NO.group, Targets: [{ Id: '10.0.0.1' }] }),
      ),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'a target that is asked for and not there',
    call: (on) => health(on, 'web', [{ Id: '10.9.9.9', Port: 1 }]),
    gives: [
      {
        at: '10.9.9.9:1',
        state: 'unused',
        reason: 'Target.NotRegistered',
        text: 'Target is not registered to the target group',
        check: ABSENT,
      },
    ],
  },
  {
    name: 'the whole of the private ranges',
    call: async (on) => {
      const ids = ['10.255.255.255', '172.16.0.1', '172.31.255.254', '192.168.1.1', '100.64.0.1'];
      await register(on, 'web', ...ids.map((Id) => ({ Id })));
      return (await health(on, 'web')).length;
    },
    gives: 7,
  },
  {
    name: 'once a rule names the group its targets are initial',
    call: async (on) => {
      await balancer(on, 'web-lb');
      await listener(on, kept(on, 'web-lb'), 8080);
      await rule(on, kept(on, '8080'), 5, {
        Actions: [{ Type: 'forward', TargetGroupArn: kept(on, 'web') }],
      });
      return health(on, 'web', [{ Id: '10.0.0.1', Port: 9090 }]);
    },
    gives: [{ at: '10.0.0.1:9090', state: 'initial', reason: 'Elb.RegistrationInProgress' }],
  },
  {
    name: 'DescribeTargetHealth of a group that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeTargetHealthCommand({ TargetGroupArn: NO.group })),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'anomalies are shown to those who ask',
    call: async (on) => {
      const TargetGroupArn = kept(on, 'web');
      const plain = await on.elbv2.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
      const all = await on.elbv2.send(
        new DescribeTargetHealthCommand({ TargetGroupArn, Include: ['AnomalyDetection'] }),
      );
      return {
        plain: plain.TargetHealthDescriptions?.find(({ Target }) => Target?.Port === 9090),
        all: all.TargetHealthDescriptions?.find(({ Target }) => Target?.Port === 9090),
      };
    },
    gives: {
      plain: { AnomalyDetection: ABSENT },
      all: { AnomalyDetection: { Result: 'normal', MitigationInEffect: 'no' } },
    },
  },
  {
    name: 'DeregisterTargets of one that is not registered succeeds',
    call: (on) => deregister(on, 'web', { Id: '10.44.44.44' }),
    gives: { $metadata: { httpStatusCode: 200 } },
  },
  {
    name: 'DeregisterTargets without a port takes every port; the waiter ends',
    call: async (on) => {
      const TargetGroupArn = kept(on, 'web');
      const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '0' }];
      await on.elbv2.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
      await deregister(on, 'web', { Id: '10.0.0.1' });
      return waitUntilTargetDeregistered(
        { client: on.elbv2, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
        {
          TargetGroupArn,
          Targets: [
            { Id: '10.0.0.1', Port: 8080 },
            { Id: '10.0.0.1', Port: 9090 },
          ],
        },
      );
    },
    gives: { state: 'SUCCESS' },
  },
  {
    name: 'DeleteTargetGroup while a rule names it',
    call: (on) => on.elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: kept(on, 'web') })),
    fails: 'ResourceInUseException',
    message:
      /^Target group 'arn:aws:elasticloadbalancing:[^']*' is currently in use by a listener or a rule$/,
  },
  {
    name: 'DeleteTargetGroup once the listener is gone, with registered targets',
    call: async (on) => {
      await on.elbv2.send(new DeleteListenerCommand({ ListenerArn: kept(on, '8080') }));
      await on.elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: kept(on, 'web') }));
      return on.elbv2.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [kept(on, 'web')] }));
    },
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'a group made anew has none of its targets',
    call: async (on) => {
      await group(on, 'web');
      return health(on, 'web');
    },
    gives: [],
  },
  {
    name: 'a group takes a thousand targets, and not one more',
    call: async (on) => {
      const all = Array.from({ length: 1000 }, (_, index) => ({ Id: '10.1.1.1', Port: index + 1 }));
      await register(on, 'web', ...all);
      return register(on, 'web', { Id: '10.1.1.2', Port: 1 });
    },
    fails: 'TooManyTargetsException',
    message: /1000/,
  },
  {
    name: 'what came beyond is not registered',
    call: async (on) => (await health(on, 'web', [{ Id: '10.1.1.2', Port: 1 }]))[0],
    gives: { reason: 'Target.NotRegistered', state: 'unused', text: ANY },
  },
  {
    name: 'the groups of a load balancer take a thousand targets together, as the account limits say',
    call: async (on) => {
      const many = (count: number, Id: string) =>
        Array.from({ length: count }, (_, index) => ({ Id, Port: index + 1 }));
      const LoadBalancerArn = await balancer(on, 'quota');
      const forward = (TargetGroupArn: string) => ({ Type: 'forward' as const, TargetGroupArn });
      const [first, second] = [await group(on, 'quota-1'), await group(on, 'quota-2')];
      await listener(on, LoadBalancerArn, 9001, { DefaultActions: [forward(first)] });
      await listener(on, LoadBalancerArn, 9002, { DefaultActions: [forward(second)] });
      await register(on, 'quota-1', ...many(600, '10.0.0.1'));
      await register(on, 'quota-2', ...many(400, '10.0.0.2'));
      return register(on, 'quota-2', { Id: '10.0.0.3' });
    },
    fails: 'TooManyTargetsException',
    message: /^Load balancer quota would have 1001 registered targets; expected at most 1000/,
  },
  {
    name: 'a group that follows the application’s cookie is no part of a weighted action',
    call: async (on) => {
      await on.elbv2.send(
        new ModifyTargetGroupAttributesCommand({
          TargetGroupArn: kept(on, 'quota-1'),
          Attributes: [
            { Key: 'stickiness.enabled', Value: 'true' },
            { Key: 'stickiness.type', Value: 'app_cookie' },
            { Key: 'stickiness.app_cookie.cookie_name', Value: 'session' },
          ],
        }),
      );
      const TargetGroups = ['quota-1', 'quota-2'].map((name) => ({
        TargetGroupArn: kept(on, name),
      }));
      return listener(on, kept(on, 'quota'), 9003, {
        DefaultActions: [{ Type: 'forward', ForwardConfig: { TargetGroups } }],
      });
    },
    fails: 'InvalidConfigurationRequestException',
    message: /^Target group quota-1 has stickiness of type app_cookie/,
  },
]);
