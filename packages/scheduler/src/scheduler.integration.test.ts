// The scheduler on a real etcd: what is placed is there, once, also across a change of leaders.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isBerthError } from '@berth/model/errors.ts';
import { overdrafts } from '@berth/model/placement/fit.ts';
import { testContainer, testDefinition, testHostRecord } from '@berth/model/placement/testing.ts';
import { createAuthority, issue } from '@berth/rpc/authority.ts';
import { complete } from '@berth/rpc/codec.ts';
import { leaderClient } from '@berth/rpc/leader-client.ts';
import { ETCD_CLIENT_NAME, startEmbeddedEtcd } from '@berth/store/embedded-etcd.ts';
import type { EmbeddedEtcd } from '@berth/store/embedded-etcd.ts';
import { collections } from '@berth/store/keys.ts';
import { openState } from '@berth/store/open-state.ts';
import type { OpenedState } from '@berth/store/open-state.ts';
import { putRecord } from '@berth/store/record.ts';
import { realClock, silent } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { Registry } from 'prom-client';

import { openMirror } from './mirror.ts';
import { startScheduler } from './start.ts';
import { CLUSTER, placeRequest } from './testing.ts';

const HOSTS = 20;
const surroundings = { clock: realClock, random: Math.random, logger: silent };

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            resolve((server.address() as AddressInfo).port);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

describe('the scheduler on etcd', function () {
  this.timeout(60_000);
  const signal = AbortSignal.timeout(60_000);
  let directory: string;
  let etcd: EmbeddedEtcd;
  let tls: TlsIdentity;
  let state: OpenedState;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-scheduler-'));
    const authority = await createAuthority(Date.now());
    const names = ['localhost', '127.0.0.1', ETCD_CLIENT_NAME];
    tls = await issue(authority, { role: 'control', name: 'test' }, names, Date.now(), 1);
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    etcd = await startEmbeddedEtcd({
      directory,
      logFile: join(directory, 'etcd.log'),
      host: '127.0.0.1',
      clientPort,
      peerPort,
      serverTls: tls,
      clientTls: tls,
      ...surroundings,
      signal,
    });
    state = await openState({ endpoints: [etcd.endpoint], tls, ...surroundings, signal });
    const hosts = Array.from({ length: HOSTS }, (_, index) => `host-${index}`);
    const definition = testDefinition({
      containerDefinitions: [testContainer({ cpu: 64, memory: 128 })],
    });
    const session = (id: string): Parameters<typeof putRecord<'SessionRecord'>>[2] =>
      complete('SessionRecord', { id, kind: 'host' });
    const puts = [
      putRecord(collections.taskDefinitions, ['web', '1'], definition),
      ...hosts.map((id) => putRecord(collections.hosts, [CLUSTER, id], testHostRecord(id))),
      ...hosts.map((id) => putRecord(collections.sessions, ['host', id], session(id))),
    ];
    await state.store.commit(transaction({ puts }), signal);
  });

  after(async () => {
    await state.close();
    await etcd.stop(5000);
    await rm(directory, { recursive: true, force: true });
  });

  it('places every intention once while leaders come and go', async () => {
    const { store, cache } = state;
    const options = {
      listen: '127.0.0.1:0',
      advertise: '127.0.0.1:0',
      tls,
      store,
      cache,
      leaseSeconds: 10,
    };
    const start = (): ReturnType<typeof startScheduler> =>
      startScheduler(options, { ...surroundings, metrics: new Registry() });
    const address = (): string | undefined =>
      cache.get(collections.leader, 'scheduler')?.value.address;
    const client = leaderClient({ service: 'Scheduler', address, tls, ...surroundings });
    const schedulers = [await start(), await start()];
    try {
      const answers = Array.from({ length: 12 }, async (_, index) => {
        const request = placeRequest({
          owner: `ecs-svc/${index}`,
          group: `service:s${index}`,
          count: 50,
          viewRevision: cache.revision,
        });
        try {
          return (await client.calls.Place(request, { timeoutMs: 20_000 })).tasks.length;
        } catch (error) {
          // A first attempt whose answer was lost had placed them.
          assert.ok(isBerthError(error, 'StaleView'), String(error));
          return 50;
        }
      });
      await Promise.race(answers);
      await schedulers[0]?.stop(5000);
      assert.deepEqual(await Promise.all(answers), Array(12).fill(50));
    } finally {
      client.close();
      for (const scheduler of schedulers) await scheduler.stop(5000);
    }
    const page = await store.list('/berth/v1/tasks/', signal);
    await cache.reached(page.revision, signal);
    assert.equal(page.entries.length, 600);
    for (let index = 0; index < 12; index += 1) {
      assert.equal([...cache.tasksByOwner(`ecs-svc/${index}`)].length, 50);
    }
    const mirror = await openMirror(cache, realClock, signal);
    mirror.close();
    for (const host of mirror.ledger(CLUSTER).hosts()) {
      assert.deepEqual(overdrafts(host), []);
      for (const [group, tasks] of host.groups) {
        assert.ok(
          [2, 3].includes(tasks),
          `${tasks} of the 50 tasks of ${group} on one of ${HOSTS} hosts`,
        );
      }
    }
  });
});
