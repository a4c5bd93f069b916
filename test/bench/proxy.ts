// How fast the proxy is, against HAProxy, nginx, Caddy and the http-proxy package doing the same work: one process each on one core, an nginx behind them,
// X-Forwarded headers; Berth with rules, health checks, metrics and its access log. Runs are interleaved and medians compared, since the machine may be
// shared; CPU time a request is the figure that suffers least from that. Then what Berth costs by itself: rules, and clients that are idle.
// Needs haproxy, nginx, caddy, wrk and taskset. BERTH_BENCH_SECONDS (2) and BERTH_BENCH_ROUNDS (5) say how long.
import { mkdtemp, rm } from 'node:fs/promises';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as records from '@berth/model/routing/testing.ts';
import { matchRule } from '@berth/model/routing/rule-match.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';

import { type Load, type Measured, measure, median, memoryOf } from './proxy-load.ts';
import { type Peer, Peers } from './proxy-peers.ts';

const SECONDS = Number(process.env['BERTH_BENCH_SECONDS'] ?? 2);
const ROUNDS = Number(process.env['BERTH_BENCH_ROUNDS'] ?? 5);
const WARM_UPS = 3;
const RULES = [10, 1_000, 10_000];
const MATCHES = 200_000;
const IDLE_CLIENTS = 10_000;
const OPENING = 500;

const LOADS: readonly (readonly [name: string, load: Load])[] = [
  [
    '1 kB answers, 64 connections kept alive',
    { path: '/hello/world?x=1', connections: 64, fresh: false },
  ],
  ['a new connection for each request', { path: '/hello', connections: 64, fresh: true }],
  ['100 kB answers', { path: '/big', connections: 64, fresh: false }],
];

async function compare(name: string, load: Load, peers: readonly Peer[]): Promise<void> {
  const runs = new Map<Peer, Measured[]>(peers.map((peer) => [peer, []]));
  // Programs that compile themselves while they run get the time for it, and the others the same.
  for (let round = 0; round < WARM_UPS; round += 1) {
    for (const peer of peers) await measure(peer, load, SECONDS);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const peer of peers) runs.get(peer)?.push(await measure(peer, load, SECONDS));
  }
  const found = peers.map((peer) => ({ name: peer.name, ...medians(runs.get(peer) ?? []) }));
  console.log(`\n${name}: medians of ${ROUNDS} runs of ${SECONDS} s, one core a proxy`);
  console.log(cells('', 'requests/s', 'p50', 'p99', 'CPU/request', 'failed'));
  for (const { name: who, rate, p50, p99, cpu, failed } of found) {
    const [middle, late] = [p50, p99].map((value) => `${value.toFixed(2)} ms`);
    console.log(
      cells(who, rate.toFixed(0), middle ?? '', late ?? '', `${cpu.toFixed(1)} us`, String(failed)),
    );
  }
  const own = found.at(-1);
  if (own === undefined) return;
  for (const peer of found.slice(0, -1)) {
    const ratios = (['rate', 'p50', 'p99', 'cpu'] as const).map((figure) =>
      (own[figure] / peer[figure]).toFixed(2),
    );
    console.log(cells(`Berth / ${peer.name}`, ...ratios));
  }
}

function cells(...texts: readonly string[]): string {
  return texts.map((text, index) => (index === 0 ? text.padEnd(18) : text.padStart(12))).join('');
}

function medians(runs: readonly Measured[]): Measured {
  const middle = (figure: keyof Measured): number => median(runs.map((run) => run[figure]));
  return {
    rate: middle('rate'),
    p50: middle('p50'),
    p99: middle('p99'),
    cpu: middle('cpu'),
    failed: middle('failed'),
  };
}

/** What it takes to find the rule of a request, by the number of rules: hosts and paths, the last of them, and none. */
function costOfRules(): void {
  console.log('\nFinding the rule of a request');
  console.log(cells('rules', 'the last', 'none'));
  for (const count of RULES) {
    const rules = Array.from({ length: count }, (_, i) =>
      records.rule(
        'l',
        i + 1,
        i % 2 === 0
          ? [records.condition('host-header', [`h${i}.test`])]
          : [records.condition('path-pattern', [`/service-${i}/*`])],
        records.fixed('200'),
      ),
    );
    const update = records.update(1, {
      snapshot: true,
      listeners: [records.listener(80, records.fixed('404'), 'l')],
      rules,
    });
    const listener = updateTable(EMPTY_TABLE, update).listeners.get(80);
    if (listener === undefined) return;
    const time = (path: string): string => {
      const view = {
        method: 'GET',
        host: 'a.test',
        path,
        query: '',
        headers: [],
        sourceAddress: '192.0.2.1',
      };
      for (let i = 0; i < 1_000; i += 1) matchRule(listener, view);
      const begin = performance.now();
      for (let i = 0; i < MATCHES; i += 1) matchRule(listener, view);
      return `${(((performance.now() - begin) * 1_000) / MATCHES).toFixed(2)} us`;
    };
    console.log(cells(String(count), time(`/service-${count - 1}/x`), time('/nothing/x')));
  }
}

/** Memory of each proxy for clients that have had an answer and stay. */
async function costOfIdleClients(peers: readonly Peer[]): Promise<void> {
  console.log(`\nMemory for ${IDLE_CLIENTS} idle clients`);
  console.log(cells('', 'before', 'with them', 'each'));
  for (const peer of peers) {
    const before = await memoryOf(peer.pid);
    const clients: Socket[] = [];
    try {
      while (clients.length < IDLE_CLIENTS) {
        const batch = Array.from({ length: OPENING }, () => oneAnswer(peer.port));
        clients.push(...(await Promise.all(batch)));
      }
      const after = await memoryOf(peer.pid);
      const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
      const each = `${((after - before) / IDLE_CLIENTS / 1e3).toFixed(1)} kB`;
      console.log(cells(peer.name, mega(before), mega(after), each));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      console.log(cells(peer.name, `${clients.length} clients, then: ${why}`));
    } finally {
      for (const client of clients) client.destroy();
    }
  }
}

function oneAnswer(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once('data', () => resolve(socket));
    socket.write('GET /hello HTTP/1.1\r\nHost: a.test\r\n\r\n');
  });
}

const directory = await mkdtemp(join(tmpdir(), 'berth-bench-'));
const peers = new Peers(directory);
try {
  await peers.startTarget();
  const all = [
    await peers.haproxy(),
    await peers.nginx(),
    await peers.caddy(),
    await peers.program('http-proxy', 'http-proxy-process.ts'),
    await peers.program('Berth', 'proxy-process.ts', directory),
  ];
  for (const [name, load] of LOADS) await compare(name, load, all);
  costOfRules();
  await costOfIdleClients(all.filter(({ name }) => name === 'http-proxy' || name === 'Berth'));
} finally {
  await peers.stop();
  await rm(directory, { recursive: true, force: true });
}
