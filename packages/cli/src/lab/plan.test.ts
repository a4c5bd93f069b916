import assert from 'node:assert/strict';

import fc from 'fast-check';

import { overlap, parseRange } from '../dev/address-pool.ts';
import {
  DEFAULT_OPTIONS,
  KINDS,
  type LabOptions,
  type LabPlan,
  MOST,
  planLab,
  refusal,
  selectNodes,
} from './plan.ts';

const PROGRAMS = { node: '/node', berth: '/berth.mjs', dockerd: '/dockerd', etcd: '/etcd' };

function plan(options: Partial<LabOptions> = {}, net = 128): LabPlan {
  const name = options.name ?? 'lab';
  const places = { directory: `/labs/${name}`, run: `/labs/${name}/run` };
  return planLab({ ...DEFAULT_OPTIONS, ...options }, net, places, PROGRAMS);
}

const anyOptions = fc.record({
  name: fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/),
  hosts: fc.integer({ min: 0, max: MOST.host }),
  servers: fc.integer({ min: 1, max: MOST.server }),
  etcd: fc.constantFrom(1, 3, 5, 7, 9),
  proxies: fc.integer({ min: 0, max: MOST.proxy }),
});

function commandOf(lab: LabPlan, node: string, process: string): string {
  const found = lab.nodes.find(({ name }) => name === node);
  return found?.processes.find(({ name }) => name === process)?.command.join(' ') ?? '';
}

describe('the plan of a lab', () => {
  it('has as many nodes of each kind as asked for', () => {
    const { nodes } = plan({ hosts: 5, servers: 3, etcd: 3, proxies: 2 });
    assert.deepEqual(
      KINDS.map((kind) => nodes.filter((node) => node.kind === kind).map(({ name }) => name)),
      [
        ['e1', 'e2', 'e3'],
        ['s1', 's2', 's3'],
        ['p1', 'p2'],
        ['h1', 'h2', 'h3', 'h4', 'h5'],
      ],
    );
  });

  it('gives every node an address, a namespace and a port of its own, and Linux takes their names', () => {
    fc.assert(
      fc.property(anyOptions, fc.integer({ min: 0, max: 255 }), (options, net) => {
        const lab = plan(options, net);
        for (const key of ['name', 'address', 'namespace', 'port'] as const) {
          const values = lab.nodes.map((node) => node[key]);
          assert.equal(new Set(values).size, values.length, key);
        }
        const links = [lab.rootLink, ...lab.nodes.map(({ port }) => port)];
        for (const link of links) assert.ok(link.length <= 15, link);
        const sockets = lab.nodes.flatMap(({ dockerHost }) => dockerHost ?? []);
        for (const socket of sockets) assert.ok(socket.length < 107, socket);
        assert.ok(lab.nodes.every(({ namespace }) => namespace !== lab.bridgeNamespace));
      }),
    );
  });

  it('keeps to its range, and no two networks in it overlap', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const lab = plan(options, 131);
        const networks = [
          lab.subnet,
          ...lab.nodes.flatMap((node) => {
            const [engine] = node.kind === 'host' ? node.processes : [];
            const words = engine?.command ?? [];
            const bip = words[words.indexOf('--bip') + 1] ?? '';
            const pool = words[words.indexOf('--default-address-pool') + 1] ?? '';
            return engine ? [bip, pool.replace(/^base=/, '').replace(/,.*/, '')] : [];
          }),
        ].map((text) => parseRange(text));
        const whole = parseRange('10.131.0.0/16');
        for (const [index, network] of networks.entries()) {
          assert.ok(network && whole && overlap(network, whole));
          for (const other of networks.slice(index + 1)) {
            assert.ok(other && !overlap(network, other));
          }
        }
      }),
    );
  });

  it('tells every server of all members of etcd, every agent and proxy of all servers', () => {
    const lab = plan({ servers: 2, etcd: 3 });
    assert.match(commandOf(lab, 'e2', 'etcd'), /e1=https:\/\/10\.128\.0\.11:7403,e2=.*,e3=/);
    for (const server of ['s1', 's2']) {
      assert.match(
        commandOf(lab, server, 'server'),
        /--etcd 10\.128\.0\.11:7402,10\.128\.0\.12:7402,10\.128\.0\.13:7402 /,
      );
    }
    for (const [node, process] of [
      ['h1', 'agent'],
      ['p2', 'proxy'],
    ] as const) {
      assert.match(commandOf(lab, node, process), /--api 10\.128\.0\.21:7400,10\.128\.0\.22:7400 /);
    }
  });

  it('starts every role with the command of docs/running.md and the certificate of its node alone', () => {
    const lab = plan();
    for (const node of lab.nodes) {
      for (const { name, command } of node.processes) {
        if (name === 'etcd' || name === 'engine') continue;
        const words = command.slice(2, 4);
        assert.deepEqual(words, ['/berth.mjs', name]);
        assert.equal(command[command.indexOf('--tls-dir') + 1], `/labs/lab/tls/${node.name}`);
      }
    }
  });

  it('spreads hosts over zones and instance types', () => {
    const hosts = plan({ hosts: 5 }).nodes.filter(({ kind }) => kind === 'host');
    assert.deepEqual(
      hosts.map(({ zone }) => zone),
      ['a', 'b', 'c', 'a', 'b'],
    );
    assert.equal(new Set(hosts.map(({ instanceType }) => instanceType)).size, 4);
    assert.match(
      commandOf(plan(), 'h2', 'agent'),
      /ecs\.availability-zone=b --attribute ecs\.instance-type=c7i\.large/,
    );
  });

  it('lets containers end with their engine where that is wanted, and adds what servers are told', () => {
    const lab = plan({ liveRestore: false, serverFlags: ['--host-lost-after=10s'] });
    assert.match(commandOf(lab, 'h1', 'engine'), /--live-restore=false/);
    assert.match(commandOf(lab, 's3', 'server'), / --host-lost-after=10s /);
  });

  it('refuses what can not work, and says why', () => {
    assert.equal(refusal(DEFAULT_OPTIONS), undefined);
    const cases: [Partial<LabOptions>, RegExp][] = [
      [{ name: 'Lab' }, /small letter/],
      [{ name: 'ninechars' }, /seven/],
      [{ etcd: 2 }, /odd number of members, found 2/],
      [{ servers: 0 }, /servers must be a whole number from 1 to 9, found 0/],
      [{ hosts: 100 }, /hosts .* found 100/],
      [{ proxies: 1.5 }, /proxies .* found 1.5/],
      [{ diskMib: 10 }, /host disk in MiB/],
    ];
    for (const [options, message] of cases) {
      assert.match(refusal({ ...DEFAULT_OPTIONS, ...options }) ?? '', message);
    }
  });
});

describe('the choice of nodes', () => {
  const { nodes } = plan({ hosts: 4 });
  const chosen = (text: string): string | undefined =>
    selectNodes(nodes, text)
      ?.map(({ name }) => name)
      .join(' ');

  it('understands names, groups, zones and mixtures', () => {
    assert.equal(chosen('h2'), 'h2');
    assert.equal(chosen('s1,h2,s1'), 's1 h2');
    assert.equal(chosen('proxies,etcd'), 'e1 e2 e3 p1 p2');
    assert.equal(chosen('zone:c'), 'e3 s3 h3');
    assert.equal(chosen('all'), nodes.map(({ name }) => name).join(' '));
  });

  it('refuses a text in which a word names nothing', () => {
    for (const text of ['', ',', 'h9', 'h1,nix', 'zone:z', 'toString']) {
      assert.equal(chosen(text), undefined, text);
    }
  });
});
