// One run of the etcd binary: its arguments, what must be true before it starts, and its end. No supervision.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';

export interface EtcdSettings {
  /** Everything of this etcd lies below it: `data/`, `tls/`, `etcd.pid`. */
  readonly directory: string;
  readonly logFile: string;
  /** Address to listen on, for clients and peers. */
  readonly host: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** What etcd shows its clients; also its own client certificate towards peers. */
  readonly serverTls: TlsIdentity;
  /**
   * A DNS name that a client's certificate must carry, so that the certificates of hosts and proxies, which come from the
   * same authority, do not open etcd.
   */
  readonly clientName: string;
  /** Size of the database at which etcd stops taking writes. */
  readonly quotaBytes: number;
  /** Name or path of the binary. */
  readonly binary: string;
}

const LOG_LIMIT = 32 * 1024 * 1024;

export const dataDirectory = (settings: EtcdSettings): string => join(settings.directory, 'data');
const pidFile = (settings: EtcdSettings): string => join(settings.directory, 'etcd.pid');
const tlsFile = (settings: EtcdSettings, name: string): string =>
  join(settings.directory, 'tls', name);

/** Where the binary is. @throws BerthError InvalidConfigurationRequest, naming the package to install */
export async function findBinary(name: string): Promise<string> {
  const found = await inPath(name);
  if (found !== undefined) return found;
  throw new BerthError(
    'InvalidConfigurationRequest',
    `The program "${name}" was not found in PATH. Install it: "apt-get install etcd-server" on Debian.`,
  );
}

async function inPath(name: string): Promise<string | undefined> {
  const places = name.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  for (const place of places) {
    const path = join(place, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

/** What the binary says about itself: "3.4.23". */
export async function binaryVersion(path: string): Promise<string> {
  const child = spawn(path, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  const version = /etcd Version: (\S+)/.exec(text)?.[1];
  if (version !== undefined) return version;
  throw new BerthError(
    'InvalidConfigurationRequest',
    `${path} did not say which version of etcd it is; is it etcd?`,
  );
}

/** Makes the directories and files. @throws BerthError Unavailable when they can't be written */
export async function prepareFiles(settings: EtcdSettings): Promise<void> {
  try {
    await mkdir(dataDirectory(settings), { recursive: true, mode: 0o700 });
    await mkdir(join(settings.directory, 'tls'), { recursive: true, mode: 0o700 });
    const { certificate, key, authority } = settings.serverTls;
    for (const [name, text] of [
      ['server.crt', certificate],
      ['server.key', key],
      ['ca.crt', authority],
    ] as const) {
      await writeFile(tlsFile(settings, name), text, { mode: 0o600 });
    }
    const written = await stat(settings.logFile).catch(() => undefined);
    if (written && written.size > LOG_LIMIT)
      await rename(settings.logFile, `${settings.logFile}.1`);
  } catch (error) {
    const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new BerthError(
      'Unavailable',
      full
        ? `The disk with ${settings.directory} is full, so etcd can't start. Free some space.`
        : `etcd can't start: its directory ${settings.directory} can't be written.`,
      { cause: error },
    );
  }
}

/** @throws BerthError Unavailable when something else listens on one of the ports */
export async function refuseTakenPorts(settings: EtcdSettings): Promise<void> {
  for (const [port, use] of [
    [settings.clientPort, 'clients'],
    [settings.peerPort, 'peers'],
  ] as const) {
    const server = createServer();
    server.listen({ host: settings.host, port, exclusive: true });
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new BerthError(
        'Unavailable',
        `etcd can't start: its port for ${use}, ${settings.host}:${port}, is taken by another program. ` +
          'End that one or choose another port.',
        { cause: error },
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

export interface EtcdRun {
  readonly child: ChildProcess;
  /** Where in the log file its lines begin. */
  readonly logFrom: number;
}

/** Starts the binary so that the kernel ends it when this process ends, however that happens. */
export async function startProcess(settings: EtcdSettings, path: string): Promise<EtcdRun> {
  const log = await open(settings.logFile, 'a');
  try {
    const { size: logFrom } = await log.stat();
    const setpriv = await inPath('setpriv');
    const command = [path, ...argumentsOf(settings)];
    if (setpriv !== undefined) command.unshift(setpriv, '--pdeathsig', 'KILL');
    const [program = path, ...rest] = command;
    // Without the environment: ETCD_* variables would be taken as flags. In a process group of its own: a Ctrl-C on our
    // terminal must reach only us, who stop etcd last.
    const child = spawn(program, rest, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env['PATH'] },
    });
    child.on('error', () => undefined); // reported as its exit
    if (child.pid !== undefined) await writeFile(pidFile(settings), `${child.pid}\n`);
    return { child, logFrom };
  } finally {
    await log.close();
  }
}

function argumentsOf(settings: EtcdSettings): string[] {
  const { host, clientPort, peerPort } = settings;
  const address = host.includes(':') ? `[${host}]` : host;
  const client = `https://${address}:${clientPort}`;
  const peer = `https://${address}:${peerPort}`;
  const certificate = tlsFile(settings, 'server.crt');
  const key = tlsFile(settings, 'server.key');
  const authority = tlsFile(settings, 'ca.crt');
  const flags: Record<string, string> = {
    name: 'berth',
    'data-dir': dataDirectory(settings),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `berth=${peer}`,
    'cert-file': certificate,
    'key-file': key,
    'trusted-ca-file': authority,
    'client-cert-auth': 'true',
    'client-cert-allowed-hostname': settings.clientName,
    'peer-cert-file': certificate,
    'peer-key-file': key,
    'peer-trusted-ca-file': authority,
    'peer-client-cert-auth': 'true',
    'auto-compaction-mode': 'periodic',
    'auto-compaction-retention': '1h',
    'quota-backend-bytes': String(settings.quotaBytes),
    'pre-vote': 'true',
    'snapshot-count': '10000',
    'enable-grpc-gateway': 'false',
    logger: 'zap',
    'log-outputs': 'stderr',
  };
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

/** SIGTERM, then SIGKILL after `graceMs`. Resolves when the process has ended. */
export async function endProcess(
  child: ChildProcess,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new AbortController();
  const exit = once(child, 'exit').then(() => ended.abort());
  child.kill('SIGTERM');
  await clock.sleep(graceMs, ended.signal).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  await exit;
}

export function forgetProcess(settings: EtcdSettings): Promise<void> {
  return rm(pidFile(settings), { force: true });
}

/**
 * Ends the etcd of a former process of ours that still works on the same data. Only if the process of the number left
 * behind was started with this very data directory.
 * @throws BerthError Unavailable when it does not end
 */
export async function endLeftover(settings: EtcdSettings, clock: Clock): Promise<void> {
  const text = await readFile(pidFile(settings), 'utf8').catch(() => '');
  const pid = Number(text.trim());
  if (!Number.isInteger(pid) || pid <= 1) return;
  const signal = new AbortController().signal;
  for (let waited = 0; await isOurs(pid, settings); waited += 100) {
    if (waited === 0) kill(pid, 'SIGTERM');
    if (waited === 5_000) kill(pid, 'SIGKILL');
    if (waited > 10_000) {
      throw new BerthError(
        'Unavailable',
        `Another etcd (process ${pid}) works on ${dataDirectory(settings)} and does not end. End it by hand.`,
      );
    }
    await clock.sleep(100, signal);
  }
  await forgetProcess(settings);
}

async function isOurs(pid: number, settings: EtcdSettings): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.split('\0').includes(`--data-dir=${dataDirectory(settings)}`);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

/** Why a run ended, from its part of the log. */
export async function reasonInLog(settings: EtcdSettings, logFrom: number): Promise<string> {
  const log = await readFile(settings.logFile).catch(() => Buffer.alloc(0));
  const tail = log.subarray(logFrom).subarray(-16_000).toString();
  if (tail.includes('no space left on device')) {
    return `the disk with ${settings.directory} is full; free some space`;
  }
  const taken = /listen tcp (\S+): bind: address already in use/.exec(tail)?.[1];
  if (taken !== undefined) return `${taken} is taken by another program`;
  if (tail.includes('permission denied'))
    return `${settings.directory} is not accessible to this user`;
  const last = tail
    .split('\n')
    .filter((line) => /"level":"(fatal|panic|error)"|^panic/.test(line))
    .at(-1);
  return last ?? 'it gave no reason';
}
