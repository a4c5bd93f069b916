// What an engine of our own changes on this machine's network, recorded before and put back after: its bridge,
// the packet filter, forwarding. The record is on disk, so that the next start can put back what a killed one left.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { CommandError, exitCodes } from '../failure.ts';
import { chooseRanges, parseRange } from './address-pool.ts';
import { undoEngine } from './firewall.ts';
import { feed, findProgram, needProgram, output, succeeds } from './host-commands.ts';

export const BRIDGE = 'berth0';
const FAMILIES = [
  { save: 'iptables-save', restore: 'iptables-restore' },
  { save: 'ip6tables-save', restore: 'ip6tables-restore' },
] as const;
const SETTINGS = [
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/sys/net/ipv6/conf/all/forwarding',
  '/proc/sys/net/ipv6/conf/default/forwarding',
];

interface NetworkRecord {
  readonly bridge: string;
  /** Of the engine: "172.29.0.1/16". */
  readonly ranges: readonly string[];
  /** What `SAVE` said before, by its name. */
  readonly tables: Readonly<Record<string, string>>;
  /** The values of kernel settings before, by their file. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface EngineNetwork {
  readonly bridge: string;
  /** For networks that people make with this engine. */
  readonly pool: string;
}

const recordFile = (directory: string): string => join(directory, 'network-before.json');

/** Record the machine's network, then give the engine a bridge of its own. @throws CommandError */
export async function prepareNetwork(directory: string): Promise<EngineNetwork> {
  const ip = needProgram('ip', 'iproute2');
  needProgram('iptables', 'iptables');
  const ranges = chooseRanges(await usedRanges(ip));
  if (!ranges) {
    throw new CommandError(
      exitCodes.failed,
      'found no free private address range for a Docker Engine of our own: routes take them all',
      { next: 'DOCKER_HOST=unix:///path/of/an/engine berth dev' },
    );
  }
  const tables: Record<string, string> = {};
  for (const { save } of FAMILIES) {
    const program = findProgram(save);
    if (program !== undefined) tables[save] = await output(program).catch(() => '');
  }
  const settings: Record<string, string> = {};
  for (const file of SETTINGS) {
    if (existsSync(file)) settings[file] = readFileSync(file, 'utf8').trim();
  }
  const record: NetworkRecord = {
    bridge: BRIDGE,
    ranges: [ranges.bip, ranges.pool],
    tables,
    settings,
  };
  writeFileSync(recordFile(directory), JSON.stringify(record));
  await output(ip, 'link', 'delete', BRIDGE).catch(() => undefined); // left by a crash before the record
  await output(ip, 'link', 'add', BRIDGE, 'type', 'bridge');
  await output(ip, 'address', 'add', ranges.bip, 'dev', BRIDGE);
  await output(ip, 'link', 'set', BRIDGE, 'up');
  return { bridge: BRIDGE, pool: ranges.pool };
}

/** Put back what was recorded, if anything was. Repeating it changes nothing. @returns what could not be undone */
export async function restoreNetwork(directory: string): Promise<string[]> {
  const file = recordFile(directory);
  if (!existsSync(file)) return [];
  const record = JSON.parse(readFileSync(file, 'utf8')) as NetworkRecord;
  const problems: string[] = [];
  const attempt = async (what: string, action: () => Promise<unknown>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const ip = findProgram('ip');
  // Not /sys/class/net, which may show another network namespace than ours.
  if (ip !== undefined && (await succeeds(ip, 'link', 'show', 'dev', record.bridge))) {
    await attempt(`bridge ${record.bridge}`, () => output(ip, 'link', 'delete', record.bridge));
  }
  const ranges = record.ranges.flatMap((text) => parseRange(text) ?? []);
  const marks = { bridge: record.bridge, ranges };
  for (const { save, restore } of FAMILIES) {
    const before = record.tables[save];
    const [saver, restorer] = [findProgram(save), findProgram(restore)];
    if (before === undefined || saver === undefined || restorer === undefined) continue;
    await attempt(`rules of ${restore}`, async () => {
      const input = undoEngine(before, await output(saver), marks);
      if (input !== undefined) await feed(restorer, ['-w'], input);
    });
  }
  for (const [setting, value] of Object.entries(record.settings)) {
    await attempt(setting, () => {
      if (readFileSync(setting, 'utf8').trim() !== value) writeFileSync(setting, value);
      return Promise.resolve();
    });
  }
  if (problems.length === 0) rmSync(file, { force: true });
  return problems;
}

/** Destinations of all routes and addresses of all interfaces. */
export async function usedRanges(ip: string): Promise<string[]> {
  const routes = JSON.parse(await output(ip, '-j', '-4', 'route', 'show', 'table', 'all')) as {
    readonly dst?: string;
  }[];
  const links = JSON.parse(await output(ip, '-j', '-4', 'address', 'show')) as {
    readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
  }[];
  return [
    ...routes.flatMap(({ dst }) => (dst === undefined || dst === 'default' ? [] : dst)),
    ...links.flatMap(({ addr_info = [] }) =>
      addr_info.flatMap(({ local, prefixlen }) =>
        local === undefined ? [] : `${local}/${prefixlen ?? 32}`,
      ),
    ),
  ];
}
