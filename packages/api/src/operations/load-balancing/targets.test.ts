import assert from 'node:assert/strict';

import type { TargetReference } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench } from '../testing.ts';

describe('registered targets', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster(2);
    await bench.balancing('CreateTargetGroup', { name: 'hosts', port: 8080 });
    await bench.balancing('CreateTargetGroup', { name: 'ips', targetType: 'ip', port: 8080 });
  });
  afterEach(() => bench.stop());

  const register = (targetGroup: string, ...targets: TargetReference[]) =>
    bench.balancing('RegisterTargets', { targetGroup, targets });
  const deregister = (targetGroup: string, ...targets: TargetReference[]) =>
    bench.balancing('DeregisterTargets', { targetGroup, targets });
  const keys = (group: string): string[] =>
    Array.from(bench.cache.list(collections.targetRegistrations, group), ({ parts }) =>
      String(parts[1]),
    ).sort();

  it('are hosts by id or name, each once for a port', async () => {
    const [first] = [...bench.cache.list(collections.hosts)].map(({ value }) => value);
    assert.ok(first);
    await register('hosts', { id: first.id }, { id: first.name, port: 8081 });
    assert.deepEqual(keys('hosts'), [`${first.id}:8080`, `${first.id}:8081`]);
    const before = bench.store.revision;
    await register('hosts', { id: first.name });
    assert.equal(bench.store.revision, before);
    await bench.refuses(
      () => register('hosts', { id: 'h1' }, { id: 'nobody' }),
      'InvalidTarget',
      "The target 'nobody' is not valid: there is no such host; expected the id of a registered host, or the name of one.",
    );
  });

  it('are private addresses, or those of hosts', async () => {
    await bench.put(collections.hosts, ['default', 'f'.repeat(32)], {
      id: 'f'.repeat(32),
      cluster: 'default',
      name: 'public',
      address: '203.0.113.7',
    });
    await register('ips', { id: '192.168.1.1' }, { id: '203.0.113.7' }, { id: 'FD00::1', port: 1 });
    assert.deepEqual(keys('ips'), ['192.168.1.1:8080', '203.0.113.7:8080', 'fd00::1:1']);
    for (const id of ['8.8.8.8', '127.0.0.1', 'h1', '10.0.0.0%eth0']) {
      await bench.refuses(
        () => register('ips', { id }),
        'InvalidTarget',
        `The target '${id}' is not valid; expected an address in 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 or fc00::/7, or that of a registered host.`,
      );
    }
    await bench.refuses(
      () => register('ips', { id: '10.0.0.1', port: 65_536 }),
      'ValidationError',
      'targets[0].port is 65536; expected a whole number from 1 to 65535.',
    );
    await bench.refuses(
      () => register('ips', { id: '10.0.0.1/8' }),
      'ValidationError',
      /^targets\[0\]\.id is "10\.0\.0\.1\/8"; /,
    );
    await bench.refuses(
      () => register('none', { id: '10.0.0.1' }),
      'TargetGroupNotFound',
      'One or more target groups not found (target group "none")',
    );
  });

  it('are deregistered for one port or all, also a second time', async () => {
    const id = '10.0.0.9';
    await register('ips', { id }, { id, port: 1 }, { id, port: 2 }, { id: '10.0.0.8' });
    await deregister('ips', { id, port: 1 });
    assert.deepEqual(keys('ips'), ['10.0.0.8:8080', '10.0.0.9:2', '10.0.0.9:8080']);
    await deregister('ips', { id });
    await deregister('ips', { id });
    assert.deepEqual(keys('ips'), ['10.0.0.8:8080']);
  });

  it('are at most as many as the group takes, and many at once', async () => {
    const targets = Array.from({ length: 1000 }, (_, index) => ({
      id: '10.0.0.9',
      port: index + 1,
    }));
    await register('ips', ...targets);
    assert.equal(keys('ips').length, 1000);
    const more = () => register('ips', { id: '10.0.0.8' });
    await bench.refuses(
      more,
      'TooManyTargets',
      'Target group ips would have 1001 registered targets; expected at most 1000. Its attribute berth.quotas.targets raises that.',
    );
    await bench.balancing('ModifyTargetGroupAttributes', {
      targetGroup: 'ips',
      attributes: { 'berth.quotas.targets': '1001' },
    });
    await more();
    await bench.balancing('DeleteTargetGroup', { targetGroup: 'ips' });
    assert.deepEqual(keys('ips'), []);
  });

  it('are at most as many as the load balancer takes with all of its groups', async () => {
    const many = (count: number, id: string): TargetReference[] =>
      Array.from({ length: count }, (_, index) => ({ id, port: index + 1 }));
    await bench.balancing('CreateTargetGroup', { name: 'others', targetType: 'ip', port: 80 });
    const forward = (name: string) => ({
      type: 'forward' as const,
      forward: { targetGroups: [{ targetGroupArn: name }] },
    });
    const { listener } = await bench.balancing('CreateListener', {
      protocol: 'HTTP',
      port: 80,
      defaultActions: [forward('ips')],
    });
    await register('ips', ...many(600, '10.0.0.1'));
    await register('others', ...many(401, '10.0.0.2'));
    const rule = () =>
      bench.balancing('CreateRule', {
        listener: listener?.listenerArn,
        priority: 1,
        conditions: [{ field: 'path-pattern', values: ['/a'] }],
        actions: [forward('others')],
      });
    const refusal =
      'Load balancer berth would have 1001 registered targets; expected at most 1000. Its attribute berth.quotas.targets raises that.';
    await bench.refuses(rule, 'TooManyTargets', refusal);
    await deregister('others', { id: '10.0.0.2', port: 1 });
    await rule();
    await bench.refuses(() => register('ips', { id: '10.0.0.3' }), 'TooManyTargets', refusal);
    await register('ips', { id: '10.0.0.1', port: 1 });
    await bench.balancing('ModifyLoadBalancerAttributes', {
      loadBalancer: 'berth',
      attributes: { 'berth.quotas.targets': '1001' },
    });
    await register('ips', { id: '10.0.0.3' });
  });

  it('are described before and after the controller made them, and when they are gone', async () => {
    const id = '10.0.0.9';
    await register('ips', { id }, { id, port: 81 });
    const states = async (...targets: TargetReference[]) => {
      const answer = await bench.balancing('DescribeTargetHealth', { targetGroup: 'ips', targets });
      return answer.targets.map(({ targetId, port, state, reason, healthCheckPort }) => [
        targetId,
        port,
        state,
        reason,
        healthCheckPort,
      ]);
    };
    const unused = 'Target.NotInUse';
    assert.deepEqual(await states(), [
      [id, 8080, 'unused', unused, undefined],
      [id, 81, 'unused', unused, undefined],
    ]);
    await bench.balancing('CreateListener', {
      port: 8080,
      defaultActions: [{ type: 'forward', forward: { targetGroups: [{ targetGroupArn: 'ips' }] } }],
    });
    const registering = 'Elb.RegistrationInProgress';
    assert.deepEqual(await states({ id, port: 81 }), [[id, 81, 'initial', registering, undefined]]);
    const target = { group: 'ips', address: id, hostId: '', taskId: '' };
    await bench.put(collections.sessions, ['proxy', 'p'], { id: 'p', kind: 'proxy' });
    for (const [name, state] of [
      ['old', 'DRAINING'],
      ['new', 'REGISTERED'],
    ] as const) {
      await bench.put(collections.targets, ['ips', name], { ...target, id: name, port: 81, state });
    }
    await bench.put(collections.targetHealth, ['ips', 'new', 'p'], {
      group: 'ips',
      target: 'new',
      proxy: 'p',
      state: 'healthy',
      anomaly: 'anomalous',
    });
    assert.deepEqual(await states({ id, port: 81 }), [[id, 81, 'healthy', undefined, '81']]);
    assert.deepEqual(await states({ id: '10.0.0.1' }, { id: '10.0.0.1', port: 9 }), [
      ['10.0.0.1', 8080, 'unused', 'Target.NotRegistered', undefined],
      ['10.0.0.1', 9, 'unused', 'Target.NotRegistered', undefined],
    ]);
    const anomalies = await bench.balancing('DescribeTargetHealth', {
      targetGroup: 'ips',
      targets: [{ id, port: 81 }],
      includeAnomalyDetection: true,
    });
    assert.equal(anomalies.targets[0]?.anomaly, 'anomalous');
  });

  it('are unused while their host is gone', async () => {
    await register('hosts', { id: 'h0' });
    const [record] = [...bench.cache.list(collections.targetRegistrations, 'hosts')];
    await bench.remove(collections.hosts, 'default', record?.value.id ?? '');
    const { targets } = await bench.balancing('DescribeTargetHealth', { targetGroup: 'hosts' });
    assert.deepEqual([targets[0]?.state, targets[0]?.reason], ['unused', 'Target.InvalidState']);
  });

  it('of an earlier group of the same name are not those of the next', async () => {
    await bench.put(collections.targetRegistrations, ['later', '10.0.0.1:80'], {
      group: 'later',
      id: '10.0.0.1',
      port: 80,
    });
    await bench.balancing('CreateTargetGroup', { name: 'later', targetType: 'ip' });
    assert.deepEqual(keys('later'), []);
  });
});
