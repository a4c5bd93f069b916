// Every role as a process of its own. Each is killed in turn under load, etcd is stopped and started: the
// cluster converges, and running containers don't notice.
import assert from 'node:assert/strict';

import type { Task } from '@berth/model/generated/messages.ts';

import { type Load, startLoad } from '../support/load.ts';
import { certifiesUpdate, startSecondProxy } from './certificate.ts';
import { type Running, ask, berth, berthJson, eventually, newPlace } from './cluster.ts';
import { type SeparateRoles, type RoleName, startSeparateRoles } from './separate-roles.ts';

describe('roles as separate processes', () => {
  const place = newPlace(5);
  let roles: SeparateRoles;
  let load: Load;
  let second: Running | undefined;

  before(async function () {
    this.timeout(240_000);
    roles = await startSeparateRoles(place);
  });

  beforeEach(() => {
    load = startLoad({ url: place.url, requestsPerSecond: 100, timeoutMs: 15_000 });
  });

  afterEach(() => load.stop());

  after(async function () {
    this.timeout(120_000);
    await roles.end();
    await second?.end('SIGTERM', 20_000);
    place.remove();
  });

  const containers = async (): Promise<string[]> => {
    const { tasks } = await berthJson<{ tasks: Task[] }>(place, [
      'task',
      'list',
      '--service',
      'hello',
    ]);
    return tasks.flatMap((task) => task.containers.map(({ runtimeId }) => runtimeId ?? '')).sort();
  };

  const works = async (): Promise<void> => {
    const update = await berth(place, ['service', 'update', 'hello', '--force-new-deployment'], {
      timeoutMs: 120_000,
    });
    assert.equal(update.code, 0, update.stdout + update.stderr);
  };

  for (const name of ['api', 'scheduler', 'controller', 'agent', 'proxy'] satisfies RoleName[]) {
    it(`${name} tells Prometheus and the supervisor how it is, and logs JSON`, async () => {
      const admin = roles.admin(name);
      const metrics = await (await fetch(`${admin}/metrics`)).text();
      assert.match(metrics, new RegExp(`^berth_${name}_`, 'm'));
      assert.match(metrics, /^process_resident_memory_bytes /m);
      for (const path of ['/healthz', '/readyz'])
        assert.equal((await fetch(admin + path)).status, 200);
      const lines = roles.process(name).output().trim().split('\n');
      for (const line of lines) {
        const entry = JSON.parse(line) as { level?: string; time?: string; msg?: string };
        assert.ok(entry.level && entry.time && entry.msg, line);
      }
    });
  }

  for (const name of ['api', 'scheduler', 'controller', 'agent'] satisfies RoleName[]) {
    it(`${name} killed with SIGKILL and started again: no request lost, no container touched, and all works`, async () => {
      const before = await containers();
      await roles.kill(name);
      await roles.start(name);
      await eventually('the cluster answers', 60_000, async () =>
        (await containers()).length > 0 ? true : undefined,
      );
      assert.deepEqual(await containers(), before);
      await works();
      await load.stop();
      assert.deepEqual(load.failures().slice(0, 5), []);
    });
  }

  it('proxy killed with SIGKILL and started again: it serves from its last table at once', async () => {
    const before = await containers();
    await load.stop();
    await roles.kill('proxy');
    await roles.start('proxy');
    await eventually('the proxy answers', 30_000, async () =>
      (await ask(place.url)).status === 200 ? true : undefined,
    );
    assert.deepEqual(await containers(), before);
    await works();
  });

  it('etcd stopped and started: routing goes on, and all catches up', async () => {
    const before = await containers();
    await roles.kill('etcd');
    await eventually('requests meanwhile', 15_000, () =>
      load.fates.length > 500 ? true : undefined,
    );
    await roles.start('etcd');
    await eventually('the cluster answers', 90_000, async () =>
      (await containers()).length > 0 ? true : undefined,
    );
    assert.deepEqual(await containers(), before);
    await works();
    await load.stop();
    assert.deepEqual(load.failures().slice(0, 5), []);
  });

  it('the certificate of a deployment counts each request at two proxies once, and names the one that failed', async function () {
    this.timeout(240_000);
    await load.stop();
    second = await startSecondProxy(place);
    await certifiesUpdate(place);
  });
});
