import assert from 'node:assert/strict';

import type { Action, ElasticLoadBalancer, Listener } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench } from '../testing.ts';

const fixed: Input<Action> = { type: 'fixed-response', fixedResponse: { statusCode: '404' } };
const forward = (name: string): Input<Action> => ({
  type: 'forward',
  forward: { targetGroups: [{ targetGroupArn: name }] },
});

describe('load balancers', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
  });
  afterEach(() => bench.stop());

  const create = async (name: string, more: object = {}): Promise<ElasticLoadBalancer> => {
    const { loadBalancer } = await bench.balancing('CreateLoadBalancer', { name, ...more });
    assert.ok(loadBalancer);
    return loadBalancer;
  };
  const listen = async (loadBalancer: string, port: number, action = fixed): Promise<Listener> => {
    const { listener } = await bench.balancing('CreateListener', {
      loadBalancer,
      port,
      defaultActions: [action],
    });
    assert.ok(listener);
    return listener;
  };
  const describeOne = async (text: string): Promise<ElasticLoadBalancer> => {
    const { loadBalancers } = await bench.balancing('DescribeLoadBalancers', {
      loadBalancers: [text],
    });
    assert.ok(loadBalancers[0]);
    return loadBalancers[0];
  };

  it('are created once, and are active at the first look', async () => {
    const made = await create('main');
    assert.match(
      made.loadBalancerArn,
      /^arn:aws:elasticloadbalancing:local:000000000000:loadbalancer\/app\/main\/[0-9a-f]{16}$/,
    );
    assert.match(made.dnsName, /^main-\d{1,20}\.local\.elb\.berth$/);
    assert.equal(made.state, 'provisioning');
    assert.deepEqual(
      [made.type, made.scheme, made.ipAddressType, made.availabilityZones.length],
      ['application', 'internet-facing', 'ipv4', 3],
    );
    const seen = await describeOne(made.loadBalancerArn);
    assert.deepEqual(seen, { ...made, state: 'active' });
    const before = bench.store.revision;
    assert.deepEqual(await create('main'), seen);
    assert.equal(bench.store.revision, before);
    await bench.refuses(
      () => create('main', { scheme: 'internal' }),
      'DuplicateLoadBalancerName',
      "A load balancer with the same name 'main' exists, but with different settings",
    );
    const inside = await create('inside', { scheme: 'internal', type: 'network' });
    assert.match(inside.dnsName, /^internal-inside-/);
    assert.match(inside.loadBalancerArn, /loadbalancer\/net\/inside\//);
  });

  it('are found by name and ARN, or all in pages', async () => {
    for (const name of ['c', 'a', 'b']) await create(name);
    const first = await bench.balancing('DescribeLoadBalancers', { pageSize: 2 });
    const second = await bench.balancing('DescribeLoadBalancers', {
      pageSize: 2,
      marker: first.nextMarker,
    });
    assert.deepEqual(
      [...first.loadBalancers, ...second.loadBalancers].map((each) => each.loadBalancerName),
      ['a', 'b', 'c'],
    );
    assert.equal(second.nextMarker, undefined);
    await bench.refuses(
      () => bench.balancing('DescribeLoadBalancers', { pageSize: 401 }),
      'ValidationError',
      'pageSize is 401; expected a whole number from 1 to 400.',
    );
    await bench.refuses(
      () => bench.balancing('DescribeLoadBalancers', { marker: 'x' }),
      'ValidationError',
      'Invalid marker: it was not given by this API; begin again without one.',
    );
    await bench.refuses(
      () => describeOne('d'),
      'LoadBalancerNotFound',
      'One or more load balancers not found (load balancer "d")',
    );
    const { loadBalancerArn } = await describeOne('a');
    const other = `${loadBalancerArn.slice(0, -16)}${'0'.repeat(16)}`;
    await bench.refuses(
      () => describeOne(other),
      'LoadBalancerNotFound',
      `One or more load balancers not found (load balancer "${other}")`,
    );
  });

  it('are deleted with listeners and rules, but not with target groups, and also a second time', async () => {
    await bench.balancing('CreateTargetGroup', { name: 'web' });
    const { loadBalancerArn } = await create('main');
    const { listenerArn } = await listen('main', 8080, forward('web'));
    await bench.balancing('CreateRule', {
      listener: listenerArn,
      priority: 1,
      conditions: [{ field: 'path-pattern', values: ['/a'] }],
      actions: [forward('web')],
    });
    const protect = (enabled: string) =>
      bench.balancing('ModifyLoadBalancerAttributes', {
        loadBalancer: 'main',
        attributes: { 'deletion_protection.enabled': enabled },
      });
    const remove = () => bench.balancing('DeleteLoadBalancer', { loadBalancer: loadBalancerArn });
    await protect('true');
    await bench.refuses(
      remove,
      'OperationNotPermitted',
      `Load balancer '${loadBalancerArn}' cannot be deleted because deletion protection is enabled`,
    );
    await protect('false');
    assert.deepEqual(await remove(), {});
    for (const kind of [collections.listeners, collections.listenerPorts, collections.rules]) {
      assert.deepEqual([...bench.cache.list(kind)], [], kind.name);
    }
    assert.equal([...bench.cache.list(collections.targetGroups)].length, 1);
    assert.deepEqual(await remove(), {});
    await listen('berth', 8080);
  });

  it('keep what is not said of their attributes, and refuse what is none', async () => {
    await create('main');
    const modify = (attributes: Record<string, string>) =>
      bench.balancing('ModifyLoadBalancerAttributes', { loadBalancer: 'main', attributes });
    await modify({ 'idle_timeout.timeout_seconds': '120', 'routing.http2.enabled': 'false' });
    const { attributes } = await modify({ 'routing.http2.enabled': 'true' });
    assert.equal(attributes['idle_timeout.timeout_seconds'], '120');
    assert.equal(attributes['client_keep_alive.seconds'], '3600');
    const seen = await bench.balancing('DescribeLoadBalancerAttributes', { loadBalancer: 'main' });
    assert.deepEqual(seen.attributes, attributes);
    await bench.refuses(
      () => modify({ 'idle_timeout.timeout_seconds': '1', nonsense: 'x' }),
      'ValidationError',
      "Load balancer attribute key 'nonsense' is not recognized",
    );
    const { attributes: same } = await bench.balancing('DescribeLoadBalancerAttributes', {
      loadBalancer: 'main',
    });
    assert.equal(same['idle_timeout.timeout_seconds'], '120');
  });

  it('keep and show networks', async () => {
    await create('main');
    const loadBalancer = 'main';
    const zones = await bench.balancing('SetSubnets', {
      loadBalancer,
      subnets: ['subnet-0a1b2c3d'],
      ipAddressType: 'dualstack',
    });
    assert.equal(zones.ipAddressType, 'dualstack');
    const groups = ['sg-01234567'];
    await bench.balancing('SetSecurityGroups', { loadBalancer, securityGroups: groups });
    await bench.balancing('SetIpAddressType', { loadBalancer, ipAddressType: 'ipv4' });
    const seen = await describeOne('main');
    assert.deepEqual(seen.securityGroups, groups);
    assert.deepEqual(seen.availabilityZones, zones.availabilityZones);
    assert.equal(seen.ipAddressType, 'ipv4');
    await bench.refuses(
      () => bench.balancing('SetSubnets', { loadBalancer, subnets: [] }),
      'ValidationError',
      'At least one subnet must be specified',
    );
    const reserved = await bench.balancing('DescribeCapacityReservation', { loadBalancer });
    assert.equal(reserved.decreaseRequestsRemaining, 0);
  });

  it('share their ports', async () => {
    await create('one');
    await create('two');
    const { listenerArn, loadBalancerArn } = await listen('one', 8080);
    assert.equal(
      listenerArn.replace(/\/[0-9a-f]{16}$/, ''),
      loadBalancerArn.replace(':loadbalancer/', ':listener/'),
    );
    await bench.refuses(
      () => listen('two', 8080),
      'DuplicateListener',
      `A listener already exists on port 8080: '${listenerArn}' of another load balancer. All load balancers are served by the same proxies, so that a port belongs to one listener.`,
    );
    const other = await bench.replica();
    const outcomes = await Promise.allSettled(
      ['one', 'two'].map((loadBalancer, index) =>
        (index === 0 ? bench : other).balancing('CreateListener', {
          loadBalancer,
          port: 9000,
          defaultActions: [fixed],
        }),
      ),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    const { listeners } = await bench.balancing('DescribeListeners', { loadBalancer: 'one' });
    assert.ok(listeners.some(({ port }) => port === 8080));
    await bench.refuses(
      () => bench.balancing('DescribeListeners', { loadBalancer: 'one', listeners: ['8080'] }),
      'ValidationError',
      'You must specify either listeners or a load balancer: expected one of them, not both.',
    );
  });

  it('do not get a listener while they are deleted', async () => {
    const { loadBalancerArn } = await create('main');
    const other = await bench.replica();
    const outcomes = await Promise.allSettled([
      bench.balancing('DeleteLoadBalancer', { loadBalancer: loadBalancerArn }),
      other.balancing('CreateListener', {
        loadBalancer: 'main',
        port: 8080,
        defaultActions: [fixed],
      }),
    ]);
    assert.equal(outcomes[0].status, 'fulfilled');
    const left = [...bench.cache.list(collections.listeners)];
    assert.equal(left.length, 0);
  });

  it('do not share target groups', async () => {
    await bench.balancing('CreateTargetGroup', { name: 'web' });
    await create('one');
    await create('two');
    const { loadBalancerArn } = await listen('one', 8080, forward('web'));
    const {
      targetGroups: [group],
    } = await bench.balancing('DescribeTargetGroups', { loadBalancer: 'one' });
    assert.deepEqual(group?.loadBalancerArns, [loadBalancerArn]);
    await bench.refuses(
      () => listen('two', 8081, forward('web')),
      'TargetGroupAssociationLimit',
      `The following target groups cannot be associated with more than one load balancer: ${group.targetGroupArn} (it belongs to load balancer one)`,
    );
    await listen('two', 8081);
    const other = await bench.replica();
    await bench.balancing('CreateTargetGroup', { name: 'api' });
    const outcomes = await Promise.allSettled([
      bench.balancing('ModifyListener', { listener: '8080', defaultActions: [forward('api')] }),
      other.balancing('ModifyListener', { listener: '8081', defaultActions: [forward('api')] }),
    ]);
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('suit their listeners and groups', async () => {
    await create('plain', { type: 'network' });
    await create('web');
    await bench.balancing('CreateTargetGroup', { name: 'raw', protocol: 'TCP', port: 5432 });
    await bench.balancing('CreateTargetGroup', { name: 'http' });
    await bench.balancing('CreateTargetGroup', { name: 'grpc', protocolVersion: 'GRPC' });
    const listener = await listen('plain', 5432, forward('raw'));
    assert.equal(listener.protocol, 'TCP');
    await bench.refuses(
      () => listen('plain', 5433, forward('http')),
      'IncompatibleProtocols',
      'Target group http of protocol HTTP is incompatible with a listener of protocol TCP.',
    );
    await bench.refuses(
      () => listen('web', 8080, forward('grpc')),
      'InvalidConfigurationRequest',
      /^Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'GRPC'/,
    );
    await bench.balancing('CreateListener', {
      loadBalancer: 'web',
      port: 8080,
      defaultActions: [forward('grpc')],
      attributes: { 'berth.h2c.enabled': 'true' },
    });
    await bench.refuses(
      () =>
        bench.balancing('CreateRule', {
          listener: '5432',
          priority: 1,
          conditions: [{ field: 'path-pattern', values: ['/a'] }],
          actions: [forward('raw')],
        }),
      'UnsupportedProtocol',
      'Listeners of TCP have no rules; expected a listener of HTTP or HTTPS.',
    );
  });

  it('have quotas that are told', async () => {
    const { limits } = await bench.balancing('DescribeAccountLimits');
    const of = (name: string) => limits.find((limit) => limit.name === name)?.max;
    assert.equal(of('rules-per-application-load-balancer'), '100');
    assert.equal(of('condition-values-per-alb-rule'), '5');
    for (let index = 0; index < 50; index += 1) await create(`b${index}`);
    await bench.refuses(
      () => create('last'),
      'TooManyLoadBalancers',
      'There are 50 load balancers already; expected at most 50.',
    );
  });
});

describe('tags of load balancing', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
  });
  afterEach(() => bench.stop());

  it('are added, replaced and removed, on whatever has tags', async () => {
    const { loadBalancer } = await bench.balancing('CreateLoadBalancer', { name: 'main' });
    const { targetGroup } = await bench.balancing('CreateTargetGroup', {
      name: 'web',
      tags: [{ key: 'a', value: 'old' }],
    });
    const { listener } = await bench.balancing('CreateListener', {
      loadBalancer: 'main',
      port: 8080,
      defaultActions: [fixed],
    });
    const { rule } = await bench.balancing('CreateRule', {
      listener: '8080',
      priority: 1,
      conditions: [{ field: 'path-pattern', values: ['/a'] }],
      actions: [fixed],
    });
    const resourceArns = [
      loadBalancer?.loadBalancerArn,
      targetGroup?.targetGroupArn,
      listener?.listenerArn,
      rule?.ruleArn,
    ].map(String);
    await bench.balancing('AddTags', {
      resourceArns,
      tags: [
        { key: 'a', value: 'new' },
        { key: 'b', value: '' },
      ],
    });
    await bench.balancing('RemoveTags', { resourceArns, tagKeys: ['b', 'nothing'] });
    const { tagDescriptions } = await bench.balancing('DescribeTags', { resourceArns });
    assert.deepEqual(
      tagDescriptions,
      resourceArns.map((resourceArn) => ({ resourceArn, tags: [{ key: 'a', value: 'new' }] })),
    );
  });

  it('are refused without changing anything', async () => {
    const { loadBalancer } = await bench.balancing('CreateLoadBalancer', { name: 'main' });
    const { listener } = await bench.balancing('CreateListener', {
      loadBalancer: 'main',
      port: 8080,
      defaultActions: [fixed],
    });
    const arn = loadBalancer?.loadBalancerArn ?? '';
    const add = (tags: { key: string; value: string }[], ...arns: string[]) =>
      bench.balancing('AddTags', { resourceArns: arns, tags });
    const tags = (count: number, from = 0) =>
      Array.from({ length: count }, (_, index) => ({ key: `k${from + index}`, value: '' }));
    await bench.refuses(
      () => add([...tags(1), ...tags(1)], arn),
      'DuplicateTagKeys',
      "A tag key was specified more than once: 'k0'; expected each at most once.",
    );
    await bench.refuses(
      () => add([{ key: 'aws:x', value: '' }], arn),
      'ValidationError',
      'tags[0].key is "aws:x"; expected a key that does not begin with aws:.',
    );
    await add(tags(50), arn);
    await bench.refuses(
      () => add(tags(1, 50), arn),
      'TooManyTags',
      /^You've reached the limit on the number of tags: 51 /,
    );
    await bench.refuses(
      () => add(tags(1), arn, `${arn.slice(0, -16)}${'0'.repeat(16)}`),
      'LoadBalancerNotFound',
      /^One or more load balancers not found/,
    );
    await bench.refuses(
      () => add(tags(1), 'main'),
      'ValidationError',
      /^'main' is not a valid resource ARN; /,
    );
    await bench.refuses(
      () => bench.balancing('DescribeTags', { resourceArns: Array<string>(21).fill(arn) }),
      'ValidationError',
      'resourceArns has 21 ARNs; expected at most 20.',
    );
    const { rules } = await bench.balancing('DescribeRules', { listener: '8080' });
    const own = rules[0]?.ruleArn ?? '';
    assert.match(own, new RegExp(`${listener?.listenerId ?? ''}$`));
    const { tagDescriptions } = await bench.balancing('DescribeTags', { resourceArns: [own] });
    assert.deepEqual(tagDescriptions, [{ resourceArn: own, tags: [] }]);
    await bench.refuses(() => add(tags(1), own), 'OperationNotPermitted', /^Default rule /);
  });
});
