// What goes wrong by itself: a revision that never becomes healthy, a container that dies.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Service, Task } from '@berth/model/generated/messages.ts';

import { startLoad } from '../support/load.ts';
import {
  type Place,
  ROOT,
  type Running,
  berth,
  berthJson,
  eventually,
  newPlace,
  printed,
  startDev,
} from './cluster.ts';

interface Definition {
  readonly containerDefinitions: readonly { readonly environment?: readonly object[] }[];
}

describe('unplanned trouble', () => {
  const place: Place = newPlace(4);
  let dev: Running;

  before(async function () {
    this.timeout(240_000);
    dev = await startDev(place);
  });

  after(async function () {
    this.timeout(90_000);
    await dev.end('SIGINT', 60_000);
    place.remove();
  });

  const tasks = async (): Promise<readonly Task[]> =>
    (await berthJson<{ tasks: Task[] }>(place, ['task', 'list', '--service', 'hello'])).tasks;

  it('an unhealthy revision leaves the old tasks serving and says why', async () => {
    const before = (await tasks()).map(({ taskArn }) => taskArn).sort();
    const sample = JSON.parse(
      readFileSync(join(ROOT, 'deploy/sample/hello.json'), 'utf8'),
    ) as Definition;
    const [container] = sample.containerDefinitions;
    const sick = {
      ...sample,
      containerDefinitions: [
        {
          ...container,
          environment: [...(container?.environment ?? []), { name: 'UNHEALTHY', value: '1' }],
        },
      ],
    };
    assert.equal(
      (await berth(place, ['task-definition', 'register', '-'], { input: JSON.stringify(sick) }))
        .code,
      0,
    );
    const load = startLoad({ url: place.url, requestsPerSecond: 50, timeoutMs: 15_000 });
    const update = await berth(
      place,
      ['service', 'update', 'hello', '--task-definition', 'hello', '--timeout', '90s'],
      {
        timeoutMs: 150_000,
      },
    );
    await load.stop();
    assert.equal(update.code, 5, update.stdout + update.stderr);
    assert.match(update.stdout + update.stderr, /UNHEALTHY|unhealthy/, 'says which check failed');
    assert.match(update.stdout + update.stderr, /hello:1/, 'says what serves on');
    assert.deepEqual(load.failures(), []);
    const serving = (await tasks()).map(({ taskArn }) => taskArn);
    for (const old of before) assert.ok(serving.includes(old), `${old} was stopped`);
    assert.equal(
      (
        await berth(place, ['service', 'update', 'hello', '--task-definition', 'hello:1'], {
          timeoutMs: 120_000,
        })
      ).code,
      0,
    );
  });

  it('a container that is killed is replaced; only requests on it may fail', async () => {
    const [victim] = await tasks();
    assert.ok(victim);
    const container = victim.containers[0]?.runtimeId;
    assert.ok(container);
    const load = startLoad({ url: place.url, requestsPerSecond: 100, timeoutMs: 15_000 });
    await eventually('some requests', 10_000, () => (load.fates.length > 100 ? true : undefined));
    const { stdout } = await berth(place, ['env']);
    const host = /DOCKER_HOST=['"]?([^'"\n]+)/.exec(stdout)?.[1] ?? '';
    printed('docker', '-H', host, 'kill', container);
    await eventually('four healthy tasks without the victim', 60_000, async () => {
      const now = await tasks();
      const healthy = now.filter(
        ({ lastStatus, healthStatus }) => lastStatus === 'RUNNING' && healthStatus === 'HEALTHY',
      );
      return healthy.length === 4 && now.every(({ taskArn }) => taskArn !== victim.taskArn)
        ? true
        : undefined;
    });
    await load.stop();
    const onVictim = load.failures().length;
    // A quarter of what was under way at that moment: slow requests and WebSockets of some seconds.
    assert.ok(
      onVictim <= 20,
      `${onVictim} of ${load.fates.length} requests failed: ${JSON.stringify(load.failures().slice(0, 5))}`,
    );
    const stopped = (await berthJson<{ tasks: Task[] }>(place, ['task', 'show', victim.taskArn]))
      .tasks[0];
    assert.equal(stopped?.containers[0]?.exitCode, 137);
    assert.match(stopped?.stoppedReason ?? '', /Essential container in task exited/);
  });

  it('the service says in its events what happened', async () => {
    const { services } = await berthJson<{ services: Service[] }>(place, [
      'service',
      'show',
      'hello',
    ]);
    const messages = services[0]?.events.map(({ message }) => message).join('\n') ?? '';
    assert.match(messages, /has reached a steady state/);
    assert.match(messages, /is unhealthy in|failed container health checks/);
  });
});
