// The lab's network: a namespace that holds only a bridge, one for each node with a link to it, and one link from this
// machine. Nothing is routed or filtered outside the lab's own namespaces.
import { existsSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { overlap, parseRange } from '../dev/address-pool.ts';
import { findProgram, needProgram, output, succeeds } from '../dev/host-commands.ts';
import { usedRanges } from '../dev/host-network.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { feedIn, namespacesWith, outputIn } from './namespace.ts';
import { BRIDGE, LINK, type LabPlan } from './plan.ts';

/** The chain that holds a node's cuts; see faults.ts. */
export const CUTS = 'BERTH-LAB';
/** Second bytes of 10.X.0.0/16 in the order in which we try them. */
const NETS = Array.from({ length: 64 }, (_, index) => 128 + index);
const NETNS = '/run/netns';
/** Says that `ip` made its folder of namespaces, and mounted it, for a lab. */
const MADE = 'netns-folder-made';

/**
 * The second byte of a range that no route and no address of this machine touches.
 * @param others those of labs that may have no link yet. @throws CommandError
 */
export async function freeNet(others: readonly number[]): Promise<number> {
  const used = (await usedRanges(needProgram('ip', 'iproute2')))
    .flatMap((text) => parseRange(text) ?? [])
    .filter(({ bits }) => bits > 0);
  const net = NETS.find((candidate) => {
    const range = parseRange(`10.${candidate}.0.0/16`);
    if (others.includes(candidate)) return false;
    return range !== undefined && used.every((other) => !overlap(range, other));
  });
  if (net !== undefined) return net;
  throw new CommandError(
    exitCodes.failed,
    `found no free range 10.X.0.0/16 for a lab, X from ${NETS[0]} to ${NETS.at(-1)}: routes or addresses of this machine touch them all`,
    { next: 'ip route; ip address' },
  );
}

/** Make namespaces, bridge and links. @param labs the folder of all labs */
export async function makeNetwork(plan: LabPlan, labs: string): Promise<void> {
  const ip = needProgram('ip', 'iproute2');
  if (!existsSync(NETNS)) writeFileSync(join(labs, MADE), '');
  await output(ip, 'netns', 'add', plan.bridgeNamespace);
  await feedIn(
    plan.bridgeNamespace,
    [ip, '-batch', '-'],
    [`link add ${BRIDGE} type bridge forward_delay 0`, `link set ${BRIDGE} up`, ''].join('\n'),
  );
  await quiet(plan.bridgeNamespace);
  const bits = plan.subnet.split('/')[1] ?? '24';
  await Promise.all([
    connect(plan, 'root', async (port) => {
      await output(
        ip,
        ...['link', 'add', plan.rootLink, 'type', 'veth'],
        ...['peer', 'name', port, 'netns', plan.bridgeNamespace],
      );
      await output(ip, 'address', 'add', `${plan.rootAddress}/${bits}`, 'dev', plan.rootLink);
      await output(ip, 'link', 'set', plan.rootLink, 'up');
    }),
    ...plan.nodes.map(({ namespace, port, address }) =>
      connect(plan, port, async () => {
        await output(ip, 'netns', 'add', namespace);
        await outputIn(
          plan.bridgeNamespace,
          ...[ip, 'link', 'add', port, 'type', 'veth', 'peer', 'name', LINK, 'netns', namespace],
        );
        await feedIn(
          namespace,
          [ip, '-batch', '-'],
          [
            'link set lo up',
            `address add ${address}/${bits} dev ${LINK}`,
            `link set ${LINK} up`,
            '',
          ].join('\n'),
        );
        await feedIn(
          namespace,
          [needProgram('iptables-restore', 'iptables'), '-w', '--noflush'],
          `*raw\n:${CUTS} - [0:0]\n-A PREROUTING -j ${CUTS}\nCOMMIT\n`,
        );
      }),
    ),
  ]);
}

/** Make a link with the action, then plug its end in the bridge's namespace into the bridge. */
async function connect(
  plan: LabPlan,
  port: string,
  make: (port: string) => Promise<void>,
): Promise<void> {
  await make(port);
  await feedIn(
    plan.bridgeNamespace,
    [needProgram('ip', 'iproute2'), '-batch', '-'],
    `link set ${port} master ${BRIDGE}\nlink set ${port} up\n`,
  );
}

/** The bridge forwards frames and nothing else: no filter sees them. */
async function quiet(namespace: string): Promise<void> {
  const setting = '/proc/sys/net/bridge/bridge-nf-call-iptables';
  await outputIn(namespace, 'sh', '-c', `[ ! -e ${setting} ] || echo 0 > ${setting}`);
}

/** Remove the namespaces with all that is in them, and this machine's link. Repeating it changes nothing. @returns problems */
export async function removeNetwork(
  { prefix, rootLink }: { readonly prefix: string; readonly rootLink: string },
  labs: string,
): Promise<string[]> {
  const ip = findProgram('ip');
  if (ip === undefined) return [];
  const problems: string[] = [];
  const attempt = async (what: string, ...command: [string, ...string[]]): Promise<void> => {
    await output(...command).catch((error: unknown) => {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
  if (await succeeds(ip, 'link', 'show', 'dev', rootLink)) {
    await attempt(`link ${rootLink}`, ip, 'link', 'delete', rootLink);
  }
  for (const namespace of namespacesWith(`${prefix}-`)) {
    await attempt(`namespace ${namespace}`, ip, 'netns', 'delete', namespace);
  }
  await removeFolder(labs);
  return problems;
}

/** Take away the folder of namespaces where a lab brought it and nobody uses it. */
async function removeFolder(labs: string): Promise<void> {
  if (!existsSync(join(labs, MADE)) || !existsSync(NETNS) || readdirSync(NETNS).length > 0) return;
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  for (const mount of mounts.filter((line) => line.split(' ')[1] === NETNS)) {
    if (mount !== '') await output(findProgram('umount') ?? 'umount', NETNS);
  }
  rmdirSync(NETNS);
}
