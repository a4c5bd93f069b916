// A real ACME server for tests: pebble, with names that all resolve to loopback.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createAuthority, issue } from '@berth/rpc/authority.ts';
import { realClock } from '@berth/store/testing/time.ts';

export interface Pebble {
  readonly directoryUrl: string;
  /** Who signs the directory's own certificate. */
  readonly authorityPem: string;
  stop(): Promise<void>;
}

export interface PebbleOptions {
  /** Where it looks for http-01, and for tls-alpn-01. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Where all names lead; default 127.0.0.1. */
  readonly address?: string;
}

const STEP_MS = 50;
const STEPS = 200;

export async function startPebble({
  httpPort,
  tlsPort,
  address = '127.0.0.1',
}: PebbleOptions): Promise<Pebble> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-pebble-'));
  const authority = await createAuthority(realClock.now());
  const names = ['localhost', '127.0.0.1'];
  const identity = { role: 'control', name: 'pebble' } as const;
  const { certificate, key } = await issue(authority, identity, names, realClock.now(), 1);
  const [port, management, dns] = await Promise.all([freePort(), freePort(), freePort()]);
  const files = { certificate: join(directory, 'tls.crt'), privateKey: join(directory, 'tls.key') };
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.privateKey, key);
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      ...files,
      httpPort,
      tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
    },
  };
  const configFile = join(directory, 'pebble.json');
  writeFileSync(configFile, JSON.stringify(config));
  const names4 = ['-defaultIPv4', address, '-defaultIPv6', ''];
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', ''];
  // An empty one would be every address of port 80.
  const managed = ['-management', `127.0.0.1:${await freePort()}`];
  const children = [
    run('pebble-challtestsrv', [...names4, ...off, ...managed, '-dns01', `127.0.0.1:${dns}`]),
    run('pebble', ['-config', configFile, '-dnsserver', `127.0.0.1:${dns}`, '-strict'], {
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: '15',
    }),
  ];
  const directoryUrl = `https://localhost:${port}/dir`;
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(kill));
    rmSync(directory, { recursive: true, force: true });
  };
  for (let step = 0; !(await answers(directoryUrl, authority.certificate)); step += 1) {
    if (step === STEPS) {
      await stop();
      throw new Error(`pebble did not answer at ${directoryUrl} within ${STEPS * STEP_MS} ms`);
    }
    await realClock.sleep(STEP_MS, new AbortController().signal);
  }
  return { directoryUrl, authorityPem: authority.certificate, stop };
}

function run(program: string, argv: string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(program, argv, { stdio: 'ignore', env: { ...process.env, ...environment } });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function answers(url: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(url, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    sent.on('error', () => resolve(false));
    sent.end();
  });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
