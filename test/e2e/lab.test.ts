// A small lab as a user builds it: many hosts on this machine, broken and mended, and gone without a trace, also after its
// `lab up` or `lab down` was killed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Lab, attachLab } from '@berth/cli/lab/lab.ts';
import { LABS, placesOf, readState } from '@berth/cli/lab/state.ts';
import type { Host, Task } from '@berth/model/generated/messages.ts';

import {
  ROOT,
  type Running,
  ask,
  berth,
  berthJson,
  eventually,
  launch,
  newPlace,
  printed,
} from './cluster.ts';

const NAME = 'labtst';
const BERTH = join(ROOT, 'packages/cli/bin/berth.mjs');
const SIZE = ['--hosts', '3', '--servers', '3', '--etcd', '3', '--proxies', '2', '--name', NAME];
/** Runs in a node's network: whether an address answers, within so many milliseconds. */
const PROBE = `fetch(process.argv[1], { signal: AbortSignal.timeout(Number(process.argv[2])) })
  .then(({ status }) => String(status), () => 'silent')
  .then((fate) => process.stdout.write(fate, () => process.exit()));`;

interface PsNode {
  readonly name: string;
  readonly zone: string;
  readonly instanceType?: string;
  readonly processes: readonly { readonly name: string; readonly state: string }[];
  readonly deafTo: readonly string[];
}

/** All that a lab of this name, or of this address range, shows of itself on the machine. */
function traces(net: number | undefined): string[] {
  const marks = [
    `berth-${NAME}`,
    placesOf(NAME).directory,
    ...(net === undefined ? [] : [`10.${net}.`]),
  ];
  const seen = (what: string, text: string): string[] =>
    text
      .split('\n')
      .filter((line) => marks.some((mark) => line.includes(mark)))
      .map((line) => `${what}: ${line.trim()}`);
  const cgroups = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .flatMap(([, mount = '']) => readdirSync(mount).map((entry) => join(mount, entry)));
  const processes = readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid)
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        : [];
    } catch {
      return [];
    }
  });
  return [
    ...seen('process', processes.join('\n')),
    ...seen('mount', readFileSync('/proc/mounts', 'utf8')),
    ...seen('loop device', printed('losetup', '--all')),
    ...seen('link', printed('ip', '-oneline', 'link')),
    ...seen('address', printed('ip', '-oneline', 'address')),
    ...seen('route', printed('ip', 'route', 'show', 'table', 'all')),
    ...seen('rule', printed('iptables-save')),
    ...seen('namespace', existsSync('/run/netns') ? readdirSync('/run/netns').join('\n') : ''),
    ...seen('cgroup', cgroups.join('\n')),
    ...(existsSync(placesOf(NAME).directory) ? [`directory: ${placesOf(NAME).directory}`] : []),
  ];
}

describe('a lab', () => {
  const place = newPlace(10);
  let lab: Lab;

  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await berth(place, args, { timeoutMs: 120_000 });
    assert.equal(code, 0, `berth ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };
  const reaches = async (node: string, url: string, withinMs: number): Promise<string> => {
    const command = [process.execPath, '-e', PROBE, url, String(withinMs)] as const;
    return (await lab.exec(node, command)).stdout.trim();
  };
  const remove = (): Promise<string> => run('lab', 'down', '--name', NAME);

  before(async function () {
    this.timeout(120_000);
    await remove();
    const said = await run('lab', 'up', ...SIZE, '--detach');
    assert.match(said, /service hello +steady: 4 tasks healthy/);
    lab = attachLab(NAME);
    Object.assign(place.env, lab.environment);
  });

  after(async function () {
    this.timeout(60_000);
    await remove();
    place.remove();
  });

  it('shows every node with its processes, zones and instance types', async () => {
    const nodes = await berthJson<PsNode[]>(place, ['lab', 'ps', '--name', NAME]);
    assert.deepEqual(nodes.map(({ name }) => name).join(' '), 'e1 e2 e3 s1 s2 s3 p1 p2 h1 h2 h3');
    for (const { name, processes, deafTo } of nodes) {
      assert.ok(
        processes.every(({ state }) => state === 'running'),
        name,
      );
      assert.deepEqual(deafTo, []);
    }
    assert.deepEqual(
      nodes.slice(-3).map(({ zone, instanceType }) => `${zone} ${instanceType}`),
      ['a m7i.large', 'b c7i.large', 'c r7i.large'],
    );
    const text = await run('lab', 'ps', '--name', NAME);
    assert.match(text, /^h1 +10\.\d+\.0\.101 +a +m7i\.large +engine +\d+ +running$/m);
    assert.match(text, /^ +agent +\d+ +running$/m);
  });

  it('has a Docker Engine, a network and hosts’ attributes of its own on every host', async () => {
    const engines = await Promise.all(
      ['h1', 'h2', 'h3'].map(async (host) => {
        const [pid = 0] = lab.pids(host, 'engine');
        return readlinkSync(`/proc/${pid}/ns/net`);
      }),
    );
    assert.equal(new Set([...engines, readlinkSync('/proc/self/ns/net')]).size, 4);
    const { hosts } = await berthJson<{ hosts: Host[] }>(place, ['host', 'list']);
    const zones = hosts.flatMap(({ attributes }) =>
      attributes.flatMap(({ name, value }) => (name === 'ecs.availability-zone' ? value : [])),
    );
    assert.deepEqual(zones.sort(), ['a', 'b', 'c']);
  });

  it('answers through both proxies, from tasks on several hosts', async () => {
    const { tasks } = await berthJson<{ tasks: Task[] }>(place, ['task', 'list']);
    const hostOf = new Map(
      tasks.map((task) => [task.taskArn.split('/').at(-1), task.containerInstanceArn]),
    );
    for (const url of lab.plan.proxyUrls) {
      const hosts = new Set<string | undefined>();
      for (let request = 0; request < 20; request += 1) {
        const { status, body } = await ask(`${url}/hello`);
        assert.equal(status, 200, body);
        hosts.add(hostOf.get((JSON.parse(body) as { task: string }).task));
      }
      assert.ok(hosts.size >= 2, `${url} was answered from ${hosts.size} host`);
    }
  });

  it('cuts two nodes from each other, only them, and mends that', async () => {
    const [first = '', second = ''] = lab.plan.proxyUrls.map((url) => `${url}/hello`);
    assert.equal(await reaches('h1', first, 10_000), '200');
    assert.match(await run('lab', 'partition', 'h1', 'p1', '--name', NAME), /h1 \| p1/);
    assert.equal(await reaches('h1', first, 1_000), 'silent');
    assert.equal(await reaches('p1', `http://${lab.node('h1').admin}/metrics`, 1_000), 'silent');
    assert.equal(await reaches('h1', second, 10_000), '200');
    const nodes = await berthJson<PsNode[]>(place, ['lab', 'ps', '--name', NAME]);
    const deaf = nodes.filter(({ deafTo }) => deafTo.length > 0);
    assert.deepEqual(
      deaf.map(({ name, deafTo }) => `${name} ${deafTo.join()}`),
      ['p1 h1', 'h1 p1'],
    );
    await run('lab', 'heal', '--name', NAME);
    assert.equal(await reaches('h1', first, 10_000), '200');
  });

  it('undoes a partition by itself where that was asked for', async () => {
    const said = await run(
      'lab',
      'partition',
      'e1',
      'e2',
      '--one-way',
      '--for',
      '100ms',
      '--name',
      NAME,
    );
    assert.match(said, /undone/);
    assert.ok((await lab.status()).every(({ deafTo }) => deafTo.length === 0));
  });

  it('slows down what a node sends, and takes that back', async () => {
    const url = `http://${lab.node('s1').admin}/healthz`;
    await run('lab', 'slow', 's1', '--delay', '300ms', '--name', NAME);
    const begin = performance.now();
    assert.equal((await ask(url)).status, 200);
    const took = performance.now() - begin;
    // The answer to the handshake, then the answer: never faster than that.
    assert.ok(took >= 600, `a connection and an answer: ${took} ms`);
    assert.match(await run('lab', 'ps', '--name', NAME), /slow: 300 ms/);
    await run('lab', 'heal', '--name', NAME);
    assert.doesNotMatch(await run('lab', 'ps', '--name', NAME), /slow/);
    assert.equal((await ask(url)).status, 200);
  });

  it('stops a server without its knowing, and lets it go on; the others answer meanwhile', async () => {
    const admin = `http://${lab.node('s1').admin}/healthz`;
    await run('lab', 'pause', 's1', '--name', NAME);
    assert.equal(await reaches('s2', admin, 1_000), 'silent');
    await run('host', 'list', '--api', lab.plan.api.slice(1).join(','));
    await run('lab', 'resume', 's1', '--name', NAME);
    assert.equal(await reaches('s2', admin, 10_000), '200');
  });

  it('fills up a host’s disk and nobody else’s', async () => {
    const probe = join(lab.node('h2').disk?.mount ?? '', 'probe');
    await run('lab', 'fill-disk', 'h2', '--name', NAME);
    assert.throws(() => writeFileSync(probe, 'x'.repeat(100)), /ENOSPC/);
    writeFileSync(join(lab.node('h1').disk?.mount ?? '', 'probe'), 'x'.repeat(100));
    await run('lab', 'free-disk', 'h2', '--name', NAME);
    writeFileSync(probe, 'x'.repeat(100));
  });

  it('kills an engine without its containers, and a whole host with them, and starts them again', async () => {
    const containers = lab.pids('h1', 'containers');
    assert.ok(containers.length > 0);
    await run('lab', 'kill', 'h1', '--process', 'engine', '--name', NAME);
    assert.deepEqual(lab.pids('h1', 'engine'), []);
    assert.deepEqual(lab.pids('h1', 'containers'), containers);
    await run('lab', 'kill', 'h1,s2,e2', '--name', NAME);
    for (const node of ['h1', 's2', 'e2']) assert.deepEqual(lab.pids(node), []);
    await run('lab', 'restart', 'h1,s2,e2', '--name', NAME);
    await eventually('h1 has tasks again', 60_000, () =>
      lab.pids('h1', 'containers').length > 0 ? true : undefined,
    );
  });

  it('says what is wrong', async () => {
    const cases: [string[], number, RegExp][] = [
      [['up', ...SIZE], 4, /lab "labtst" is up already\nNext: berth lab ps/],
      [['up', '--name', 'other', '--etcd', '2'], 4, /odd number of members, found 2/],
      [['kill', 'h9', '--name', NAME], 3, /"h9" names no node of lab "labtst"; there are e1,/],
      [['kill', 's1', '--process', 'agent', '--name', NAME], 3, /s1 has no agent: it has server/],
      [['fill-disk', 's1', '--name', NAME], 4, /only hosts have one/],
      [['slow', 'h1', '--name', NAME], 2, /--delay DURATION, --loss PERCENT/],
      [['ps', '--name', 'nosuch'], 3, /there is no lab "nosuch"; there is .*\blabtst\b/],
    ];
    for (const [args, code, message] of cases) {
      const ended = await berth(place, ['lab', ...args]);
      assert.match(ended.stderr, message);
      assert.equal(ended.code, code, ended.stderr);
    }
    assert.equal(existsSync(join(LABS, 'other')), false);
  });

  it('leaves nothing behind, though its first lab down was killed half way', async function () {
    this.timeout(60_000);
    const { net } = lab.plan;
    assert.ok(traces(net).length > 0);
    const down = launch(process.execPath, [BERTH, 'lab', 'down', '--name', NAME], place.env);
    await eventually('it has begun', 20_000, () =>
      readState(placesOf(NAME))?.phase === 'up' ? undefined : true,
    );
    await down.end('SIGKILL', 1_000);
    await remove();
    assert.deepEqual(traces(net), []);
  });

  for (const [moment, pattern] of [
    ['the network is there', /network +11 namespaces/],
    ['engines and etcd are being started', /certificates +in/],
    ['servers are being started', /etcd +e1 e2 e3/],
  ] as const) {
    it(`leaves nothing behind when lab up is killed while ${moment}`, async function () {
      this.timeout(90_000);
      const up: Running = launch(process.execPath, [BERTH, 'lab', 'up', ...SIZE], place.env);
      await up.until(pattern, 60_000);
      await up.end('SIGKILL', 1_000);
      const net = readState(placesOf(NAME))?.plan.net;
      assert.ok(traces(net).length > 0);
      await remove();
      assert.deepEqual(traces(net), []);
    });
  }

  it('takes itself down at Ctrl-C, also while it is being built', async function () {
    this.timeout(90_000);
    const up = launch(process.execPath, [BERTH, 'lab', 'up', ...SIZE], place.env, { group: true });
    await up.until(/engines +h1/, 60_000);
    const net = readState(placesOf(NAME))?.plan.net;
    assert.equal(await up.end('SIGINT', 60_000), 130, up.output());
    assert.match(up.output(), /what was built has been taken down/);
    assert.deepEqual(traces(net), []);
  });
});
