// How fast the proxy is, against HAProxy, nginx and the http-proxy package doing the same work: one process each on one core, small
// answers of an nginx back end, keep-alive on both sides, X-Forwarded headers. Runs are interleaved and medians compared, since the machine may be
// shared; CPU time a request is the figure that suffers least from that. Needs haproxy, nginx, wrk and taskset.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROUNDS = 3;
const SECONDS = 5;
const CONNECTIONS = 64;
const PROXY_CORE = '0';
const LOAD_CORE = '1';
const START_MS = 10_000;
const TICKS_A_SECOND = 100;

interface Measured {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of CPU a request. */
  readonly cpu: number;
  readonly failed: number;
}

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  readonly runs: Measured[];
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

function start(core: string, command: string, ...args: readonly string[]): ChildProcess {
  const child = spawn('taskset', ['-c', core, command, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  child.on('error', (error) => {
    console.error(
      `Can't start ${command}: ${error.message}. Are haproxy, nginx, wrk and util-linux installed?`,
    );
    process.exitCode = 1;
  });
  children.push(child);
  return child;
}

async function answers(port: number): Promise<void> {
  const end = performance.now() + START_MS;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    if (performance.now() > end)
      throw new Error(`nothing listens on port ${port} after ${START_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function nginxConfig(port: number, location: string, name: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${directory}/${name}-${kind};`)
    .join(' ');
  return `worker_processes 1; master_process off; daemon off; pid ${directory}/${name}.pid; error_log ${directory}/${name}.log;
events { worker_connections 2048; }
http { access_log off; ${temporary} keepalive_requests 1000000000; keepalive_timeout 75s;
  upstream target { server 127.0.0.1:${targetPort}; keepalive 256; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${port}; location / { ${location} } } }
`;
}

async function startNginx(
  core: string,
  port: number,
  location: string,
  name: string,
): Promise<ChildProcess> {
  const path = join(directory, `${name}.conf`);
  await writeFile(path, nginxConfig(port, location, name));
  return start(core, 'nginx', '-c', path);
}

async function startHaproxy(port: number): Promise<ChildProcess> {
  const path = join(directory, 'haproxy.cfg');
  await writeFile(
    path,
    `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend f
  bind 127.0.0.1:${port}
  acl other hdr(host) -i other.test
  acl any path_beg /
  use_backend none if other
  use_backend b if any
backend b
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port ${port}
  server s 127.0.0.1:${targetPort}
backend none
`,
  );
  return start(PROXY_CORE, 'haproxy', '-f', path);
}

/** Seconds of CPU that a process has used. */
async function cpuOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

async function measure(contender: Contender, seconds: number): Promise<Measured> {
  const pid = contender.process.pid ?? 0;
  const before = await cpuOf(pid);
  const url = `http://127.0.0.1:${contender.port}/hello/world?x=1`;
  const args = [
    '-c',
    LOAD_CORE,
    'wrk',
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${seconds}s`,
    '--latency',
    url,
  ];
  const { stdout } = await run('taskset', args);
  const cpu = (await cpuOf(pid)) - before;
  const requests = Number(/([0-9]+) requests in/.exec(stdout)?.[1] ?? 0);
  return {
    rate: Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)?.[1] ?? 0),
    p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    cpu: (cpu * 1_000_000) / Math.max(1, requests),
    failed: Number(/Non-2xx or 3xx responses: ([0-9]+)/.exec(stdout)?.[1] ?? 0),
  };
}

function milliseconds(text = ''): number {
  const value = Number.parseFloat(text);
  if (text.endsWith('us')) return value / 1000;
  return text.endsWith('ms') ? value : value * 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const targetPort = await freePort();

async function main(): Promise<void> {
  const body =
    'return 200 "an answer of some hundred bytes, as those of small services are; it is here only to be long enough";';
  await startNginx(LOAD_CORE, targetPort, body, 'target');
  await answers(targetPort);

  const contenders: Contender[] = [];
  const add = async (
    name: string,
    startOn: (port: number) => Promise<ChildProcess>,
  ): Promise<void> => {
    const port = await freePort();
    const process = await startOn(port);
    await answers(port);
    contenders.push({ name, port, process, runs: [] });
  };
  await add('HAProxy', startHaproxy);
  await add('nginx', (port) =>
    startNginx(
      PROXY_CORE,
      port,
      `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto http; proxy_pass http://target;`,
      'proxy',
    ),
  );
  for (const [name, file] of [
    ['http-proxy', 'http-proxy-process.ts'],
    ['Berth', 'proxy-process.ts'],
  ] as const) {
    const program = fileURLToPath(new URL(file, import.meta.url));
    await add(name, (port) =>
      Promise.resolve(
        start(PROXY_CORE, process.execPath, program, String(port), String(targetPort)),
      ),
    );
  }

  for (const contender of contenders) await measure(contender, 2); // warms up
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const contender of contenders) contender.runs.push(await measure(contender, SECONDS));
  }
  report(contenders);
}

function report(contenders: readonly Contender[]): void {
  const cells = (...texts: readonly string[]): string =>
    texts.map((text, index) => (index === 0 ? text.padEnd(13) : text.padStart(12))).join('');
  console.log(
    `${CONNECTIONS} connections, medians of ${ROUNDS} runs of ${SECONDS} s, one core a proxy\n`,
  );
  console.log(cells('', 'requests/s', 'p50', 'p99', 'CPU/request', 'failed'));
  for (const contender of contenders) {
    const { rate, p50, p99, cpu, failed } = medians(contender);
    console.log(
      cells(
        contender.name,
        rate.toFixed(0),
        `${p50.toFixed(2)} ms`,
        `${p99.toFixed(2)} ms`,
        `${cpu.toFixed(1)} us`,
        String(failed),
      ),
    );
  }
  const berth = contenders.at(-1);
  if (berth === undefined) return;
  const own = medians(berth);
  console.log(`\n${cells('Berth', 'requests/s', 'p50', 'p99', 'CPU/request')}`);
  for (const peer of contenders.slice(0, -1)) {
    const its = medians(peer);
    const ratios = (['rate', 'p50', 'p99', 'cpu'] as const).map((figure) =>
      (own[figure] / its[figure]).toFixed(2),
    );
    console.log(cells(`/ ${peer.name}`, ...ratios));
  }
}

function medians({ runs }: Contender): Measured {
  const of = (figure: keyof Measured): number => median(runs.map((run) => run[figure]));
  return { rate: of('rate'), p50: of('p50'), p99: of('p99'), cpu: of('cpu'), failed: of('failed') };
}

try {
  await main();
} finally {
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
