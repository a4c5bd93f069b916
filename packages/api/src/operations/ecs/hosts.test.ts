import assert from 'node:assert/strict';

import { collections } from '@berth/store/keys.ts';

import { Bench, hostId, webDefinition } from '../testing.ts';

describe('hosts', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster(3);
    await bench.ecs('RegisterTaskDefinition', webDefinition);
  });
  afterEach(() => bench.stop());

  const list = async (request: object = {}): Promise<string> => {
    const { containerInstanceArns } = await bench.ecs('ListHosts', request);
    return containerInstanceArns.map((arn) => `h${arn.at(-1) ?? ''}`).join(' ');
  };

  it('are described with what is left of them', async () => {
    await bench.ecs('RunTask', { taskDefinition: 'hello', count: 3 });
    await bench.put(collections.tasks, ['default', '1'.repeat(32)], {
      id: '1'.repeat(32),
      hostId: hostId(0),
      cluster: 'default',
      desiredStatus: 'STOPPED',
      reserved: { cpu: 0, memory: 0, ports: [8080], portsUdp: [53], gpuIds: ['g1'] },
    });
    const { hosts } = await bench.ecs('DescribeHosts', { hosts: ['h0'] });
    const [host] = hosts;
    assert.deepEqual(host?.remainingResources, {
      cpu: 2048 - 3 * 128,
      memory: 4096 - 3 * 64,
      ports: [22, 8080],
      portsUdp: [53],
      gpuIds: ['g2'],
    });
    assert.equal(host.pendingTasksCount, 3);
    assert.equal(host.runningTasksCount, 0);
    assert.equal(host.agentConnected, true);
    assert.equal(
      host.containerInstanceArn,
      `arn:aws:ecs:local:000000000000:container-instance/default/${hostId(0)}`,
    );
  });

  it('are found by id, ARN and name; the others are failures', async () => {
    const arn = `arn:aws:ecs:local:000000000000:container-instance/default/${hostId(1)}`;
    const { hosts, failures } = await bench.ecs('DescribeHosts', {
      hosts: [hostId(0), arn, 'h2', 'h1', 'h9', 'aaa'],
    });
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ['h0', 'h1', 'h2'],
    );
    assert.deepEqual(
      failures.map(({ arn: missing, reason }) => [missing?.split('/').at(-1), reason]),
      [
        ['h9', 'MISSING'],
        ['aaa', 'MISSING'],
      ],
    );
    assert.match(failures[1]?.detail ?? '', /^"aaa" is the beginning of more than one host id/);
    await bench.refuses(
      () => bench.ecs('DescribeHosts'),
      'InvalidParameterException',
      'Container instances cannot be empty. (hosts has 0 ids; expected 1 to 100)',
    );
  });

  it('are listed by queries and status', async () => {
    await bench.ecs('PutAttributes', { host: 'h1', attributes: [{ name: 'zone', value: 'b' }] });
    await bench.ecs('UpdateHostsState', { hosts: ['h2'], status: 'DRAINING' });
    await bench.ecs('RunTask', { taskDefinition: 'hello', group: 'batch' });
    assert.equal(await list(), 'h0 h1 h2');
    assert.equal(await list({ filter: 'attribute:zone == b' }), 'h1');
    assert.equal(await list({ filter: 'task:group == batch' }), 'h0');
    assert.equal(
      await list({ filter: 'agentConnected == true and not(task:group == batch)' }),
      'h1 h2',
    );
    assert.equal(await list({ status: 'DRAINING' }), 'h2');
    assert.equal(await list({ maxResults: 2 }), 'h0 h1');
    await bench.refuses(
      () => list({ filter: 'zone = b' }),
      'InvalidParameterException',
      /^filter: column 6: expected /,
    );
  });

  it('are drained and made active together', async () => {
    const { hosts, failures } = await bench.ecs('UpdateHostsState', {
      hosts: ['h0', 'h1', 'nope'],
      status: 'DRAINING',
    });
    assert.deepEqual(
      hosts.map(({ name, status }) => [name, status]),
      [
        ['h0', 'DRAINING'],
        ['h1', 'DRAINING'],
      ],
    );
    assert.equal(failures.length, 1);
    const before = bench.store.revision;
    await bench.ecs('UpdateHostsState', { hosts: ['h0'], status: 'DRAINING' });
    assert.equal(bench.store.revision, before);
    await bench.refuses(
      () => bench.ecs('UpdateHostsState', { hosts: ['h0'] }),
      'InvalidParameterException',
      'status is ""; expected one of ACTIVE, DRAINING.',
    );
  });

  it('have attributes put on them', async () => {
    const attributes = [{ name: 'zone', value: 'b' }];
    assert.deepEqual(await bench.ecs('PutAttributes', { host: 'h1', attributes }), { attributes });
    const { hosts } = await bench.ecs('DescribeHosts', { hosts: ['h1'] });
    assert.deepEqual(hosts[0]?.attributes, attributes);
    await bench.refuses(
      () => bench.ecs('PutAttributes', { host: 'h9', attributes }),
      'TargetNotFoundException',
      'The specified target wasn\'t found. (host "h9" in cluster "default")',
    );
    await bench.refuses(
      () => bench.ecs('PutAttributes', { host: 'h1', attributes: [{ name: 'ecs.x' }] }),
      'InvalidParameterException',
      /^attributes: name is "ecs\.x"/,
    );
  });

  it('are deregistered when nothing runs on them', async () => {
    await bench.ecs('RunTask', { taskDefinition: 'hello' });
    await bench.refuses(
      () => bench.ecs('DeregisterHost', { host: 'h0' }),
      'InvalidParameterException',
      'Found running tasks on the instance. (host "h0" has 1; drain it first, or use force)',
    );
    const { host } = await bench.ecs('DeregisterHost', { host: 'h1' });
    assert.equal(host?.status, 'INACTIVE');
    assert.equal(await list(), 'h0 h2');
    await bench.refuses(
      () => bench.ecs('DeregisterHost', { host: 'h1' }),
      'InvalidParameterException',
      'The referenced container instance was not found. (host "h1" in cluster "default")',
    );
  });

  it('are deregistered by force with all their tasks, however many', async () => {
    for (let index = 0; index < 130; index += 1) {
      const id = index.toString(16).padStart(32, '0');
      await bench.put(collections.tasks, ['default', id], {
        id,
        cluster: 'default',
        hostId: hostId(0),
        desiredStatus: 'RUNNING',
      });
    }
    await bench.ecs('DeregisterHost', { host: 'h0', force: true });
    const tasks = [...bench.cache.list(collections.tasks, 'default')];
    assert.ok(
      tasks.every(
        ({ value }) => value.desiredStatus === 'STOPPED' && value.stopCode === 'TerminationNotice',
      ),
    );
    assert.equal(await list(), 'h1 h2');
  });
});
