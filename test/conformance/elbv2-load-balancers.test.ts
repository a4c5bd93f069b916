// Load balancers through the SDK's client: defaults, names, networks, attributes, tags, pages, waiters. Source: ALB reference, sections
// 1.2 to 1.6 and 8.
import {
  AddTagsCommand,
  CreateLoadBalancerCommand,
  type CreateLoadBalancerCommandInput,
  DeleteLoadBalancerCommand,
  DescribeAccountLimitsCommand,
  DescribeListenersCommand,
  DescribeLoadBalancerAttributesCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  ModifyLoadBalancerAttributesCommand,
  RemoveTagsCommand,
  SetIpAddressTypeCommand,
  SetSecurityGroupsCommand,
  SetSubnetsCommand,
  waitUntilLoadBalancerAvailable,
  waitUntilLoadBalancersDeleted,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import { type Case, conformance, type Ground } from './cases.ts';
import { balancer, byName, group, kept, listener, NO, rule, SUBNETS, tags } from './elbv2-kit.ts';
import { ABSENT, ANY } from './match.ts';

const create = (on: Ground, input: CreateLoadBalancerCommandInput) =>
  on.elbv2.send(new CreateLoadBalancerCommand(input));

const setAttributes = (on: Ground, name: string, all: Record<string, string>) =>
  on.elbv2.send(
    new ModifyLoadBalancerAttributesCommand({
      LoadBalancerArn: kept(on, name),
      Attributes: Object.entries(all).map(([Key, Value]) => ({ Key, Value })),
    }),
  );

const attributesOf = async (on: Ground, name: string) => {
  const LoadBalancerArn = kept(on, name);
  const { Attributes } = await on.elbv2.send(
    new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn }),
  );
  return byName(Attributes);
};

const badName = (what: string, Name: string): Case => ({
  name: `CreateLoadBalancer refuses a name ${what}`,
  call: (on) => create(on, { Name }),
  fails: 'ValidationError',
  message: /name/,
});

const badAttribute = (key: string, value: string): Case => ({
  name: `ModifyLoadBalancerAttributes refuses ${key}=${value}`,
  call: (on) => setAttributes(on, 'web', { [key]: value }),
  fails: 'ValidationError',
  message: new RegExp(`attribute '${key.replaceAll('.', '\\.')}' is not valid`),
});

const goodAttribute = (key: string, value: string): Case => ({
  name: `ModifyLoadBalancerAttributes takes ${key}=${value}`,
  call: async (on) => {
    await setAttributes(on, 'web', { [key]: value });
    return attributesOf(on, 'web');
  },
  gives: { [key]: value },
});

conformance('ELBv2 over the SDK: names and networks of load balancers', [
  badName('of 33 characters', 'a'.repeat(33)),
  badName('that begins with a hyphen', '-web'),
  badName('that ends with a hyphen', 'web-'),
  badName('with an underscore', 'my_web'),
  badName('that begins with internal-', 'internal-web'),
  badName('of nothing', ''),
  {
    name: 'CreateLoadBalancer takes a name of 32 characters',
    call: (on) => create(on, { Name: 'a'.repeat(32) }),
    gives: { LoadBalancers: [{ LoadBalancerName: 'a'.repeat(32) }] },
  },
  {
    name: 'CreateLoadBalancer without subnets gets those of the network',
    call: (on) => create(on, { Name: 'bare' }),
    gives: {
      LoadBalancers: [
        {
          AvailabilityZones: [{ SubnetId: SUBNETS[0] }, { SubnetId: SUBNETS[1] }, ANY],
          SecurityGroups: [/^sg-/],
        },
      ],
    },
  },
  {
    name: 'CreateLoadBalancer with subnet mappings',
    call: (on) =>
      create(on, { Name: 'mapped', SubnetMappings: SUBNETS.map((SubnetId) => ({ SubnetId })) }),
    gives: { LoadBalancers: [{ AvailabilityZones: [{ SubnetId: SUBNETS[0] }, ANY] }] },
  },
  {
    name: 'CreateLoadBalancer with both subnets and mappings',
    call: (on) =>
      create(on, { Name: 'both', Subnets: SUBNETS, SubnetMappings: [{ SubnetId: SUBNETS[0] }] }),
    fails: 'ValidationError',
  },
  {
    name: 'CreateLoadBalancer with a subnet id that is none',
    call: (on) => create(on, { Name: 'x', Subnets: ['subnet-x'] }),
    fails: 'InvalidSubnetException',
    message: /subnet-x/,
  },
  {
    name: 'CreateLoadBalancer with a subnet twice',
    call: (on) => create(on, { Name: 'x', Subnets: ['subnet-00000000', 'subnet-00000000'] }),
    fails: 'InvalidConfigurationRequestException',
  },
  {
    name: 'CreateLoadBalancer with a security group that is none',
    call: (on) => create(on, { Name: 'x', SecurityGroups: ['default'] }),
    fails: 'InvalidSecurityGroupException',
    message: /'default'/,
  },
  {
    name: 'an internal load balancer has a DNS name that says so',
    call: (on) => create(on, { Name: 'inside', Scheme: 'internal' }),
    gives: {
      LoadBalancers: [{ Scheme: 'internal', DNSName: /^internal-inside-\d+\./ }],
    },
  },
  {
    name: 'an internal load balancer must be ipv4',
    call: (on) => create(on, { Name: 'x', Scheme: 'internal', IpAddressType: 'dualstack' }),
    fails: 'InvalidConfigurationRequestException',
  },
  {
    name: 'a load balancer of type gateway',
    call: (on) => create(on, { Name: 'x', Type: 'gateway' }),
    fails: 'InvalidConfigurationRequestException',
    message: /gateway/,
  },
  {
    name: 'a network load balancer has an ARN of its own kind',
    call: (on) => create(on, { Name: 'net', Type: 'network' }),
    gives: { LoadBalancers: [{ Type: 'network', LoadBalancerArn: /:loadbalancer\/net\/net\// }] },
  },
  {
    name: 'a scheme that there is not',
    call: (on) => create(on, { Name: 'x', Scheme: 'public' as 'internal' }),
    fails: 'ValidationError',
    message:
      "1 validation error detected: Value 'public' at 'scheme' failed to satisfy constraint: Member must satisfy enum value set: [internal, internet-facing]",
  },
  {
    name: 'refused ones were not made',
    call: async ({ elbv2 }) => {
      const { LoadBalancers = [] } = await elbv2.send(new DescribeLoadBalancersCommand({}));
      return LoadBalancers.map(({ LoadBalancerName }) => LoadBalancerName);
    },
    gives: ['a'.repeat(32), 'bare', 'inside', 'mapped', 'net'],
  },
  {
    name: 'fifty load balancers, and no more',
    call: async (on) => {
      for (let count = 5; count < 50; count += 1) await create(on, { Name: `b${count}` });
      return create(on, { Name: 'b50' });
    },
    fails: 'TooManyLoadBalancersException',
    message: /50/,
  },
  {
    name: 'DescribeLoadBalancers in pages loses none and shows none twice',
    call: async ({ elbv2 }) => {
      const names: (string | undefined)[] = [];
      const sizes: number[] = [];
      let Marker: string | undefined;
      do {
        const page = await elbv2.send(new DescribeLoadBalancersCommand({ PageSize: 20, Marker }));
        const { LoadBalancers = [] } = page;
        names.push(...LoadBalancers.map(({ LoadBalancerName }) => LoadBalancerName));
        sizes.push(LoadBalancers.length);
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      return { sizes, different: new Set(names).size };
    },
    gives: { sizes: [20, 20, 10], different: 50 },
  },
  {
    name: 'DescribeLoadBalancers with PageSize 400 has no next page',
    call: ({ elbv2 }) => elbv2.send(new DescribeLoadBalancersCommand({ PageSize: 400 })),
    gives: { NextMarker: ABSENT },
  },
  {
    name: 'DescribeLoadBalancers with PageSize 401',
    call: ({ elbv2 }) => elbv2.send(new DescribeLoadBalancersCommand({ PageSize: 401 })),
    fails: 'ValidationError',
    message: /Value '401' at 'pageSize'.*less than or equal to 400/,
  },
  {
    name: 'DescribeLoadBalancers with PageSize 0',
    call: ({ elbv2 }) => elbv2.send(new DescribeLoadBalancersCommand({ PageSize: 0 })),
    fails: 'ValidationError',
    message: /Value '0' at 'pageSize'.*greater than or equal to 1/,
  },
  {
    name: 'DescribeLoadBalancers with a marker of its own making',
    call: ({ elbv2 }) => elbv2.send(new DescribeLoadBalancersCommand({ Marker: 'forged' })),
    fails: 'ValidationError',
    message: /marker/,
  },
  {
    name: 'DescribeLoadBalancers with the marker of another list',
    call: async ({ elbv2 }) => {
      const { NextMarker } = await elbv2.send(new DescribeLoadBalancersCommand({ PageSize: 1 }));
      const Names = ['bare', 'net'];
      return elbv2.send(new DescribeLoadBalancersCommand({ Names, Marker: NextMarker }));
    },
    fails: 'ValidationError',
    message: /marker/,
  },
  {
    name: 'DescribeLoadBalancers by name',
    call: ({ elbv2 }) => elbv2.send(new DescribeLoadBalancersCommand({ Names: ['net', 'bare'] })),
    gives: { LoadBalancers: [ANY, ANY], NextMarker: ABSENT },
  },
  {
    name: 'DescribeLoadBalancers by names of which one is unknown',
    call: ({ elbv2 }) => elbv2.send(new DescribeLoadBalancersCommand({ Names: ['net', 'nobody'] })),
    fails: 'LoadBalancerNotFoundException',
    message: /nobody/,
  },
  {
    name: 'DescribeLoadBalancers by 21 names',
    call: ({ elbv2 }) =>
      elbv2.send(
        new DescribeLoadBalancersCommand({ Names: Array.from({ length: 21 }, (_, i) => `b${i}`) }),
      ),
    fails: 'ValidationError',
    message: /20/,
  },
  {
    name: 'DescribeLoadBalancers by names and ARNs',
    call: ({ elbv2 }) =>
      elbv2.send(
        new DescribeLoadBalancersCommand({ Names: ['net'], LoadBalancerArns: [NO.balancer] }),
      ),
    fails: 'ValidationError',
    message: /only one of/,
  },
]);

conformance('ELBv2 over the SDK: attributes, tags and ends of load balancers', [
  {
    name: 'CreateLoadBalancer again, with the same settings in another order of words, is the same one',
    call: async (on) => {
      const first = await balancer(on, 'web', { Scheme: 'internet-facing' });
      const again = await balancer(on, 'web', { Type: 'application', IpAddressType: 'ipv4' });
      return first === again;
    },
    gives: true,
  },
  {
    name: 'CreateLoadBalancer again with tags is another setting',
    call: (on) => create(on, { Name: 'web', Tags: tags(1) }),
    fails: 'DuplicateLoadBalancerNameException',
    message: "A load balancer with the same name 'web' exists, but with different settings",
  },
  {
    name: 'waitUntilLoadBalancerAvailable ends',
    call: (on) =>
      waitUntilLoadBalancerAvailable(
        { client: on.elbv2, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
        { LoadBalancerArns: [kept(on, 'web')] },
      ),
    gives: { state: 'SUCCESS' },
  },
  {
    name: 'DescribeLoadBalancerAttributes has all of ALB’s, with their defaults',
    call: (on) => attributesOf(on, 'web'),
    gives: {
      'access_logs.s3.enabled': 'false',
      'access_logs.s3.bucket': '',
      'access_logs.s3.prefix': '',
      'connection_logs.s3.enabled': 'false',
      'connection_logs.s3.bucket': '',
      'connection_logs.s3.prefix': '',
      'health_check_logs.s3.enabled': 'false',
      'client_keep_alive.seconds': '3600',
      'idle_timeout.timeout_seconds': '60',
      'deletion_protection.enabled': 'false',
      'ipv6.deny_all_igw_traffic': 'false',
      'load_balancing.cross_zone.enabled': 'true',
      'routing.http.desync_mitigation_mode': 'defensive',
      'routing.http.drop_invalid_header_fields.enabled': 'false',
      'routing.http.preserve_host_header.enabled': 'false',
      'routing.http.x_amzn_tls_version_and_cipher_suite.enabled': 'false',
      'routing.http.xff_client_port.enabled': 'false',
      'routing.http.xff_header_processing.mode': 'append',
      'routing.http2.enabled': 'true',
      'waf.fail_open.enabled': 'false',
      'zonal_shift.config.enabled': 'false',
    },
  },
  {
    name: 'ipv6.deny_all_igw_traffic of an internal one is true',
    call: async (on) => {
      await balancer(on, 'inside', { Scheme: 'internal' });
      return attributesOf(on, 'inside');
    },
    gives: { 'ipv6.deny_all_igw_traffic': 'true' },
  },
  goodAttribute('idle_timeout.timeout_seconds', '1'),
  goodAttribute('idle_timeout.timeout_seconds', '4000'),
  badAttribute('idle_timeout.timeout_seconds', '0'),
  badAttribute('idle_timeout.timeout_seconds', '4001'),
  badAttribute('idle_timeout.timeout_seconds', '1e3'),
  goodAttribute('client_keep_alive.seconds', '60'),
  goodAttribute('client_keep_alive.seconds', '604800'),
  badAttribute('client_keep_alive.seconds', '59'),
  badAttribute('client_keep_alive.seconds', '604801'),
  badAttribute('routing.http.desync_mitigation_mode', 'lenient'),
  badAttribute('routing.http.xff_header_processing.mode', 'replace'),
  badAttribute('deletion_protection.enabled', 'yes'),
  {
    name: 'ModifyLoadBalancerAttributes is all or nothing',
    call: (on) =>
      setAttributes(on, 'web', { 'idle_timeout.timeout_seconds': '77', 'routing.http9': 'true' }),
    fails: 'ValidationError',
    message: /attribute key 'routing\.http9' is not recognized/,
  },
  {
    name: 'what came with a refused one was not changed',
    call: (on) => attributesOf(on, 'web'),
    gives: { 'idle_timeout.timeout_seconds': '4000' },
  },
  {
    name: 'ModifyLoadBalancerAttributes gives all attributes back',
    call: async (on) => {
      const { Attributes } = await setAttributes(on, 'web', { 'routing.http2.enabled': 'false' });
      return byName(Attributes);
    },
    gives: { 'routing.http2.enabled': 'false', 'idle_timeout.timeout_seconds': '4000' },
  },
  {
    name: 'an attribute of network load balancers, in the words that Terraform looks for',
    call: (on) =>
      setAttributes(on, 'web', { 'dns_record.client_routing_policy': 'any_availability_zone' }),
    fails: 'ValidationError',
    message: /attribute key ('|")?([^'" ]+)('|")? is not (recognized|supported)/,
  },
  {
    name: 'access logs want a bucket',
    call: (on) => setAttributes(on, 'web', { 'access_logs.s3.enabled': 'true' }),
    fails: 'InvalidConfigurationRequestException',
    message: /access_logs\.s3\.bucket/,
  },
  {
    name: 'an attribute twice in one call',
    call: (on) =>
      on.elbv2.send(
        new ModifyLoadBalancerAttributesCommand({
          LoadBalancerArn: kept(on, 'web'),
          Attributes: [
            { Key: 'routing.http2.enabled', Value: 'true' },
            { Key: 'routing.http2.enabled', Value: 'false' },
          ],
        }),
      ),
    fails: 'ValidationError',
    message: /more than once/,
  },
  {
    name: 'attributes of a load balancer that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: NO.balancer })),
    fails: 'LoadBalancerNotFoundException',
  },
  {
    name: 'SetSecurityGroups gives the new ones',
    call: (on) =>
      on.elbv2.send(
        new SetSecurityGroupsCommand({
          LoadBalancerArn: kept(on, 'web'),
          SecurityGroups: ['sg-00000001', 'sg-0123456789abcdef0'],
        }),
      ),
    gives: { SecurityGroupIds: ['sg-00000001', 'sg-0123456789abcdef0'] },
  },
  {
    name: 'SetSecurityGroups refuses what is no id',
    call: (on) =>
      on.elbv2.send(
        new SetSecurityGroupsCommand({ LoadBalancerArn: kept(on, 'web'), SecurityGroups: ['a'] }),
      ),
    fails: 'InvalidSecurityGroupException',
  },
  {
    name: 'SetSubnets gives the new zones',
    call: (on) =>
      on.elbv2.send(
        new SetSubnetsCommand({
          LoadBalancerArn: kept(on, 'web'),
          Subnets: ['subnet-0000000a', 'subnet-0000000b', 'subnet-0000000c'],
        }),
      ),
    gives: {
      AvailabilityZones: [
        { SubnetId: 'subnet-0000000a', ZoneName: /^us-east-1/ },
        { SubnetId: 'subnet-0000000b' },
        { SubnetId: 'subnet-0000000c' },
      ],
      IpAddressType: 'ipv4',
    },
  },
  {
    name: 'SetSubnets without any',
    call: (on) => on.elbv2.send(new SetSubnetsCommand({ LoadBalancerArn: kept(on, 'web') })),
    fails: 'ValidationError',
    message: 'At least one subnet must be specified',
  },
  {
    name: 'SetIpAddressType',
    call: (on) =>
      on.elbv2.send(
        new SetIpAddressTypeCommand({
          LoadBalancerArn: kept(on, 'web'),
          IpAddressType: 'dualstack',
        }),
      ),
    gives: { IpAddressType: 'dualstack' },
  },
  {
    name: 'SetIpAddressType of an internal one',
    call: (on) =>
      on.elbv2.send(
        new SetIpAddressTypeCommand({
          LoadBalancerArn: kept(on, 'inside'),
          IpAddressType: 'dualstack',
        }),
      ),
    fails: 'InvalidConfigurationRequestException',
  },
  {
    name: 'SetIpAddressType of one that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(
        new SetIpAddressTypeCommand({ LoadBalancerArn: NO.balancer, IpAddressType: 'ipv4' }),
      ),
    fails: 'LoadBalancerNotFoundException',
  },
  {
    name: 'fifty tags at creation',
    call: async (on) => {
      const ResourceArns = [await balancer(on, 'tagged', { Tags: tags(50) })];
      return on.elbv2.send(new DescribeTagsCommand({ ResourceArns }));
    },
    gives: { TagDescriptions: [{ Tags: tags(50) }] },
  },
  {
    name: 'fifty-one tags at creation',
    call: (on) => create(on, { Name: 'x', Tags: tags(51) }),
    fails: 'TooManyTagsException',
  },
  {
    name: 'AddTags beyond fifty',
    call: (on) =>
      on.elbv2.send(
        new AddTagsCommand({ ResourceArns: [kept(on, 'tagged')], Tags: [{ Key: 'more' }] }),
      ),
    fails: 'TooManyTagsException',
  },
  {
    name: 'AddTags of keys that are there gives them new values',
    call: async (on) => {
      const ResourceArns = [kept(on, 'tagged')];
      const Tags = [{ Key: 'k7', Value: 'ü +=/@:.-_' }];
      await on.elbv2.send(new AddTagsCommand({ ResourceArns, Tags }));
      const { TagDescriptions } = await on.elbv2.send(new DescribeTagsCommand({ ResourceArns }));
      return byName(TagDescriptions?.[0]?.Tags);
    },
    gives: { k6: '6', k7: 'ü +=/@:.-_', k8: '8' },
  },
  {
    name: 'AddTags with a key of AWS’s own',
    call: (on) =>
      on.elbv2.send(
        new AddTagsCommand({ ResourceArns: [kept(on, 'web')], Tags: [{ Key: 'aws:x' }] }),
      ),
    fails: 'ValidationError',
    message: /aws:/,
  },
  {
    name: 'AddTags with a key of 128 and a value of 256 characters',
    call: async (on) => {
      const Tags = [{ Key: 'k'.repeat(128), Value: 'v'.repeat(256) }];
      const ResourceArns = [kept(on, 'web')];
      await on.elbv2.send(new AddTagsCommand({ ResourceArns, Tags }));
      return on.elbv2.send(new DescribeTagsCommand({ ResourceArns }));
    },
    gives: { TagDescriptions: [{ Tags: [{ Key: 'k'.repeat(128), Value: 'v'.repeat(256) }] }] },
  },
  {
    name: 'AddTags with a key of 129 characters',
    call: (on) =>
      on.elbv2.send(
        new AddTagsCommand({
          ResourceArns: [kept(on, 'web')],
          Tags: [{ Key: 'k'.repeat(129), Value: '' }],
        }),
      ),
    fails: 'ValidationError',
    message: /length less than or equal to 128/,
  },
  {
    name: 'AddTags of several resources of which one is unknown tags none',
    call: (on) =>
      on.elbv2.send(
        new AddTagsCommand({ ResourceArns: [kept(on, 'inside'), NO.group], Tags: tags(1) }),
      ),
    fails: 'TargetGroupNotFoundException',
  },
  {
    name: 'the known one has no tags',
    call: (on) => on.elbv2.send(new DescribeTagsCommand({ ResourceArns: [kept(on, 'inside')] })),
    gives: { TagDescriptions: [{ Tags: [] }] },
  },
  {
    name: 'RemoveTags of a listener that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(new RemoveTagsCommand({ ResourceArns: [NO.listener], TagKeys: ['a'] })),
    fails: 'ListenerNotFoundException',
  },
  {
    name: 'DescribeTags of a rule that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeTagsCommand({ ResourceArns: [NO.rule] })),
    fails: 'RuleNotFoundException',
  },
  {
    name: 'DescribeTags of a load balancer that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeTagsCommand({ ResourceArns: [NO.balancer] })),
    fails: 'LoadBalancerNotFoundException',
  },
  {
    name: 'DescribeTags of a trust store that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeTagsCommand({ ResourceArns: [NO.trustStore] })),
    fails: 'TrustStoreNotFoundException',
  },
  {
    name: 'DescribeTags of 21 ARNs',
    call: (on) =>
      on.elbv2.send(
        new DescribeTagsCommand({
          ResourceArns: Array.from({ length: 21 }, () => kept(on, 'web')),
        }),
      ),
    fails: 'ValidationError',
    message: /20/,
  },
  {
    name: 'DescribeTags of what is no ARN of ELBv2',
    call: ({ elbv2 }) =>
      elbv2.send(new DescribeTagsCommand({ ResourceArns: ['arn:aws:s3:::bucket'] })),
    fails: 'ValidationError',
  },
  {
    name: 'DescribeAccountLimits has the quotas of ALB',
    call: async ({ elbv2 }) => {
      const { Limits = [] } = await elbv2.send(new DescribeAccountLimitsCommand({}));
      return byName(Limits.map(({ Name, Max }) => ({ Key: Name, Value: Max })));
    },
    gives: {
      'application-load-balancers': '50',
      'listeners-per-application-load-balancer': '50',
      'rules-per-application-load-balancer': '100',
      'certificates-per-application-load-balancer': '25',
      'target-groups': '3000',
      'targets-per-application-load-balancer': '1000',
      'target-groups-per-action-on-application-load-balancer': '5',
      'condition-values-per-alb-rule': '5',
      'condition-wildcards-per-alb-rule': '5',
    },
  },
  {
    name: 'DeleteLoadBalancer while it is protected',
    call: async (on) => {
      await setAttributes(on, 'web', { 'deletion_protection.enabled': 'true' });
      return on.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: kept(on, 'web') }));
    },
    fails: 'OperationNotPermittedException',
    message: /deletion protection is enabled/,
  },
  {
    name: 'DeleteLoadBalancer takes its listeners and rules along',
    call: async (on) => {
      const lb = kept(on, 'web');
      await group(on, 'stays');
      const Actions = [{ Type: 'forward' as const, TargetGroupArn: kept(on, 'stays') }];
      await listener(on, lb, 8080);
      await rule(on, kept(on, '8080'), 1, { Actions });
      await setAttributes(on, 'web', { 'deletion_protection.enabled': 'false' });
      return on.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: lb }));
    },
    gives: { $metadata: { httpStatusCode: 200 } },
  },
  {
    name: 'waitUntilLoadBalancersDeleted ends',
    call: (on) =>
      waitUntilLoadBalancersDeleted(
        { client: on.elbv2, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
        { LoadBalancerArns: [kept(on, 'web')] },
      ),
    gives: { state: 'SUCCESS' },
  },
  {
    name: 'its listener is gone',
    call: (on) => on.elbv2.send(new DescribeListenersCommand({ ListenerArns: [kept(on, '8080')] })),
    fails: 'ListenerNotFoundException',
  },
  {
    name: 'its rule is gone',
    call: (on) => on.elbv2.send(new DescribeRulesCommand({ RuleArns: [kept(on, 'rule 1')] })),
    fails: 'RuleNotFoundException',
  },
  {
    name: 'the target group stays, of no load balancer',
    call: ({ elbv2 }) => elbv2.send(new DescribeTargetGroupsCommand({ Names: ['stays'] })),
    gives: { TargetGroups: [{ LoadBalancerArns: [] }] },
  },
  {
    name: 'DeleteLoadBalancer of one that there is not succeeds',
    call: ({ elbv2 }) =>
      elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: NO.balancer })),
    gives: { $metadata: { httpStatusCode: 200 } },
  },
  {
    name: 'a load balancer made anew is another one',
    call: async (on) => {
      const before = kept(on, 'web');
      return (await balancer(on, 'web')) === before;
    },
    gives: false,
  },
]);
