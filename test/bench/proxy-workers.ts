// The proxy on several cores: two workers against HAProxy with two threads, what a change of the table every 100 ms costs,
// and how long it takes from a target's registration to its first request. Back end and load share the cores with the proxy. Needs
// haproxy, nginx and wrk.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { TargetRecord } from '@berth/model/generated/messages.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import { silent } from '@berth/proxy/testing/basics.ts';
import { Fleet } from '@berth/proxy/workers/fleet.ts';
import { Registry } from 'prom-client';

const ROUNDS = 3;
const SECONDS = 4;
const CONNECTIONS = 64;
const RULES = 1_000;
const CHANGE_MS = 100;
const REGISTRATIONS = 20;
const START_MS = 10_000;

interface Measured {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

const run = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), 'berth-bench-'));
const children: ChildProcess[] = [];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function start(command: string, ...args: readonly string[]): void {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  child.on('error', (error) => {
    console.error(
      `Can't start ${command}: ${error.message}. Are haproxy, nginx and wrk installed?`,
    );
    process.exitCode = 1;
  });
  children.push(child);
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + START_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${START_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

async function measure(port: number, newConnections: boolean): Promise<Measured> {
  const { stdout } = await run('wrk', [
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${SECONDS}s`,
    '--latency',
    ...(newConnections ? ['-H', 'Connection: close'] : []),
    `http://127.0.0.1:${port}/hello/world?x=1`,
  ]);
  return {
    rate: Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)?.[1] ?? 0),
    p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
  };
}

function milliseconds(text = ''): number {
  const value = Number.parseFloat(text);
  if (text.endsWith('us')) return value / 1000;
  return text.endsWith('ms') ? value : value * 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function medians(runs: readonly Measured[]): Measured {
  return {
    rate: median(runs.map(({ rate }) => rate)),
    p50: median(runs.map(({ p50 }) => p50)),
    p99: median(runs.map(({ p99 }) => p99)),
  };
}

const cells = (...texts: readonly string[]): string =>
  texts.map((text, index) => (index === 0 ? text.padEnd(34) : text.padStart(12))).join('');

async function startBackEnd(port: number): Promise<void> {
  const path = join(directory, 'target.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${directory}/${kind};`)
    .join(' ');
  await writeFile(
    path,
    `worker_processes 1; master_process off; daemon off; pid ${directory}/target.pid; error_log ${directory}/target.log;
events { worker_connections 2048; }
http { access_log off; ${temporary} keepalive_requests 1000000000;
  server { listen 127.0.0.1:${port}; location / { return 200 "an answer of some hundred bytes, as those of small services are"; } } }
`,
  );
  start('nginx', '-c', path);
  await until('the back end listens', () => answers(port));
}

async function startHaproxy(port: number, targetPort: number): Promise<void> {
  const path = join(directory, 'haproxy.cfg');
  await writeFile(
    path,
    `global
  nbthread 2
  maxconn 4000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${targetPort}
`,
  );
  start('haproxy', '-f', path);
  await until('HAProxy listens', () => answers(port));
}

const rules = Array.from({ length: RULES }, (_, index) =>
  records.rule(
    'l',
    index + 1,
    [records.condition('path-pattern', [`/team-${index}/*`])],
    records.forward('bench'),
  ),
);
const target = (id: string, port: number): TargetRecord => ({
  ...records.target('bench', id),
  port,
});
let revision = 0;

async function startFleet(port: number, targetPort: number): Promise<Fleet> {
  const fleet = new Fleet(
    {
      workers: 2,
      proxyId: 'bench',
      bindAddress: '127.0.0.1',
      logLevel: 'error',
      accessLog: { format: 'alb', directory, node: '127.0.0.1' },
      clock: realClock,
      random: realRandom,
      logger: silent,
      metrics: new Registry(),
    },
    { onTargetChange: () => undefined, onApplied: () => undefined },
  );
  revision += 1;
  fleet.update(
    records.update(revision, {
      snapshot: true,
      listeners: [records.listener(port, records.forward('bench'), 'l')],
      rules,
      targetGroups: [records.targetGroup('bench')],
      targets: [target('t', targetPort)],
    }),
  );
  await fleet.serve();
  await until('the workers serve', () => fleet.settled && fleet.processes.length === 2);
  return fleet;
}

async function compare(fleetPort: number, haproxyPort: number): Promise<void> {
  console.log(
    `${CONNECTIONS} connections, medians of ${ROUNDS} runs of ${SECONDS} s, ${RULES} rules\n`,
  );
  console.log(cells('', 'requests/s', 'p50', 'p99', 'of HAProxy'));
  for (const newConnections of [false, true]) {
    const runs: { haproxy: Measured[]; berth: Measured[] } = { haproxy: [], berth: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      runs.haproxy.push(await measure(haproxyPort, newConnections));
      runs.berth.push(await measure(fleetPort, newConnections));
    }
    const peer = medians(runs.haproxy);
    const own = medians(runs.berth);
    const what = newConnections ? ', new connection each' : '';
    for (const [name, one] of [
      [`HAProxy, 2 threads${what}`, peer],
      [`Berth, 2 workers${what}`, own],
    ] as const) {
      console.log(
        cells(
          name,
          one.rate.toFixed(0),
          `${one.p50.toFixed(2)} ms`,
          `${one.p99.toFixed(2)} ms`,
          (one.rate / peer.rate).toFixed(2),
        ),
      );
    }
  }
}

/** One rule is another in each table. */
async function changing(fleet: Fleet, port: number): Promise<void> {
  const still: Measured[] = [];
  const moving: Measured[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    still.push(await measure(port, false));
    const timer = setInterval(() => {
      revision += 1;
      const rule = rules[revision % RULES];
      if (rule === undefined) return;
      fleet.update(
        records.update(revision, {
          rules: [{ ...rule, attributes: { changed: String(revision) } }],
        }),
      );
    }, CHANGE_MS);
    moving.push(await measure(port, false));
    clearInterval(timer);
  }
  const [rest, change] = [medians(still), medians(moving)];
  console.log(
    `\np99 with a table change every ${CHANGE_MS} ms: ${change.p99.toFixed(2)} ms; without: ${rest.p99.toFixed(2)} ms; ` +
      `requests/s: ${(change.rate / rest.rate).toFixed(2)} of those without`,
  );
}

/** From the update that brings a target to the first request that it gets, under a light load, health check included. */
async function registrations(fleet: Fleet, port: number): Promise<void> {
  const took: number[] = [];
  for (let round = 0; round < REGISTRATIONS; round += 1) {
    let first = 0;
    const backEnd = createHttpServer((request, response) => {
      if (request.url?.startsWith('/load') === true) first ||= performance.now();
      response.end('ok');
    });
    await new Promise<void>((resolve) => backEnd.listen(0, '127.0.0.1', resolve));
    const id = `new-${round}`;
    revision += 1;
    const began = performance.now();
    fleet.update(
      records.update(revision, {
        targets: [target(id, (backEnd.address() as AddressInfo).port)],
      }),
    );
    while (first === 0) await fetch(`http://127.0.0.1:${port}/load`).then((one) => one.text());
    took.push(first - began);
    revision += 1;
    fleet.update(records.update(revision, { removedTargets: [`bench/${id}`] }));
    await until('the change is in use', () => fleet.appliedRevision === revision);
    backEnd.closeAllConnections();
    await new Promise((resolve) => backEnd.close(resolve));
  }
  console.log(
    `from a target's registration to its first request: ${median(took).toFixed(1)} ms (longest of ${REGISTRATIONS}: ${Math.max(...took).toFixed(1)} ms)`,
  );
}

let fleet: Fleet | undefined;
try {
  const [targetPort, haproxyPort, port] = [await freePort(), await freePort(), await freePort()];
  await startBackEnd(targetPort);
  await startHaproxy(haproxyPort, targetPort);
  fleet = await startFleet(port, targetPort);
  await measure(port, false); // warms up
  await compare(port, haproxyPort);
  await changing(fleet, port);
  await registrations(fleet, port);
} finally {
  await fleet?.stop(0);
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const forced = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await new Promise((resolve) => child.once('exit', resolve));
      clearTimeout(forced);
    }),
  );
  await rm(directory, { recursive: true, force: true });
}
