// Runs programs in a network namespace. With nsenter, since `ip netns exec` mounts another /sys, in which a Docker Engine
// finds no cgroups.
import { readlinkSync, readdirSync, statSync } from 'node:fs';

import { feed, needProgram, output } from '../dev/host-commands.ts';

const NAMESPACES = '/run/netns';

export function namespacePath(namespace: string): string {
  return `${NAMESPACES}/${namespace}`;
}

/** The words before a command that let it run in the namespace. */
export function inNamespace(namespace: string): readonly [string, ...string[]] {
  return [needProgram('nsenter', 'util-linux'), `--net=${namespacePath(namespace)}`, '--'];
}

/** As `inNamespace`, and the machine is called so there: what runs says in which node it is. */
export function asNode(namespace: string, name: string): readonly [string, ...string[]] {
  const script = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"';
  return [
    ...inNamespace(namespace),
    ...[needProgram('unshare', 'util-linux'), '--uts', '--'],
    ...['/bin/sh', '-c', script, name],
  ];
}

/** Run a program in the namespace to its end. @returns its output. @throws Error with what it printed */
export async function outputIn(namespace: string, ...command: string[]): Promise<string> {
  const [nsenter, ...words] = inNamespace(namespace);
  return await output(nsenter, ...words, ...command);
}

/** As `outputIn`, with a text on standard input. */
export async function feedIn(
  namespace: string,
  command: readonly string[],
  input: string,
): Promise<void> {
  const [nsenter, ...words] = inNamespace(namespace);
  await feed(nsenter, [...words, ...command], input);
}

/** Named namespaces that begin so. */
export function namespacesWith(prefix: string): string[] {
  try {
    return readdirSync(NAMESPACES).filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

/** Processes that are in one of the namespaces. */
export function processesIn(namespaces: readonly string[]): number[] {
  const wanted = new Set(namespaces.flatMap((name) => identity(name) ?? []));
  if (wanted.size === 0) return [];
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return wanted.has(readlinkSync(`/proc/${entry}/ns/net`)) ? Number(entry) : [];
    } catch {
      return []; // gone meanwhile
    }
  });
}

/** As /proc/PID/ns/net names it. */
function identity(namespace: string): string | undefined {
  try {
    return `net:[${statSync(namespacePath(namespace)).ino}]`;
  } catch {
    return undefined;
  }
}
