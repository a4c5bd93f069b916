import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { messageChain } from '@berth/model/errors.ts';
import { complete } from '@berth/rpc/codec.ts';
import { createAuthority, issue } from '@berth/rpc/authority.ts';

import {
  type EmbeddedEtcd,
  type EmbeddedEtcdOptions,
  ETCD_CLIENT_NAME,
  startEmbeddedEtcd,
} from './embedded-etcd.ts';
import { EtcdStore } from './etcd-store.ts';
import { collections } from './keys.ts';
import { freeSpace } from './maintenance.ts';
import { openState } from './open-state.ts';
import { putRecord } from './record.ts';
import { type Child, startChild } from './testing/child.ts';
import { etcdOptions, startTestEtcd } from './testing/etcd.ts';
import { realClock, silent, until } from './testing/time.ts';
import { transaction } from './transaction.ts';

describe('the embedded etcd', function () {
  this.timeout(60_000);
  let options: EmbeddedEtcdOptions;
  const stop = new AbortController();
  const started: EmbeddedEtcd[] = [];

  beforeEach(async () => {
    options = await etcdOptions();
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((etcd) => etcd.stop(5_000)));
    await rm(options.directory, { recursive: true, force: true });
  });

  /** Starts one that is stopped after the test, however that ends. */
  const start = async (given = options): Promise<EmbeddedEtcd> => {
    const etcd = await startEmbeddedEtcd(given);
    started.push(etcd);
    return etcd;
  };

  const cluster = (name: string) =>
    putRecord(collections.clusters, [name], complete('ClusterRecord', { name }));

  it('starts again when it is killed, with its data, and a view of it catches up', async () => {
    const etcd = await start();
    const state = await openState({
      endpoints: [etcd.endpoint],
      tls: options.clientTls,
      clock: realClock,
      random: Math.random,
      logger: silent,
      signal: stop.signal,
    });
    try {
      await state.store.commit(transaction({ puts: [cluster('before')] }), stop.signal);
      const former = etcd.pid ?? 0;
      process.kill(former, 'SIGKILL');
      await until('it is noticed', () => etcd.unready() !== undefined);
      await until('it runs again', () => etcd.unready() === undefined);
      assert.notEqual(etcd.pid, former);
      const { revision } = await state.store.commit(
        transaction({ puts: [cluster('after')] }),
        stop.signal,
      );
      await state.cache.reached(revision, stop.signal);
      const names = [...state.cache.list(collections.clusters)].map((one) => one.value.name);
      assert.deepEqual(names.sort(), ['after', 'before']);
      assert.equal(await state.cache.compare(stop.signal), 0);
    } finally {
      await state.close();
      await etcd.stop(5_000);
    }
    assert.notEqual(etcd.unready(), undefined);
  });

  it('may be put back to an older state: views and commits go on from that', async () => {
    const former = await start();
    const state = await openState({
      endpoints: [former.endpoint],
      tls: options.clientTls,
      clock: realClock,
      random: Math.random,
      logger: silent,
      signal: stop.signal,
    });
    try {
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        await state.store.commit(transaction({ puts: [cluster(name)] }), stop.signal);
      }
      await until('all are seen', () => [...state.cache.list(collections.clusters)].length === 5);
      await former.stop(5_000);
      await rm(join(options.directory, 'data'), { recursive: true });
      const restored = await start();
      try {
        await until('none is seen', () => [...state.cache.list(collections.clusters)].length === 0);
        const { revision } = await state.store.commit(
          transaction({ puts: [cluster('new')] }),
          stop.signal,
        );
        await state.cache.reached(revision, stop.signal);
        assert.equal(state.cache.get(collections.clusters, 'new')?.modRevision, revision);
      } finally {
        await state.close();
        await restored.stop(5_000);
      }
    } finally {
      await state.close();
      await former.stop(1_000);
    }
  });

  it('serves nobody whose certificate does not name a client of etcd', async () => {
    const authority = await createAuthority(Date.now());
    const control = { role: 'control', name: 'c' } as const;
    const good = await issue(authority, control, ['127.0.0.1', ETCD_CLIENT_NAME], Date.now(), 1);
    const host = await issue(
      authority,
      { role: 'host', name: 'h' },
      ['127.0.0.1', 'h.example'],
      Date.now(),
      1,
    );
    const etcd = await start({ ...options, serverTls: good, clientTls: good });
    const store = new EtcdStore({
      endpoints: [etcd.endpoint],
      tls: host,
      clock: realClock,
      random: Math.random,
      callWithinMs: 300,
    });
    await assert.rejects(store.get('/berth/v1/clusters/c', stop.signal), { code: 'Unavailable' });
    await store.close();
    await etcd.stop(5_000);
  });

  it('names the package to install when the program is missing', async () => {
    await assert.rejects(startEmbeddedEtcd({ ...options, binary: 'no-such-etcd' }), /etcd-server/);
  });

  it('refuses a version that corrupts data', async () => {
    const binary = join(options.directory, 'etcd');
    await writeFile(binary, '#!/bin/sh\necho "etcd Version: 3.5.1"\n');
    await chmod(binary, 0o755);
    await assert.rejects(startEmbeddedEtcd({ ...options, binary }), /3\.5\.1.*corrupt/);
  });

  for (const port of ['clientPort', 'peerPort'] as const) {
    it(`says which port is taken: ${port}`, async () => {
      const other = await listen(options[port]);
      await assert.rejects(
        startEmbeddedEtcd(options),
        new RegExp(`127.0.0.1:${options[port]}, is taken`),
      );
      await new Promise((resolve) => other.close(resolve));
    });
  }

  it('says which directory can not be written', async () => {
    const directory = join(options.directory, 'file');
    await writeFile(directory, '');
    await assert.rejects(startEmbeddedEtcd({ ...options, directory }), (error: Error) =>
      error.message.includes(directory),
    );
  });

  it('says why etcd itself gave up', async () => {
    const etcd = await start();
    await etcd.stop(5_000);
    await writeFile(join(options.directory, 'data', 'member', 'snap', 'db'), 'not a database');
    await assert.rejects(startEmbeddedEtcd(options), (error: Error) => {
      assert.match(messageChain(error), /etcd did not start on .*: .*(database|panic|fatal)/s);
      return error.message.includes(options.logFile);
    });
  });

  describe('when its parent is killed', () => {
    let parent: Child | undefined;
    afterEach(() => parent?.kill());

    const startParent = async (path?: string): Promise<number> => {
      parent = startChild('etcd-parent-process.ts', { ...options, binary: '/usr/bin/etcd' }, path);
      await until('etcd runs', () => parent?.lines.length === 1, 20_000);
      const pid = (parent.lines[0] as { pid: number }).pid;
      await parent.kill();
      return pid;
    };

    it('ends too', async () => {
      const pid = await startParent();
      await until('etcd has ended', () => !isAlive(pid));
    });

    it('is ended by the next one where the system can not do it', async () => {
      const empty = await mkdtemp(join(tmpdir(), 'berth-path-'));
      const pid = await startParent(empty);
      await rm(empty, { recursive: true });
      assert.ok(isAlive(pid), 'without setpriv it lives on');
      const etcd = await start();
      const alive = isAlive(pid);
      await etcd.stop(5_000);
      assert.ok(!alive);
    });

    it('is not mistaken for another process that has its number now', async () => {
      await writeFile(join(options.directory, 'etcd.pid'), `${process.pid}\n`);
      const etcd = await start();
      await etcd.stop(5_000);
    });
  });
});

describe('a full etcd', function () {
  this.timeout(60_000);

  it('says what to do, still deletes, and takes writes again when space was freed', async () => {
    const server = await startTestEtcd(16 * 1024 * 1024);
    const store = server.open();
    const signal = new AbortController().signal;
    try {
      const big = Buffer.alloc(900_000, 'x');
      const write = (at: number): Promise<unknown> =>
        store.commit(
          transaction({ puts: [{ key: `/berth/v1/events/c/${at}`, value: big }] }),
          signal,
        );
      await assert.rejects(async () => {
        for (let at = 0; at < 40; at += 1) await write(at % 4);
      }, /etcdctl defrag/);
      await store.get('/berth/v1/events/c/0', signal);
      const deleted = await store.commit(
        transaction({ deletes: ['/berth/v1/events/c/0'] }),
        signal,
      );
      assert.ok(deleted.committed);
      await assert.rejects(write(5), { code: 'Unavailable' });
      const freed = await freeSpace(
        {
          endpoints: [server.etcd.endpoint],
          tls: server.tls,
          clock: realClock,
          random: Math.random,
        },
        signal,
      );
      assert.ok((freed.members[0]?.after ?? 0) < (freed.members[0]?.before ?? 0));
      await write(6);
    } finally {
      await server.close();
    }
  });
});

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  return server;
}

/** A process that has ended but was not waited for yet is dead. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
