import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { isBerthError } from '@berth/model/errors.ts';
import type { TrafficCounters } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';

import { eventually, TestCluster, type FakeProxy, type Replica } from '../testing/cluster.ts';

describe('traffic', () => {
  let cluster: TestCluster;
  let replicas: [Replica, Replica];

  beforeEach(async () => {
    cluster = new TestCluster();
    replicas = [await cluster.replica(), await cluster.replica()];
    for (const name of ['web', 'other']) {
      await cluster.put(collections.targetGroups, [name], { name, id: '1'.repeat(16) });
    }
  });
  afterEach(() => cluster.close());

  async function proxy(replica: Replica, id: string, requests: number): Promise<FakeProxy> {
    const connected = await cluster.proxy(replica, id);
    await eventually('the snapshot', () => connected.received[0]);
    const others = { group: 'other', requests: 1_000 };
    connected.out.offer({ traffic: { groups: [{ group: 'web', requests, failed: 1 }, others] } });
    return connected;
  }

  async function shows(replica: Replica, requests: number): Promise<TrafficCounters> {
    const client = await cluster.client('LoadBalancing', replica);
    return eventually(`${requests} requests`, async () => {
      const { traffic } = await client.DescribeTargetHealth({ targetGroup: 'web' });
      return traffic?.requests === requests && traffic;
    });
  }

  it('is that of all proxies, whichever replica is asked', async () => {
    await proxy(replicas[0], 'p1', 10);
    const second = await proxy(replicas[1], 'p2', 200);
    for (const replica of replicas) assert.equal((await shows(replica, 210)).failed, 2);
    second.out.offer({ traffic: { groups: [{ group: 'web', requests: 300 }] } });
    await shows(replicas[0], 310);
    await second.close();
    await shows(replicas[0], 10);
  });

  it('is that of all proxies for who watches a service', async () => {
    await cluster.put(collections.clusters, ['default'], { name: 'default', status: 'ACTIVE' });
    await cluster.put(collections.services, ['default', 'web'], {
      cluster: 'default',
      name: 'web',
      status: 'ACTIVE',
      loadBalancers: [{ targetGroupArn: 'web', containerName: 'c', containerPort: 80 }],
    });
    await proxy(replicas[0], 'p1', 10);
    await proxy(replicas[1], 'p2', 200);
    const client = await cluster.client('Operations', replicas[0]);
    for await (const { traffic } of client.WatchService({ service: 'web' })) {
      if (traffic?.requests === 210) return;
    }
  });

  it('is told to other replicas only', async () => {
    const admin = await cluster.client('Operations', replicas[0]);
    await assert.rejects(admin.CountTraffic({}), (error) =>
      isBerthError(error, 'AccessDeniedException'),
    );
  });

  describe('with a replica that does not answer', () => {
    let silent: Server;
    const sockets = new Set<Socket>();

    beforeEach(async () => {
      silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      await cluster.put(collections.sessions, ['proxy', 'p9'], {
        id: 'p9',
        kind: 'proxy',
        replicaAddress: `127.0.0.1:${port}`,
      });
    });
    afterEach(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });

    it('is that of the proxies of the others', async () => {
      await proxy(replicas[0], 'p1', 10);
      await proxy(replicas[1], 'p2', 200);
      await shows(replicas[0], 210);
      assert.ok(cluster.logger.lines.some(({ message }) => /a replica did not say/.test(message)));
    });
  });
});
