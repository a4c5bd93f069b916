// The back ends that the request corpus is sent to: each an independent reader of HTTP, behind a wire-tap that keeps every byte which reaches it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { HEALTH_PATH, startBackEnd, until } from './data-path.ts';

export interface CorpusBackEnd {
  readonly port: number;
  /** What has come since `forget`, in latin-1; health checks are left out. */
  recorded(): string;
  /** First lines of the requests that it has read to their end since `forget`, as it understood them. */
  requests(): Promise<string[]>;
  forget(): Promise<void>;
  close(): Promise<void>;
}

interface Tap {
  readonly port: number;
  text: string;
  close(): Promise<void>;
}

/** Hands bytes to `port` and keeps them. A connection that begins with a health check is not kept. */
async function tap(port: number): Promise<Tap> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const target = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const end of [socket, target]) {
      sockets.add(end);
      end.on('error', () => undefined);
      end.once('close', () => {
        sockets.delete(end);
        socket.destroy();
        target.destroy();
      });
    }
    let check: boolean | undefined;
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      check ??= text.startsWith(`GET ${HEALTH_PATH} `);
      if (!check) made.text += text;
    });
    socket.pipe(target);
    target.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const made: Tap = {
    port: (server.address() as AddressInfo).port,
    text: '',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return made;
}

export async function nodeBackEnd(): Promise<CorpusBackEnd> {
  let seen: string[] = [];
  const backEnd = await startBackEnd('ok', (message, response) => {
    message.on('end', () => {
      seen.push(`${message.method ?? ''} ${message.url ?? ''}`);
      response.end('ok');
    });
    message.resume();
  });
  const tapped = await tap(backEnd.port);
  return {
    port: tapped.port,
    recorded: () => tapped.text,
    requests: () => Promise.resolve(seen),
    forget: () => {
      tapped.text = '';
      seen = [];
      return Promise.resolve();
    },
    close: async () => {
      await tapped.close();
      await backEnd.close();
    },
  };
}

const NGINX = '/usr/sbin/nginx';

/** It reads a request to its end before it answers. @returns undefined on a machine without nginx */
export async function nginxBackEnd(): Promise<CorpusBackEnd | undefined> {
  if (!existsSync(NGINX)) return undefined;
  const directory = await mkdtemp(join(tmpdir(), 'berth-corpus-'));
  const log = join(directory, 'requests.log');
  const port = await freePort();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(directory, kind)};`)
    .join(' ');
  await writeFile(
    join(directory, 'nginx.conf'),
    `worker_processes 1; master_process off; daemon off; pid ${join(directory, 'pid')}; error_log ${join(directory, 'error.log')};
events { worker_connections 256; }
http { ${paths} log_format first '$request'; large_client_header_buffers 8 64k; access_log off;
  map $status $whole { 200 1; default 0; }
  server { listen unix:${join(directory, 'answer')}; location / { return 200 "ok"; } }
  server { listen 127.0.0.1:${port}; lingering_close off;
    location = ${HEALTH_PATH} { return 200 "well"; }
    location / { access_log ${log} first if=$whole; proxy_pass http://unix:${join(directory, 'answer')}; } } }
`,
  );
  const child = spawn(NGINX, ['-c', join(directory, 'nginx.conf')], { stdio: 'ignore' });
  let open = false;
  while (!open) {
    open = await accepts(port);
    if (child.exitCode !== null) throw new Error(`nginx ended with code ${child.exitCode}`);
  }
  const tapped = await tap(port);
  let before = 0;
  const lines = async (): Promise<string[]> => {
    // It answers before it writes its log: when its one worker has answered this too, what came before is written.
    await (await fetch(`http://127.0.0.1:${port}${HEALTH_PATH}`)).text();
    const text = existsSync(log) ? await readFile(log, 'latin1') : '';
    return text.split('\n').filter((line) => line !== '');
  };
  return {
    port: tapped.port,
    recorded: () => tapped.text,
    requests: async () => (await lines()).slice(before),
    forget: async () => {
      tapped.text = '';
      before = (await lines()).length;
    },
    close: async () => {
      await tapped.close();
      await stopped(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await until('nginx has ended', () => child.exitCode !== null || child.signalCode !== null);
}
