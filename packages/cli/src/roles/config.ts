// The configuration of a role from its flags and variables: checked as a whole before anything starts.
import { networkInterfaces, hostname } from 'node:os';
import { join, resolve } from 'node:path';

import type { GpuSettings } from '@berth/agent/gpus.ts';
import { messageChain } from '@berth/model/errors.ts';
import { LOG_LEVELS, type LogLevel } from '@berth/process/logger.ts';
import { parseAddress } from '@berth/rpc/channel-options.ts';

import type { Environment, Flags } from '../flags.ts';
import { UsageError, environmentNames } from '../table/parse.mjs';

export interface ProcessConfig {
  readonly adminHost: string;
  readonly adminPort: number;
  readonly logLevel: LogLevel;
  readonly tlsDirectory: string;
}

export interface StoreConfig {
  readonly etcd: readonly string[];
  /** Of an api: what is known of its sessions. */
  readonly leaseSeconds: number;
  /** Of a scheduler or controller: its leadership. */
  readonly leaderLeaseSeconds: number;
}

export interface ServeConfig {
  readonly listen: string;
  readonly advertise: string;
}

export const DEFAULT_TLS = '/etc/berth/tls';
const LEASE_SECONDS = 10;
/** A dead leader is followed by another within 5 s; the least that etcd grants is 2 s. */
const LEADER_LEASE_SECONDS = 3;
/** A lease below this does not survive a busy disk; above, a dead process is missed for too long. */
const LEASE_RANGE = { min: 2, max: 60 };
const LOST_AFTER_MS = 20_000;
/** Set for people's shells by `berth env`, and by tests; no role reads them. */
const OTHER_NAMES = /^BERTH_(PROXY_URL|TEST_.*)$/;

/** @throws UsageError that names each variable with our prefix that none of the table reads */
export function refuseUnknownVariables(environment: Environment): void {
  const known = environmentNames();
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('BERTH_') && !known.includes(name) && !OTHER_NAMES.test(name),
  );
  if (unknown.length === 0) return;
  throw new UsageError(
    `Unknown environment variables: ${unknown.sort().join(', ')}. Known are ${known.filter((name) => name.startsWith('BERTH_')).join(', ')}.`,
    'berth help environment',
  );
}

export function processConfig(flags: Flags): ProcessConfig {
  const { host, port } = parsed(flags, 'admin', flags.text('admin') ?? '127.0.0.1:7404');
  return {
    adminHost: host,
    adminPort: port,
    logLevel: flags.word('log-level', LOG_LEVELS) ?? 'info',
    tlsDirectory: flags.text('tls-dir') ?? DEFAULT_TLS,
  };
}

export function storeConfig(flags: Flags): StoreConfig {
  const members = (flags.text('etcd') ?? '127.0.0.1:7402').split(',').filter(Boolean);
  for (const member of members) parsed(flags, 'etcd', member.replace(/^https:\/\//, ''));
  return {
    etcd: members,
    leaseSeconds: flags.integer('lease', LEASE_RANGE) ?? LEASE_SECONDS,
    leaderLeaseSeconds: flags.integer('leader-lease', LEASE_RANGE) ?? LEADER_LEASE_SECONDS,
  };
}

/** @param prefix of the flags: `scheduler-` for those of a scheduler beside an api */
export function serveConfig(flags: Flags, port: number, prefix = ''): ServeConfig {
  const listen = flags.text(`${prefix}listen`) ?? `127.0.0.1:${port}`;
  const { host } = parsed(flags, `${prefix}listen`, listen);
  const advertise = flags.text(`${prefix}advertise`) ?? listen;
  parsed(flags, `${prefix}advertise`, advertise);
  if (['0.0.0.0', '::'].includes(host) && advertise === listen) {
    throw flags.wrong(
      `--${prefix}listen ${listen} is every address of this machine: say with --${prefix}advertise which one others use`,
    );
  }
  return { listen, advertise };
}

/** Beside the certificates, under this name, unless a flag says otherwise. */
export const SECRETS_KEY = 'secrets.key';

export function secretsKeyPath(flags: Flags, tlsDirectory: string): string {
  return flags.text('secrets-key') ?? join(tlsDirectory, SECRETS_KEY);
}

export function realmConfig(flags: Flags): { readonly region: string; readonly account: string } {
  const account = flags.text('account') ?? '000000000000';
  if (!/^\d{12}$/.test(account)) {
    throw flags.wrong(`--account must be twelve digits, found "${account}"`);
  }
  return { region: flags.text('region') ?? 'us-east-1', account };
}

export function eventConfig(flags: Flags): { readonly eventDirectory?: string } {
  const eventDirectory = flags.text('event-dir');
  return eventDirectory === undefined ? {} : { eventDirectory: resolve(eventDirectory) };
}

/** @returns undefined for the api's default */
export function dnsSuffix(flags: Flags): string | undefined {
  const suffix = flags.text('dns-suffix');
  if (suffix !== undefined && !/^(?=.{1,120}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/.test(suffix)) {
    throw flags.wrong(`--dns-suffix must be a domain name in lower case, found "${suffix}"`);
  }
  return suffix;
}

export function lossConfig(flags: Flags): {
  readonly hostLostAfterMs: number;
  readonly proxyLostAfterMs: number;
  readonly rebalanceOntoHosts: boolean;
} {
  return {
    hostLostAfterMs: flags.duration('host-lost-after') ?? LOST_AFTER_MS,
    proxyLostAfterMs: flags.duration('proxy-lost-after') ?? LOST_AFTER_MS,
    rebalanceOntoHosts: flags.on('rebalance-onto-hosts'),
  };
}

export function apiAddresses(flags: Flags): readonly string[] {
  const addresses = (flags.text('api') ?? '127.0.0.1:7400').split(',').filter(Boolean);
  for (const address of addresses) parsed(flags, 'api', address);
  return addresses;
}

const PORTS = /^(\d{1,5})-(\d{1,5})$/;
const GPU = /^([A-Za-z0-9_.:-]{1,128})=(\/.+)$/;
const PORT_MAX = 65_535;

export function portRange(flags: Flags): { readonly first: number; readonly last: number } {
  const text = flags.text('ports') ?? '20000-29999';
  const [, first, last] = (PORTS.exec(text) ?? []).map(Number);
  if (first === undefined || last === undefined || first < 1 || last > PORT_MAX || first > last) {
    throw flags.wrong(`--ports must be FIRST-LAST within 1 and ${PORT_MAX}, found "${text}"`);
  }
  return { first, last };
}

/** What `berth agent` offers: by default the GPUs of NVIDIA. @throws UsageError */
export function gpuSettings(flags: Flags): GpuSettings {
  const given = flags.texts('gpu');
  const named = new Map<string, readonly string[]>();
  if (given.length === 0) return { nvidia: true, named };
  for (const text of given) {
    if (text === 'auto' || (text === 'none' && given.length === 1)) continue;
    const [, id, path] = GPU.exec(text) ?? [];
    if (id === undefined || path === undefined) {
      throw flags.wrong(
        `--gpu must be ID=DEVICE, such as card0=/dev/dri/card0, or auto, or none alone, found "${text}"`,
      );
    }
    named.set(id, [...(named.get(id) ?? []), path]);
  }
  return { nvidia: given.includes('auto'), named };
}

/** This machine's name, as far as an id may hold it. */
export function machineName(): string {
  return hostname().replace(/[^A-Za-z0-9._-]/g, '-') || 'host';
}

/** The first address of this machine that others can reach. */
export function machineAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return (
    addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
  );
}

function parsed(
  flags: Flags,
  name: string,
  text: string,
): { readonly host: string; readonly port: number } {
  try {
    return parseAddress(text);
  } catch (error) {
    throw flags.wrong(`--${name}: ${messageChain(error).replace(/\.$/, '')}`);
  }
}
