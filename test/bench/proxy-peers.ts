// The proxies that are measured, each one process on one core, and the nginx that answers behind them on the other.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { WORKER_FLAGS } from '@berth/proxy/workers/worker-flags.ts';

export const PROXY_CORE = '0';
export const LOAD_CORE = '1';
const START_MS = 20_000;

export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Peers {
  readonly #directory: string;
  readonly #children: ChildProcess[] = [];
  #target = 0;

  /** @param directory for their files */
  constructor(directory: string) {
    this.#directory = directory;
  }

  get targetPort(): number {
    return this.#target;
  }

  /** The back end: `/hello...` is 1 kB, `/big` 100 kB. */
  async startTarget(): Promise<void> {
    this.#target = await freePort();
    const www = join(this.#directory, 'www');
    await mkdir(www, { recursive: true });
    await writeFile(join(www, 'big'), 'y'.repeat(100_000));
    const small = `location /hello { return 200 "${'x'.repeat(1_000)}"; }`;
    await this.#nginx(LOAD_CORE, this.#target, `root ${www}; ${small} location / { }`, 'target');
    await listens(this.#target);
  }

  async haproxy(): Promise<Peer> {
    const port = await freePort();
    const path = join(this.#directory, 'haproxy.cfg');
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
  server s 127.0.0.1:${this.#target}
backend none
`,
    );
    return this.#ready('HAProxy', port, this.#start(PROXY_CORE, 'haproxy', '-f', path));
  }

  async nginx(): Promise<Peer> {
    const port = await freePort();
    const location = `location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto http; proxy_pass http://target; }`;
    return this.#ready('nginx', port, await this.#nginx(PROXY_CORE, port, location, 'proxy'));
  }

  async caddy(): Promise<Peer> {
    const port = await freePort();
    const path = join(this.#directory, 'Caddyfile');
    await writeFile(
      path,
      `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://:${port} {
  @other host other.test
  respond @other 403
  reverse_proxy /* 127.0.0.1:${this.#target}
}
`,
    );
    const child = this.#start(
      PROXY_CORE,
      'caddy',
      'run',
      '--adapter',
      'caddyfile',
      '--config',
      path,
    );
    return this.#ready('Caddy', port, child);
  }

  /** A program beside this one: PORT TARGET-PORT and more. */
  async program(name: string, file: string, ...more: readonly string[]): Promise<Peer> {
    const port = await freePort();
    const path = fileURLToPath(new URL(file, import.meta.url));
    const args = [...WORKER_FLAGS, path, String(port), String(this.#target)];
    return this.#ready(name, port, this.#start(PROXY_CORE, process.execPath, ...args, ...more));
  }

  async #nginx(core: string, port: number, locations: string, name: string): Promise<ChildProcess> {
    const at = (what: string): string => join(this.#directory, `${name}${what}`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${at(`-${kind}`)};`)
      .join(' ');
    await writeFile(
      at('.conf'),
      `worker_processes 1; master_process off; daemon off; pid ${at('.pid')}; error_log ${at('.log')};
events { worker_connections 4096; }
http { access_log off; ${temporary} keepalive_requests 1000000000; keepalive_timeout 75s;
  upstream target { server 127.0.0.1:${this.#target}; keepalive 256; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${port} backlog=4096; ${locations} } }
`,
    );
    return this.#start(core, 'nginx', '-c', at('.conf'));
  }

  #start(core: string, command: string, ...args: readonly string[]): ChildProcess {
    const child = spawn('taskset', ['-c', core, command, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', (error) => {
      console.error(
        `Can't start ${command}: ${error.message}. Are haproxy, nginx, caddy, wrk and util-linux installed?`,
      );
      process.exitCode = 1;
    });
    this.#children.push(child);
    return child;
  }

  async #ready(name: string, port: number, child: ChildProcess): Promise<Peer> {
    await listens(port);
    return { name, port, pid: child.pid ?? 0 };
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGTERM');
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
        const forced = setTimeout(() => child.kill('SIGKILL'), 3_000);
        await new Promise((resolve) => child.once('exit', resolve));
        clearTimeout(forced);
      }),
    );
  }
}

async function listens(port: number): Promise<void> {
  const end = performance.now() + START_MS;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    if (performance.now() > end) {
      throw new Error(`nothing listens on port ${port} after ${START_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
