// Berth's promise while traffic is shifted: blue/green with a test listener rule and a hook, a canary, linear steps and a
// deployment that a hook sends back, one after the other on one service, then task sets that somebody else scales and routes to, under an
// open-loop load that loses no request.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Rule, ServiceDeploymentBrief, TaskSet } from '@berth/model/generated/messages.ts';

import { type Load, startLoad } from '../support/load.ts';
import {
  type Finished,
  type Place,
  type Running,
  ask,
  berth,
  berthJson,
  eventually,
  newPlace,
  startDev,
} from './cluster.ts';

const DEPLOYMENT_MS = 120_000;
const FAST = ['--health-interval', '5', '--health-timeout', '2', '--healthy-threshold', '2'];
const TEST_PATH = '/hello?preview=1';

describe('shifts of traffic under load', () => {
  const place: Place = newPlace(13);
  const root = place.url.replace(/\/hello$/, '');
  let dev: Running;
  let load: Load | undefined;
  let hooks: Server;
  /** Which revisions answered when a hook was asked: to everybody, and to who asked for a preview. */
  const seen: { readonly production: number; readonly preview: number }[] = [];
  let verdict = 'SUCCEEDED';
  let rules: { readonly production: string; readonly preview: string };

  const revisionAt = async (path: string): Promise<number> => {
    const { body } = await ask(root + path);
    return (JSON.parse(body) as { readonly revision: number }).revision;
  };
  const update = (revision: number, ...args: string[]): Promise<Finished> =>
    berth(
      place,
      ['service', 'update', 'hello', '--task-definition', `hello:${revision}`, ...args],
      { timeoutMs: DEPLOYMENT_MS },
    );
  const hookUrl = (): string => `http://127.0.0.1:${(hooks.address() as AddressInfo).port}/`;
  const succeeds = async (args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await berth(place, args);
    assert.equal(code, 0, stdout + stderr);
  };

  before(async function () {
    this.timeout(240_000);
    hooks = createServer((request, response) => {
      request.resume();
      Promise.all([revisionAt('/hello'), revisionAt(TEST_PATH)]).then(
        ([production, preview]) => {
          seen.push({ production, preview });
          response.end(JSON.stringify({ hookStatus: verdict }));
        },
        (error: unknown) => response.destroy(error as Error),
      );
    });
    hooks.listen(0, '127.0.0.1');
    await once(hooks, 'listening');
    dev = await startDev(place);
    await succeeds(['task-definition', 'register', 'deploy/sample/hello.json']);
    const group = ['target-group', 'create', 'green', '--health-path', '/hello/health', ...FAST];
    await succeeds([...group, '--deregistration-delay', '10']);
    const listener = String(place.httpPort);
    const preview = ['--path', '/hello', '--query', 'preview=1', '--target-group', 'hello'];
    await succeeds(['rule', 'create', '--listener', listener, '--priority', '5', ...preview]);
    const listed = await berthJson<{ readonly rules: readonly Rule[] }>(place, ['rule', 'list']);
    const idOf = (priority: string): string =>
      listed.rules.find((rule) => rule.priority === priority)?.ruleId ?? '';
    rules = { production: idOf('10'), preview: idOf('5') };
    load = startLoad({ url: place.url, requestsPerSecond: 200, timeoutMs: 15_000 });
  });

  after(async function () {
    this.timeout(90_000);
    hooks.close();
    await load?.stop();
    await dev.end('SIGINT', 60_000);
    place.remove();
    assert.ok(load);
    const failures = load.failures();
    assert.deepEqual(
      failures.slice(0, 10),
      [],
      `${failures.length} of ${load.fates.length} requests failed`,
    );
    assert.ok(load.fates.length > 1000, `only ${load.fates.length} requests were made`);
  });

  it('blue/green: the hook finds the new revision behind the preview, the old one elsewhere', async () => {
    const { code, stdout, stderr } = await update(
      2,
      ...['--load-balancer', 'hello:hello:8080', '--alternate-group', 'green'],
      ...['--production-rule', rules.production, '--test-rule', rules.preview],
      ...['--shift', 'blue-green', '--bake', '1s'],
      ...['--hook', `post-test-traffic-shift=${hookUrl()}`],
    );
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(seen, [{ production: 1, preview: 2 }]);
    assert.equal(await revisionAt('/hello'), 2);
  }).timeout(DEPLOYMENT_MS);

  it('canary: a tenth of the traffic, then the rest', async () => {
    const { code, stdout, stderr } = await update(1, '--shift', 'canary:10:2s');
    assert.equal(code, 0, stdout + stderr);
    assert.equal(await revisionAt('/hello'), 1);
    const { events } = await eventsOf();
    assert.ok(events.includes('gets 10 percent of the production traffic.'), events);
  }).timeout(DEPLOYMENT_MS);

  it('linear, in two steps', async () => {
    const { code, stdout, stderr } = await update(2, '--shift', 'linear:50:1s');
    assert.equal(code, 0, stdout + stderr);
    assert.equal(await revisionAt('/hello'), 2);
  }).timeout(DEPLOYMENT_MS);

  it('a hook that fails once all of the traffic is there sends it back', async () => {
    verdict = 'FAILED';
    const { code, stdout, stderr } = await update(
      1,
      ...['--shift', 'blue-green', '--bake', '60s'],
      ...['--hook', `post-production-traffic-shift=${hookUrl()}`],
    );
    assert.equal(code, 5, stdout + stderr);
    assert.match(stderr, /rolled back: .*POST_PRODUCTION_TRAFFIC_SHIFT FAILED/);
    assert.deepEqual(seen.at(-1), { production: 1, preview: 1 });
    assert.equal(await revisionAt('/hello'), 2);
    const list = await berthJson<{
      readonly serviceDeployments: readonly ServiceDeploymentBrief[];
    }>(place, ['deployment', 'list', 'hello']);
    assert.deepEqual(
      list.serviceDeployments.map(({ status }) => status),
      ['ROLLBACK_SUCCESSFUL', 'SUCCESSFUL', 'SUCCESSFUL', 'SUCCESSFUL', 'SUCCESSFUL'],
    );
  }).timeout(DEPLOYMENT_MS);

  it('task sets: blue at 100 %, green at 50 %, which becomes the primary one, and blue goes', async () => {
    const setsOf = async (): Promise<readonly TaskSet[]> => {
      const list = ['task-set', 'list', 'sets'];
      return (await berthJson<{ readonly taskSets: readonly TaskSet[] }>(place, list)).taskSets;
    };
    /** @returns its id, once it is steady */
    const setOf = async (revision: number, scale: number, group: string): Promise<string> => {
      const { taskSet } = await berthJson<{ readonly taskSet: TaskSet }>(place, [
        ...['task-set', 'create', 'sets', '--task-definition', `hello:${revision}`],
        ...['--scale', String(scale), '--load-balancer', `${group}:hello:8080`],
      ]);
      return eventually(`${taskSet.id} is steady`, 60_000, async () => {
        const set = (await setsOf()).find(({ id }) => id === taskSet.id);
        return set?.stabilityStatus === 'STEADY_STATE' ? set.id : undefined;
      });
    };
    /** @returns when the revision answers */
    const route = async (revision: number, ...args: string[]): Promise<void> => {
      await succeeds(['rule', 'modify', rule.ruleId, ...args]);
      await eventually(`revision ${revision} answers`, 30_000, async () =>
        (await revisionAt('/hello')) === revision ? true : undefined,
      );
    };
    for (const group of ['blue-set', 'green-set']) {
      const health = ['--health-path', '/hello/health', '--deregistration-delay', '10', ...FAST];
      await succeeds(['target-group', 'create', group, ...health]);
    }
    const shares = (ofBlue: number, ofGreen: number): string[] => [
      ...['--target-group', `blue-set=${ofBlue}`, '--target-group', `green-set=${ofGreen}`],
    ];
    const order = ['--listener', String(place.httpPort), '--priority', '2', '--path', '/none'];
    const create = ['rule', 'create', ...order, ...shares(100, 0)];
    const { rule } = await berthJson<{ readonly rule: Rule }>(place, create);
    await succeeds(['service', 'create', 'sets', '--external', '--count', '2']);

    const blue = await setOf(1, 100, 'blue-set');
    await route(1, '--path', '/hello*');
    const green = await setOf(2, 50, 'green-set');
    await succeeds(['task-set', 'primary', 'sets', green]);
    await route(2, ...shares(0, 100));
    await succeeds(['task-set', 'delete', 'sets', blue, '--force', '--yes']);
    const left = await eventually('the blue set is gone', 60_000, async () => {
      const sets = await setsOf();
      return sets.length === 1 ? sets : undefined;
    });
    assert.deepEqual(
      left.map((set) => [set.id, set.status, set.runningCount, set.stabilityStatus]),
      [[green, 'PRIMARY', 1, 'STEADY_STATE']],
    );
    assert.equal(await revisionAt('/hello'), 2);
  }).timeout(DEPLOYMENT_MS);

  async function eventsOf(): Promise<{ readonly events: string }> {
    const { stdout } = await berth(place, ['service', 'show', 'hello', '--json']);
    return { events: stdout };
  }
});
