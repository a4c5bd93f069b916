// Load balancers, target groups, listeners, rules, attributes and tags through the SDK's client. Source: ALB reference, section 1.
import {
  AddTagsCommand,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeleteRuleCommand,
  DeleteTargetGroupCommand,
  DescribeAccountLimitsCommand,
  DescribeCapacityReservationCommand,
  DescribeListenerAttributesCommand,
  DescribeListenersCommand,
  DescribeLoadBalancerAttributesCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeSSLPoliciesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ModifyCapacityReservationCommand,
  ModifyLoadBalancerAttributesCommand,
  ModifyRuleCommand,
  ModifyTargetGroupAttributesCommand,
  ModifyTargetGroupCommand,
  RegisterTargetsCommand,
  RemoveTagsCommand,
  SetRulePrioritiesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import { conformance, type Ground } from './cases.ts';
import { ABSENT, ANY, RECENT } from './match.ts';

const ARN = 'arn:aws:elasticloadbalancing:us-east-1:000000000000';
const SUBNETS = ['subnet-0be27400000000000', 'subnet-0be27400000000001'];

/** An ARN that an earlier case kept. */
const kept = ({ kept: all }: Ground, name: string): string => {
  const found = all[name];
  if (found === undefined) throw new Error(`no case before this one kept ${name}`);
  return found;
};

interface Attribute {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

function byName(attributes: readonly Attribute[] = []): Record<string, string | undefined> {
  return Object.fromEntries(attributes.map(({ Key = '', Value }) => [Key, Value]));
}

conformance('ELBv2 over the SDK', [
  {
    name: 'DescribeLoadBalancers of a name that there is not, as Terraform asks before it creates',
    call: ({ elbv2 }) => elbv2.send(new DescribeLoadBalancersCommand({ Names: ['web'] })),
    fails: 'LoadBalancerNotFoundException',
  },
  {
    name: 'CreateLoadBalancer is provisioning at first',
    call: async (on) => {
      const made = await on.elbv2.send(
        new CreateLoadBalancerCommand({
          Name: 'web',
          Subnets: SUBNETS,
          Tags: [{ Key: 'team', Value: 'a b=c' }],
        }),
      );
      on.kept['lb'] = made.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
      return made;
    },
    gives: {
      LoadBalancers: [
        {
          LoadBalancerArn:
            /^arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer\/app\/web\/[0-9a-f]{16}$/,
          LoadBalancerName: 'web',
          DNSName: /^web-\d+\./,
          CanonicalHostedZoneId: ANY,
          CreatedTime: RECENT,
          Scheme: 'internet-facing',
          VpcId: /^vpc-/,
          State: { Code: 'provisioning' },
          Type: 'application',
          IpAddressType: 'ipv4',
          AvailabilityZones: [
            { ZoneName: 'us-east-1a', SubnetId: SUBNETS[0], LoadBalancerAddresses: [] },
            { ZoneName: 'us-east-1b', SubnetId: SUBNETS[1] },
          ],
        },
      ],
    },
  },
  {
    name: 'CreateLoadBalancer with the same settings gives the same',
    call: ({ elbv2 }) =>
      elbv2.send(
        new CreateLoadBalancerCommand({
          Name: 'web',
          Subnets: SUBNETS,
          Tags: [{ Key: 'team', Value: 'a b=c' }],
        }),
      ),
    gives: { LoadBalancers: [{ LoadBalancerName: 'web' }] },
  },
  {
    name: 'CreateLoadBalancer with other settings',
    call: ({ elbv2 }) =>
      elbv2.send(
        new CreateLoadBalancerCommand({ Name: 'web', Scheme: 'internal', Subnets: SUBNETS }),
      ),
    fails: 'DuplicateLoadBalancerNameException',
  },
  {
    name: 'CreateLoadBalancer of a type that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(new CreateLoadBalancerCommand({ Name: 'x', Type: 'classic' as 'application' })),
    fails: 'ValidationError',
    message:
      "1 validation error detected: Value 'classic' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [application, gateway, network]",
  },
  {
    name: 'CreateLoadBalancer with a pool of AWS’s',
    call: ({ elbv2 }) =>
      elbv2.send(
        new CreateLoadBalancerCommand({ Name: 'x', CustomerOwnedIpv4Pool: 'ipv4pool-coip-a' }),
      ),
    fails: 'ValidationError',
    message: /^CustomerOwnedIpv4Pool is not supported by Berth\./,
  },
  {
    name: 'DescribeLoadBalancers shows it active',
    call: (on) =>
      on.elbv2.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [kept(on, 'lb')] })),
    gives: { LoadBalancers: [{ State: { Code: 'active' } }], NextMarker: ABSENT },
  },
  {
    name: 'ModifyLoadBalancerAttributes keeps what is not given',
    call: async (on) => {
      const LoadBalancerArn = kept(on, 'lb');
      const Attributes = [{ Key: 'idle_timeout.timeout_seconds', Value: '30' }];
      await on.elbv2.send(new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes }));
      const all = await on.elbv2.send(
        new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn }),
      );
      return byName(all.Attributes);
    },
    gives: { 'idle_timeout.timeout_seconds': '30', 'deletion_protection.enabled': 'false' },
  },
  {
    name: 'ModifyLoadBalancerAttributes in the words that Terraform looks for',
    call: (on) =>
      on.elbv2.send(
        new ModifyLoadBalancerAttributesCommand({
          LoadBalancerArn: kept(on, 'lb'),
          Attributes: [{ Key: 'nobody.knows', Value: '1' }],
        }),
      ),
    fails: 'ValidationError',
    message: /attribute key 'nobody\.knows' is not (recognized|supported)/,
  },
  {
    name: 'CreateTargetGroup with its defaults',
    call: async (on) => {
      const made = await on.elbv2.send(
        new CreateTargetGroupCommand({
          Name: 'web',
          Protocol: 'HTTP',
          Port: 80,
          VpcId: 'vpc-0be27400000000000',
          TargetType: 'ip',
        }),
      );
      on.kept['tg'] = made.TargetGroups?.[0]?.TargetGroupArn ?? '';
      return made;
    },
    gives: {
      TargetGroups: [
        {
          TargetGroupArn: /:targetgroup\/web\/[0-9a-f]{16}$/,
          Protocol: 'HTTP',
          Port: 80,
          VpcId: 'vpc-0be27400000000000',
          TargetType: 'ip',
          ProtocolVersion: 'HTTP1',
          IpAddressType: 'ipv4',
          HealthCheckEnabled: true,
          HealthCheckProtocol: 'HTTP',
          HealthCheckPort: 'traffic-port',
          HealthCheckPath: '/',
          HealthCheckIntervalSeconds: 30,
          HealthCheckTimeoutSeconds: 5,
          HealthyThresholdCount: 5,
          UnhealthyThresholdCount: 2,
          Matcher: { HttpCode: '200' },
          LoadBalancerArns: [],
        },
      ],
    },
  },
  {
    name: 'CreateTargetGroup whose checks are off',
    call: ({ elbv2 }) =>
      elbv2.send(
        new CreateTargetGroupCommand({
          Name: 'off',
          Protocol: 'HTTP',
          Port: 80,
          VpcId: 'vpc-1',
          HealthCheckEnabled: false,
        }),
      ),
    fails: 'ValidationError',
    message: /^Health check enabled must be true/,
  },
  {
    name: 'CreateTargetGroup with an interval out of range',
    call: ({ elbv2 }) =>
      elbv2.send(
        new CreateTargetGroupCommand({
          Name: 'off',
          Protocol: 'HTTP',
          Port: 0,
          HealthCheckIntervalSeconds: 301,
        }),
      ),
    fails: 'ValidationError',
    message:
      "2 validation errors detected: Value '0' at 'port' failed to satisfy constraint: Member must have value greater than or equal to 1; " +
      "Value '301' at 'healthCheckIntervalSeconds' failed to satisfy constraint: Member must have value less than or equal to 300",
  },
  {
    name: 'ModifyTargetGroup changes what is given',
    call: (on) =>
      on.elbv2.send(
        new ModifyTargetGroupCommand({
          TargetGroupArn: kept(on, 'tg'),
          HealthCheckPath: '/health?a=1&b=2',
          Matcher: { HttpCode: '200-299' },
        }),
      ),
    gives: {
      TargetGroups: [
        {
          HealthCheckPath: '/health?a=1&b=2',
          Matcher: { HttpCode: '200-299' },
          HealthyThresholdCount: 5,
        },
      ],
    },
  },
  {
    name: 'ModifyTargetGroupAttributes and back',
    call: async (on) => {
      const TargetGroupArn = kept(on, 'tg');
      const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '5' }];
      await on.elbv2.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
      const all = await on.elbv2.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn }));
      return byName(all.Attributes);
    },
    gives: { 'deregistration_delay.timeout_seconds': '5', 'stickiness.enabled': 'false' },
  },
  {
    name: 'RegisterTargets, as an address',
    call: async (on) => {
      const TargetGroupArn = kept(on, 'tg');
      await on.elbv2.send(
        new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: '10.1.2.3', Port: 8080 }] }),
      );
      return on.elbv2.send(
        new DescribeTargetHealthCommand({ TargetGroupArn, Targets: [{ Id: '10.9.9.9', Port: 1 }] }),
      );
    },
    gives: {
      TargetHealthDescriptions: [
        { Target: { Id: '10.9.9.9', Port: 1 }, TargetHealth: { State: 'unused', Reason: ANY } },
      ],
    },
  },
  {
    name: 'CreateListener without a port',
    call: (on) =>
      on.elbv2.send(
        new CreateListenerCommand({
          LoadBalancerArn: kept(on, 'lb'),
          Protocol: 'HTTP',
          DefaultActions: [{ Type: 'forward', TargetGroupArn: kept(on, 'tg') }],
        }),
      ),
    fails: 'ValidationError',
    message: 'A listener port must be specified',
  },
  {
    name: 'CreateListener shows a forward in both of its forms',
    call: async (on) => {
      const made = await on.elbv2.send(
        new CreateListenerCommand({
          LoadBalancerArn: kept(on, 'lb'),
          Protocol: 'HTTP',
          Port: 8080,
          DefaultActions: [{ Type: 'forward', TargetGroupArn: kept(on, 'tg') }],
        }),
      );
      on.kept['listener'] = made.Listeners?.[0]?.ListenerArn ?? '';
      return made;
    },
    gives: {
      Listeners: [
        {
          ListenerArn: /:listener\/app\/web\/[0-9a-f]{16}\/[0-9a-f]{16}$/,
          LoadBalancerArn: /:loadbalancer\/app\/web\//,
          Port: 8080,
          Protocol: 'HTTP',
          DefaultActions: [
            {
              Type: 'forward',
              TargetGroupArn: /:targetgroup\/web\//,
              ForwardConfig: {
                TargetGroups: [{ TargetGroupArn: /:targetgroup\/web\//, Weight: 1 }],
                TargetGroupStickinessConfig: { Enabled: false },
              },
            },
          ],
        },
      ],
    },
  },
  {
    name: 'CreateListener to a target group that there is not',
    call: (on) =>
      on.elbv2.send(
        new CreateListenerCommand({
          LoadBalancerArn: kept(on, 'lb'),
          Protocol: 'HTTP',
          Port: 8081,
          DefaultActions: [
            { Type: 'forward', TargetGroupArn: `${ARN}:targetgroup/none/0123456789abcdef` },
          ],
        }),
      ),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'DescribeListenerAttributes, which Terraform reads',
    call: (on) =>
      on.elbv2.send(new DescribeListenerAttributesCommand({ ListenerArn: kept(on, 'listener') })),
    gives: { Attributes: ANY },
  },
  {
    name: 'DescribeListeners of the load balancer',
    call: (on) => on.elbv2.send(new DescribeListenersCommand({ LoadBalancerArn: kept(on, 'lb') })),
    gives: { Listeners: [{ Port: 8080 }] },
  },
  {
    name: 'CreateRule always shows the typed configuration, and the values beside it',
    call: async (on) => {
      const made = await on.elbv2.send(
        new CreateRuleCommand({
          ListenerArn: kept(on, 'listener'),
          Priority: 10,
          Conditions: [
            { Field: 'path-pattern', Values: ['/api/*'] },
            {
              Field: 'http-header',
              HttpHeaderConfig: { HttpHeaderName: 'X-A', Values: ['1', '2'] },
            },
            { Field: 'query-string', QueryStringConfig: { Values: [{ Key: 'v', Value: '1' }] } },
          ],
          Actions: [
            {
              Type: 'fixed-response',
              FixedResponseConfig: {
                StatusCode: '404',
                ContentType: 'text/plain',
                MessageBody: '<no>',
              },
            },
          ],
        }),
      );
      on.kept['rule'] = made.Rules?.[0]?.RuleArn ?? '';
      return made;
    },
    gives: {
      Rules: [
        {
          RuleArn: /:listener-rule\/app\/web\/[0-9a-f]{16}\/[0-9a-f]{16}\/[0-9a-f]{16}$/,
          Priority: '10',
          IsDefault: false,
          Conditions: [
            {
              Field: 'path-pattern',
              Values: ['/api/*'],
              PathPatternConfig: { Values: ['/api/*'] },
            },
            {
              Field: 'http-header',
              Values: ['1', '2'],
              HttpHeaderConfig: { HttpHeaderName: 'X-A', Values: ['1', '2'] },
            },
            { Field: 'query-string', QueryStringConfig: { Values: [{ Key: 'v', Value: '1' }] } },
          ],
          Actions: [
            {
              Type: 'fixed-response',
              FixedResponseConfig: {
                StatusCode: '404',
                ContentType: 'text/plain',
                MessageBody: '<no>',
              },
            },
          ],
        },
      ],
    },
  },
  {
    name: 'CreateRule at a priority that is taken',
    call: (on) =>
      on.elbv2.send(
        new CreateRuleCommand({
          ListenerArn: kept(on, 'listener'),
          Priority: 10,
          Conditions: [{ Field: 'path-pattern', Values: ['/x'] }],
          Actions: [
            { Type: 'redirect', RedirectConfig: { StatusCode: 'HTTP_301', Host: 'b.example.com' } },
          ],
        }),
      ),
    fails: 'PriorityInUseException',
  },
  {
    name: 'ModifyRule replaces the actions and keeps the conditions',
    call: (on) =>
      on.elbv2.send(
        new ModifyRuleCommand({
          RuleArn: kept(on, 'rule'),
          Actions: [
            {
              Type: 'forward',
              ForwardConfig: {
                TargetGroups: [{ TargetGroupArn: kept(on, 'tg'), Weight: 5 }],
                TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 60 },
              },
            },
          ],
        }),
      ),
    gives: {
      Rules: [
        {
          Conditions: [
            { Field: 'path-pattern' },
            { Field: 'http-header' },
            { Field: 'query-string' },
          ],
          Actions: [
            {
              Type: 'forward',
              ForwardConfig: {
                TargetGroups: [{ Weight: 5 }],
                TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 60 },
              },
            },
          ],
        },
      ],
    },
  },
  {
    name: 'DescribeRules has the default rule last',
    call: (on) => on.elbv2.send(new DescribeRulesCommand({ ListenerArn: kept(on, 'listener') })),
    gives: {
      Rules: [
        { Priority: '10', IsDefault: false },
        { Priority: 'default', IsDefault: true, Conditions: [] },
      ],
    },
  },
  {
    name: 'DescribeRules of nothing in particular',
    call: ({ elbv2 }) => elbv2.send(new DescribeRulesCommand({})),
    fails: 'ValidationError',
  },
  {
    name: 'DescribeRules by both of its selectors',
    call: (on) =>
      on.elbv2.send(
        new DescribeRulesCommand({
          ListenerArn: kept(on, 'listener'),
          RuleArns: [kept(on, 'rule')],
        }),
      ),
    fails: 'ValidationError',
    message: /only one of RuleArns and ListenerArn/,
  },
  {
    name: 'SetRulePriorities moves it',
    call: (on) =>
      on.elbv2.send(
        new SetRulePrioritiesCommand({
          RulePriorities: [{ RuleArn: kept(on, 'rule'), Priority: 20 }],
        }),
      ),
    gives: { Rules: [{ Priority: '20' }] },
  },
  {
    name: 'DeleteTargetGroup while it is in use, in the words that Terraform waits for',
    call: (on) => on.elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: kept(on, 'tg') })),
    fails: 'ResourceInUseException',
    message: /is currently in use by a listener or a rule/,
  },
  {
    name: 'DescribeTargetGroups by load balancer',
    call: (on) =>
      on.elbv2.send(new DescribeTargetGroupsCommand({ LoadBalancerArn: kept(on, 'lb') })),
    gives: { TargetGroups: [{ TargetGroupName: 'web', LoadBalancerArns: [/\/app\/web\//] }] },
  },
  {
    name: 'AddTags, RemoveTags, DescribeTags',
    call: async (on) => {
      const ResourceArns = [kept(on, 'lb'), kept(on, 'rule')];
      await on.elbv2.send(
        new AddTagsCommand({
          ResourceArns,
          Tags: [
            { Key: 'a', Value: '' },
            { Key: 'b', Value: '2' },
          ],
        }),
      );
      await on.elbv2.send(new RemoveTagsCommand({ ResourceArns, TagKeys: ['b', 'none'] }));
      return on.elbv2.send(new DescribeTagsCommand({ ResourceArns }));
    },
    gives: {
      TagDescriptions: [
        {
          Tags: [
            { Key: 'team', Value: 'a b=c' },
            { Key: 'a', Value: '' },
          ],
        },
        { Tags: [{ Key: 'a', Value: '' }] },
      ],
    },
  },
  {
    name: 'AddTags with a key twice',
    call: (on) =>
      on.elbv2.send(
        new AddTagsCommand({
          ResourceArns: [kept(on, 'lb')],
          Tags: [
            { Key: 'a', Value: '1' },
            { Key: 'a', Value: '2' },
          ],
        }),
      ),
    fails: 'DuplicateTagKeysException',
  },
  {
    name: 'DescribeSSLPolicies has what listeners are given without a policy',
    call: ({ elbv2 }) =>
      elbv2.send(new DescribeSSLPoliciesCommand({ Names: ['ELBSecurityPolicy-2016-08'] })),
    gives: {
      SslPolicies: [{ Name: 'ELBSecurityPolicy-2016-08', SslProtocols: ANY, Ciphers: ANY }],
    },
  },
  {
    name: 'DescribeAccountLimits names them as ELBv2 does',
    call: async ({ elbv2 }) => {
      const { Limits = [] } = await elbv2.send(new DescribeAccountLimitsCommand({}));
      return byName(Limits.map(({ Name, Max }) => ({ Key: Name, Value: Max })));
    },
    gives: { 'rules-per-application-load-balancer': ANY, 'target-groups': ANY },
  },
  {
    name: 'DescribeCapacityReservation, which Terraform reads',
    call: (on) =>
      on.elbv2.send(new DescribeCapacityReservationCommand({ LoadBalancerArn: kept(on, 'lb') })),
    gives: { CapacityReservationState: [] },
  },
  {
    name: 'ModifyCapacityReservation is no action of this endpoint',
    call: (on) =>
      on.elbv2.send(new ModifyCapacityReservationCommand({ LoadBalancerArn: kept(on, 'lb') })),
    fails: 'InvalidAction',
    message: /^The action ModifyCapacityReservation is not valid for this endpoint/,
  },
  {
    name: 'DeleteRule, DeleteListener, DeleteLoadBalancer, DeleteTargetGroup',
    call: async (on) => {
      await on.elbv2.send(new DeleteRuleCommand({ RuleArn: kept(on, 'rule') }));
      await on.elbv2.send(new DeleteListenerCommand({ ListenerArn: kept(on, 'listener') }));
      await on.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: kept(on, 'lb') }));
      await on.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: kept(on, 'lb') }));
      await on.elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: kept(on, 'tg') }));
      return on.elbv2.send(new DescribeTargetGroupsCommand({}));
    },
    gives: { TargetGroups: [] },
  },
  {
    name: 'DescribeLoadBalancers of a deleted one, as waiters ask',
    call: (on) =>
      on.elbv2.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [kept(on, 'lb')] })),
    fails: 'LoadBalancerNotFoundException',
  },
]);
