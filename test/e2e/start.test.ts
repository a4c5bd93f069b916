// `npm start` as a newcomer runs it: what it prints, what answers, what is left when it ends.
import assert from 'node:assert/strict';

import {
  type Place,
  type Running,
  ask,
  berth,
  eventually,
  launch,
  newPlace,
  printed,
} from './cluster.ts';

/** What a one-machine cluster could leave behind. */
function machine(place: Place): Record<string, string> {
  const own = (text: string): string =>
    text
      .split('\n')
      .filter((line) => line.includes(place.dataDirectory))
      .join('\n');
  return {
    processes: own(printed('ps', '-eo', 'args')),
    mounts: own(printed('cat', '/proc/mounts')),
    namespaces: printed('ip', 'netns', 'list'),
    links: printed('ip', '-o', 'link')
      .split('\n')
      .map((line) => line.split(':')[1]?.trim().split('@')[0] ?? '')
      .join(' '),
    firewall: rules('filter'),
    translation: rules('nat'),
  };
}

/** The rules and policies of a table, without the counters. */
function rules(tableName: string): string {
  return printed('iptables', '-w', '-t', tableName, '-S');
}

describe('npm start', () => {
  const place = newPlace(2);
  const args = [
    'start',
    '--',
    '--plain',
    '--port-base',
    String(place.portBase),
    '--http-port',
    String(place.httpPort),
  ];
  let untouched: Record<string, string>;
  let run: Running;

  before(() => {
    untouched = machine(place);
  });

  after(async () => {
    await run.end('SIGINT', 60_000);
    place.remove();
  });

  async function start(): Promise<void> {
    run = launch('npm', args, place.env, { group: true });
    await run.until(/steady/, 240_000);
  }

  /** npm itself may end by the signal; what counts is that berth had its time to stop. */
  async function interrupt(): Promise<void> {
    const code = await run.end('SIGINT', 60_000);
    assert.ok(code === 0 || code === null, run.output());
    assert.match(run.output(), /Stopping: .* docker \([\d.]+ s\)\s*$/);
  }

  async function answering(count: number): Promise<Set<string>> {
    const tasks = new Set<string>();
    for (let n = 0; n < count * 5; n += 1) {
      const { status, body } = await ask(place.url);
      assert.equal(status, 200, body);
      const task = /\b[0-9a-f]{32}\b/.exec(body)?.[0];
      assert.ok(task, `no task id in ${body}`);
      tasks.add(task);
    }
    return tasks;
  }

  it('brings up the sample service, answered by its four tasks in turn', async () => {
    await start();
    assert.equal((await answering(4)).size, 4);
    const { body } = await ask(place.url);
    assert.match(body, /hello/);
    const posted = await ask(place.url, 'POST', 'twelve bytes');
    assert.equal(posted.status, 200);
    assert.match(posted.body, /12/);
  });

  it('says so, and changes nothing, when it is started again beside itself', async () => {
    const second = launch('npm', args, place.env, { group: true });
    await second.until(/running/i, 60_000);
    assert.notEqual(await second.end('SIGTERM', 10_000), 0);
    assert.equal((await answering(4)).size, 4);
  });

  it('prints shell exports that other tools can use', async () => {
    const { code, stdout } = await berth(place, ['env']);
    assert.equal(code, 0);
    assert.match(stdout, /^export BERTH_API=/m);
    assert.match(
      stdout,
      new RegExp(`^export BERTH_PROXY_URL=.*http://localhost:${place.httpPort}`, 'm'),
    );
    assert.match(stdout, /^export DOCKER_HOST=/m);
  });

  it('leaves nothing behind after Ctrl-C', async () => {
    await interrupt();
    assert.deepEqual(machine(place), untouched);
  });

  it('goes on from the stored state when it is started again', async () => {
    await start();
    assert.doesNotMatch(run.output(), /registered.*hello:2/);
    await eventually('four tasks answer', 20_000, async () =>
      (await answering(4)).size === 4 ? true : undefined,
    );
    await interrupt();
    assert.deepEqual(machine(place), untouched);
  });
});
