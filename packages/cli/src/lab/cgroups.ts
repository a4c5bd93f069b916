// The control groups of a lab's containers: what runs in them belongs to the lab, whoever its parent is.
import { existsSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The mount points of all hierarchies. */
function hierarchies(): string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([, mount, type]) =>
      mount !== undefined && (type === 'cgroup' || type === 'cgroup2') ? mount : [],
    );
}

function foldersBelow(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? foldersBelow(join(folder, entry.name)) : [],
  );
  return [...below, folder];
}

/** All cgroups at or below the path, in each hierarchy, the innermost first. */
function groupsBelow(path: string): string[] {
  return [...new Set(hierarchies())].flatMap((mount) => {
    const folder = join(mount, path);
    try {
      return existsSync(folder) ? foldersBelow(folder) : [];
    } catch {
      return []; // a container ended meanwhile
    }
  });
}

/** Processes in the cgroups at or below the path. */
export function processesInCgroup(path: string): number[] {
  const pids = groupsBelow(path).flatMap((folder) => {
    try {
      return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  });
  return [...new Set(pids.map(Number))].filter((pid) => pid > 1);
}

/** Let frozen ones go on: a process in a frozen cgroup of the first version does not even die. */
export function thawCgroups(path: string): void {
  for (const folder of groupsBelow(path)) {
    for (const [file, value] of [
      ['freezer.state', 'THAWED'],
      ['cgroup.freeze', '0'],
    ] as const) {
      const setting = join(folder, file);
      try {
        if (existsSync(setting)) writeFileSync(setting, value);
      } catch {
        // Gone meanwhile.
      }
    }
  }
}

/** Remove the cgroups, which must be empty. @returns problems */
export function removeCgroups(path: string): string[] {
  return groupsBelow(path).flatMap((folder) => {
    try {
      rmdirSync(folder);
      return [];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      return [`cgroup ${folder}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}
