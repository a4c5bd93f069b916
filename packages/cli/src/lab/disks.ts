// A file system of its own for each host, in a sparse file, so that it can be filled up; and one in memory for what must be fast
// and short: sockets, process records, the data of etcd.
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { findProgram, needProgram, output } from '../dev/host-commands.ts';
import type { LabPlan } from './plan.ts';

const MIB = 1024 ** 2;
/** Of what is in memory; only what is written takes any. */
const RUN_MIB = 2048;

export async function mountRun({ run }: Pick<LabPlan, 'run'>): Promise<void> {
  mkdirSync(run, { recursive: true });
  const options = `size=${RUN_MIB}m,mode=755`;
  await output(needProgram('mount', 'mount'), '-t', 'tmpfs', '-o', options, 'berth-lab', run);
}

/** Make and mount the hosts' file systems. */
export async function makeDisks({ nodes, options }: LabPlan): Promise<void> {
  const mkfs = needProgram('mkfs.ext4', 'e2fsprogs');
  const mount = needProgram('mount', 'mount');
  await Promise.all(
    nodes.map(async ({ disk }) => {
      if (!disk) return;
      mkdirSync(disk.mount, { recursive: true });
      mkdirSync(dirname(disk.image), { recursive: true });
      writeFileSync(disk.image, '');
      truncateSync(disk.image, options.diskMib * MIB);
      // No journal and no blocks kept back: it never outlives this machine, and full is to mean full.
      await output(mkfs, '-q', '-m', '0', '-O', '^has_journal', '-E', 'nodiscard', disk.image);
      await output(mount, '-o', 'loop,noatime', disk.image, disk.mount);
    }),
  );
}

/** Mount points at or below the directory, innermost first. */
export function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1]?.replace(/\\040/g, ' ') ?? [])
    .filter((mount) => mount === directory || mount.startsWith(`${directory}/`))
    .reverse();
}

/** Unmount all that is mounted below the directory. @returns problems */
export async function unmountBelow(directory: string): Promise<string[]> {
  const umount = findProgram('umount') ?? 'umount';
  const problems: string[] = [];
  if (!existsSync(directory)) return problems;
  for (const mount of mountsBelow(directory)) {
    try {
      await output(umount, mount);
    } catch {
      // Something still has a file open there: it goes when that is closed.
      await output(umount, '--lazy', mount).catch((error: unknown) => {
        problems.push(`mount ${mount}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
  }
  return problems;
}
