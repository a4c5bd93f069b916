import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RequestAnswer, RoutingUpdate } from '@berth/model/generated/messages.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import { complete } from '@berth/rpc/codec.ts';
import { Registry } from 'prom-client';

import type { Target } from '../target.ts';
import {
  type BackEnd,
  group,
  silent,
  startBackEnd,
  targetAt,
  until,
} from '../testing/data-path.ts';
import { Load } from '../testing/load.ts';
import { rawClient, statuses } from '../testing/raw.ts';
import { Fleet } from './fleet.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

describe('workers', () => {
  const closers: (() => Promise<unknown>)[] = [];
  let directory: string;
  let backEnd: BackEnd;
  let registry: Registry;
  let changes: Target[];
  let applied: number[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-workers-'));
    backEnd = await startBackEnd('ok');
    registry = new Registry();
    changes = [];
    applied = [];
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await backEnd.close();
    await rm(directory, { recursive: true });
  });

  async function start(update = snapshot(1)): Promise<Fleet> {
    const fleet: Fleet = new Fleet(
      {
        workers: 2,
        proxyId: 'p1',
        bindAddress: '127.0.0.1',
        logLevel: 'error',
        accessLog: { format: 'alb', directory, node: '127.0.0.1' },
        clock: realClock,
        random: realRandom,
        logger: silent,
        metrics: registry,
      },
      {
        onTargetChange: (target) => changes.push(target),
        onApplied: () => applied.push(fleet.appliedRevision),
      },
    );
    closers.push(() => fleet.stop(0));
    fleet.update(update);
    await fleet.serve();
    await until('both workers serve', () => fleet.settled && fleet.processes.length === 2);
    return fleet;
  }

  const snapshot = (revision: number, parts: Partial<RoutingUpdate> = {}): RoutingUpdate =>
    records.update(revision, {
      snapshot: true,
      listeners: [records.listener(0, records.forward('web'))],
      targetGroups: [group('web')],
      targets: [targetAt('web', backEnd.port)],
      ...parts,
    });
  const portOf = (fleet: Fleet): number => fleet.actualPort(0) ?? 0;
  const ask = (fleet: Fleet): Promise<string> => rawClient(portOf(fleet), GET).answer();
  const served = (fleet: Fleet): number => fleet.traffic()[0]?.requests ?? 0;
  const metric = async (name: string, labels: string): Promise<number> => {
    const text = await registry.metrics();
    const line = text.split('\n').find((one) => one.startsWith(`${name}{${labels}`));
    return Number(line?.split(' ').at(-1) ?? NaN);
  };

  it('share the connections, and count them as one', async () => {
    const fleet = await start();
    for (let turn = 0; turn < 30; turn += 1) {
      assert.deepEqual(statuses(await ask(fleet)), [200]);
    }
    await until('all are counted', () => served(fleet) === 30);
    await until(
      'all are measured',
      () => registry.getSingleMetric('berth_proxy_requests_total') !== undefined,
    );
    for (let last = 0; last !== 30;) {
      last = await metric('berth_proxy_requests_total', 'group="web",outcome="target_2xx"');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.match(await registry.metrics(), /^berth_proxy_workers 2$/m);
  });

  it('route by a revision before it is acknowledged', async () => {
    const fleet = await start();
    for (let revision = 2; revision < 12; revision += 1) {
      const code = String(400 + revision);
      fleet.update(
        records.update(revision, { listeners: [records.listener(0, records.fixed(code))] }),
      );
      await until('it is in use', () => fleet.appliedRevision === revision);
      const answers = await Promise.all(Array.from({ length: 6 }, () => ask(fleet)));
      for (const answer of answers) assert.deepEqual(statuses(answer), [Number(code)]);
    }
    assert.deepEqual(
      [...applied].sort((a, b) => a - b),
      applied,
      'it never goes back',
    );
  });

  it('have drained a target when none of them has anything in flight on it', async () => {
    const open: (() => void)[] = [];
    const slow = await startBackEnd('slow', (_message, response) => {
      open.push(() => response.end('done'));
    });
    closers.push(() => slow.close());
    const targets = (state?: 'DRAINING') => ({ targets: [targetAt('web', slow.port, state)] });
    const fleet = await start(snapshot(1, targets()));
    const answers = Promise.all(Array.from({ length: 12 }, () => ask(fleet)));
    await until('all are in flight', () => open.length === 12);
    fleet.update(records.update(2, targets('DRAINING')));
    await until('it is acknowledged', () => fleet.appliedRevision === 2);
    assert.deepEqual(statuses(await ask(fleet)), [503], 'nothing new');
    const [target] = fleet.targets();
    for (const finish of open.slice(1)) finish();
    await until('one is left', () => fleet.traffic()[0]?.active === 1);
    assert.equal(target?.drain.phase, 'draining');
    open[0]?.();
    await until('it is drained', () => target?.drain.phase === 'drained');
    assert.ok((await answers).every((answer) => statuses(answer)[0] === 200));
  });

  it('are replaced one by one under load without a failed request', async () => {
    const fleet = await start();
    const load = new Load(portOf(fleet), 6);
    await until('the load runs', () => load.served > 50);
    const before = fleet.processes;
    await fleet.reload();
    const after = fleet.processes;
    const during = load.served;
    await until('it goes on', () => load.served > during + 50);
    const { failures, served: all } = await load.stop();
    assert.deepEqual(failures, []);
    await until('the old ones are gone', () => fleet.processes.length === 2);
    assert.ok(fleet.processes.every((pid) => !before.includes(pid)));
    assert.ok(after.length >= 2);
    await until('every request is counted once', () => served(fleet) === all);
  });

  it('tell of requests in one voice, also after one was replaced', async () => {
    const fleet = await start();
    const answers: RequestAnswer[] = [];
    fleet.onAnswer = (answer) => answers.push(answer) > 0;
    for (let turn = 0; turn < 6; turn += 1) await ask(fleet);
    fleet.take(complete('RequestOrder', { orderId: 'past', limit: 100 }));
    await until('it is answered', () => answers.some(({ done }) => done));
    assert.equal(answers.flatMap(({ requests }) => requests).length, 6);
    assert.equal(answers.filter(({ done }) => done).length, 1);
    answers.length = 0;
    fleet.take(complete('RequestOrder', { orderId: 'now', follow: true }));
    const [victim = 0] = fleet.processes;
    process.kill(victim, 'SIGKILL');
    await until('it is gone', () => !fleet.processes.includes(victim));
    await until('there are two again', () => fleet.processes.length === 2 && fleet.settled);
    for (let turn = 0; turn < 20; turn += 1) await ask(fleet);
    await until('all are told', () => answers.flatMap(({ requests }) => requests).length === 20);
    assert.ok(!answers.some(({ done }) => done));
    fleet.take(complete('RequestOrder', { orderId: 'now', cancel: true }));
  });

  it('are replaced when one dies; only what it had in flight fails, and the counters stay', async () => {
    const fleet = await start();
    for (let turn = 0; turn < 20; turn += 1) await ask(fleet);
    await until('all are counted', () => served(fleet) === 20);
    const [victim = 0, other] = fleet.processes;
    process.kill(victim, 'SIGKILL');
    await until('it is gone', () => !fleet.processes.includes(victim));
    assert.ok(fleet.processes.includes(other ?? 0));
    // What waits in the queue of the dead worker is served by its successor.
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(fleet)));
    assert.ok(answers.every((answer) => statuses(answer)[0] === 200));
    await until('there are two again', () => fleet.processes.length === 2 && fleet.settled);
    await until('nothing is lost', () => served(fleet) === 32);
    assert.equal(await metric('berth_proxy_worker_restarts_total', 'reason="died"'), 1);
  });

  it('are killed when they hang, so that nothing waits for ever', async () => {
    const fleet = await start();
    const [victim = 0] = fleet.processes;
    process.kill(victim, 'SIGSTOP');
    fleet.update(snapshot(2));
    await until('the revision is acknowledged', () => fleet.appliedRevision === 2, 25_000);
    assert.ok(!fleet.processes.includes(victim));
    await until('there are two again', () => fleet.processes.length === 2, 10_000);
    assert.equal(await metric('berth_proxy_worker_restarts_total', 'reason="hung"'), 1);
  });

  it('pass over a target that one of them can not reach', async () => {
    const dead = await startBackEnd('dead');
    const fleet = await start(
      snapshot(1, { targets: [targetAt('web', backEnd.port), targetAt('web', dead.port)] }),
    );
    await until('both are well', () =>
      [...fleet.targets()].every(({ health }) => health.state === 'healthy'),
    );
    dead.kill();
    for (let turn = 0; turn < 10; turn += 1) {
      assert.deepEqual(statuses(await ask(fleet)), [200]);
    }
  });

  it('end when their primary is gone', async () => {
    const fleet = await start();
    const pids = fleet.processes;
    await fleet.stop(0);
    await until('they are gone', () => pids.every((pid) => !alive(pid)));
    const port = portOf(fleet);
    assert.equal(port, 0);
  });

  it('give up the port of a listener that is removed, and open another', async () => {
    const fleet = await start();
    const port = portOf(fleet);
    fleet.update(snapshot(2, { listeners: [] }));
    await until('nobody listens', () => fleet.actualPort(0) === undefined);
    await untilRefused(port);
    fleet.update(snapshot(3));
    await until('there is another', () => fleet.actualPort(0) !== undefined && fleet.settled);
    assert.deepEqual(statuses(await ask(fleet)), [200]);
  });
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function untilRefused(port: number): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    const refused = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
      socket.once('connect', () => socket.destroy());
    });
    if (refused) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`somebody still listens on ${port}`);
}
