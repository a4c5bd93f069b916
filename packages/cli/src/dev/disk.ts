// A full disk shows itself in the strangest places, and etcd suffers first: it is looked for before anything starts.
import { mkdirSync, statfsSync } from 'node:fs';

import { CommandError, exitCodes } from '../failure.ts';

/** For the state, the logs, and the images of an engine of our own. */
const NEEDED_MIB = 256;

/** @throws CommandError when the disk under the directory has too little room */
export function needRoom(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const { bavail, bsize } = statfsSync(directory);
  const free = Math.floor((bavail * bsize) / 1024 ** 2);
  if (free >= NEEDED_MIB) return;
  throw new CommandError(
    exitCodes.failed,
    `the disk that holds ${directory} is full: ${free} MiB are free, at least ${NEEDED_MIB} are needed`,
    { next: 'make room there, or berth dev --data-dir DIRECTORY' },
  );
}
