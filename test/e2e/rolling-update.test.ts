// Berth's promise: whatever people plan, no request fails. An open-loop load runs over every planned change.
import assert from 'node:assert/strict';

import type { Service, Task } from '@berth/model/generated/messages.ts';

import { type Load, startLoad } from '../support/load.ts';
import {
  type Place,
  type Running,
  ask,
  berth,
  berthJson,
  eventually,
  newPlace,
  startDev,
} from './cluster.ts';

interface Services {
  readonly services: readonly Service[];
}
interface Tasks {
  readonly tasks: readonly Task[];
}

describe('planned changes under load', () => {
  const place: Place = newPlace(1);
  let dev: Running;
  let load: Load;

  const service = async (): Promise<Service> => {
    const { services } = await berthJson<Services>(place, ['service', 'show', 'hello']);
    return services[0]!;
  };
  const steady = (count: number) =>
    eventually(`hello steady at ${count}`, 90_000, async () => {
      const { deployments, runningCount } = await service();
      return deployments.length === 1 && runningCount === count ? true : undefined;
    });

  before(async function () {
    this.timeout(240_000);
    dev = await startDev(place);
  });

  beforeEach(() => {
    load = startLoad({ url: place.url, requestsPerSecond: 200, timeoutMs: 15_000 });
  });

  afterEach(async function () {
    await load.stop();
    const failures = load.failures();
    assert.deepEqual(
      failures.slice(0, 10),
      [],
      `${failures.length} of ${load.fates.length} requests failed`,
    );
    assert.ok(load.fates.length > 200, `only ${load.fates.length} requests were made`);
  });

  after(async function () {
    this.timeout(90_000);
    await dev.end('SIGINT', 60_000);
    place.remove();
  });

  it('a rolling update to a new revision replaces every task', async () => {
    const before = new Set(
      (await berthJson<Tasks>(place, ['task', 'list', '--service', 'hello'])).tasks.map(
        ({ taskArn }) => taskArn,
      ),
    );
    const registered = await berth(place, [
      'task-definition',
      'register',
      'deploy/sample/hello.json',
    ]);
    assert.equal(registered.code, 0, registered.stderr);
    const update = await berth(
      place,
      ['service', 'update', 'hello', '--task-definition', 'hello:2'],
      { timeoutMs: 180_000 },
    );
    assert.equal(update.code, 0, update.stdout + update.stderr);
    assert.match(update.stdout, /0 (?:of [\d,]+ requests )?failed/);
    const after = (await berthJson<Tasks>(place, ['task', 'list', '--service', 'hello'])).tasks;
    assert.equal(after.length, 4);
    for (const { taskArn, taskDefinitionArn } of after) {
      assert.ok(!before.has(taskArn), `${taskArn} was not replaced`);
      assert.match(taskDefinitionArn, /hello:2$/);
    }
  });

  it('--force-new-deployment replaces every task', async () => {
    const before = new Set(
      (await berthJson<Tasks>(place, ['task', 'list', '--service', 'hello'])).tasks.map(
        ({ taskArn }) => taskArn,
      ),
    );
    const update = await berth(place, ['service', 'update', 'hello', '--force-new-deployment'], {
      timeoutMs: 180_000,
    });
    assert.equal(update.code, 0, update.stdout + update.stderr);
    const after = (await berthJson<Tasks>(place, ['task', 'list', '--service', 'hello'])).tasks;
    assert.equal(after.filter(({ taskArn }) => before.has(taskArn)).length, 0);
  });

  it('scale-out, then scale-in', async () => {
    const out = await berth(place, ['service', 'scale', 'hello', '6'], { timeoutMs: 120_000 });
    assert.equal(out.code, 0, out.stdout + out.stderr);
    await steady(6);
    const back = await berth(place, ['service', 'scale', 'hello', '3'], { timeoutMs: 120_000 });
    assert.equal(back.code, 0, back.stdout + back.stderr);
    await steady(3);
  });

  it('a stopped task drains first, and is replaced', async () => {
    const answering = /\b[0-9a-f]{32}\b/.exec((await ask(place.url)).body)?.[0];
    assert.ok(answering);
    const stop = await berth(place, ['task', 'stop', answering.slice(0, 10), '--yes']);
    assert.equal(stop.code, 0, stop.stderr);
    await eventually('the task is stopped', 60_000, async () => {
      const { tasks } = await berthJson<Tasks>(place, ['task', 'show', answering]);
      return tasks[0]?.lastStatus === 'STOPPED' ? true : undefined;
    });
    await steady(3);
  });
});
