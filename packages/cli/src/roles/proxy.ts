// The proxy as a process of its own: what its flags say, its pid file, and SIGHUP, which replaces its workers.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';

import type { Surroundings } from '@berth/process/role.ts';
import type { Role } from '@berth/process/role.ts';
import type { ProxyOptions, ProxyRole } from '@berth/proxy/start.ts';

import { CommandError, exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { apiAddresses } from './config.ts';

const MOST_WORKERS = 256;
export const PROXY_DIRECTORY = '/var/lib/berth/proxy';

export type ProxyConfig = Omit<ProxyOptions, 'tls' | 'id' | 'version' | 'logLevel'>;

/** @throws UsageError */
export function proxyConfig(flags: Flags): ProxyConfig {
  const path = flags.text('access-log');
  const certificates = flags.text('certificates');
  const logs = flags.text('access-log-dir');
  const zone = flags.text('availability-zone');
  // Only there does the kernel spread connections over sockets of the same port.
  const cores = process.platform === 'linux' ? availableParallelism() : 1;
  return {
    api: apiAddresses(flags),
    bindAddress: flags.text('bind') ?? '0.0.0.0',
    dataDirectory: flags.text('data-dir') ?? PROXY_DIRECTORY,
    workers: flags.integer('workers', { min: 1, max: MOST_WORKERS }) ?? cores,
    sharePorts: true,
    accessLog: {
      path: path === undefined || path === 'stdout' ? path : resolve(path),
      format: flags.word('access-log-format', ['alb', 'json']) ?? 'alb',
      ...(logs === undefined ? {} : { directory: resolve(logs) }),
    },
    ...(certificates === undefined ? {} : { certificateDirectory: resolve(certificates) }),
    ...(zone === undefined ? {} : { settings: { zone } }),
  };
}

/** The role, which also replaces its workers on SIGHUP and says in its data directory which process it is. */
export function withReload(
  role: ProxyRole,
  dataDirectory: string,
  { logger }: Pick<Surroundings, 'logger'>,
): Role {
  const file = pidFile(dataDirectory);
  const reload = (): void => {
    logger.info({ workers: role.processes().length }, 'asked to replace the workers');
    role.reload().then(
      () => logger.info({ processes: role.processes() }, 'the workers were replaced'),
      (err: unknown) =>
        logger.error({ err }, 'the workers could not be replaced; the old ones go on'),
    );
  };
  process.on('SIGHUP', reload);
  mkdirSync(dataDirectory, { recursive: true });
  writeFileSync(file, `${process.pid}\n`);
  return {
    ...role,
    stop: async (graceMs) => {
      await role.stop(graceMs);
      process.off('SIGHUP', reload);
      // Not that of a proxy which has taken our place.
      if (pidIn(file) === process.pid) rmSync(file, { force: true });
    },
  };
}

/** @throws CommandError when no proxy runs on this directory */
export function reloadProxy(dataDirectory: string): number {
  const pid = pidIn(pidFile(dataDirectory));
  if (pid === undefined || !isProxy(pid)) {
    throw new CommandError(
      exitCodes.notFound,
      `no proxy runs on ${dataDirectory}: ${pidFile(dataDirectory)} ${pid === undefined ? 'names no process' : `names process ${pid}, which is none`}`,
      { next: 'berth proxy reload --data-dir DIRECTORY' },
    );
  }
  process.kill(pid, 'SIGHUP');
  return pid;
}

function pidFile(dataDirectory: string): string {
  return join(dataDirectory, 'proxy.pid');
}

function pidIn(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** A process that lives and, where that can be seen, was started as a proxy: the number may be another's by now. */
function isProxy(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('proxy');
  } catch {
    return false;
  }
}
