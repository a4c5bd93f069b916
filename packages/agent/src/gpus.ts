// Which GPUs, or other devices that one task at a time may have, a host offers, and where they are. Placement gives
// them to tasks by their ids. Source: ECS reference, section 7.1 (platformDevices).
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Logger } from '@berth/control/logger.ts';
import { messageChain } from '@berth/model/errors.ts';

/** Device nodes by the id of a GPU; none: the runtime of NVIDIA finds it by its id. */
export type Gpus = ReadonlyMap<string, readonly string[]>;

export interface GpuSettings {
  /** Offer the GPUs that the driver of NVIDIA knows. */
  readonly nvidia: boolean;
  /** Device nodes by id. */
  readonly named: Gpus;
}

/** One directory a GPU, made by NVIDIA's driver. */
const NVIDIA_GPUS = '/proc/driver/nvidia/gpus';

/** The host's GPUs. Those of which a device is missing are left out, with a warning: no task could use them. */
export async function findGpus(
  { nvidia, named }: GpuSettings,
  logger: Logger,
  nvidiaDirectory = NVIDIA_GPUS,
): Promise<Gpus> {
  const found = new Map<string, readonly string[]>();
  if (nvidia) for (const id of await nvidiaIds(nvidiaDirectory)) found.set(id, []);
  for (const [id, paths] of named) {
    const missing = await firstThatIsNoDevice(paths);
    if (missing === undefined) found.set(id, paths);
    else logger.warn({ gpu: id, err: missing }, 'a GPU is not offered: it lacks a device');
  }
  return found;
}

async function nvidiaIds(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory).catch(() => []); // there is no such driver
  const texts = await Promise.all(
    entries.sort().map((entry) => readFile(join(directory, entry, 'information'), 'utf8')),
  );
  return texts.flatMap((text) => /^GPU UUID:\s*(GPU-\S+)/m.exec(text)?.[1] ?? []);
}

async function firstThatIsNoDevice(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      const found = await stat(path);
      if (!found.isCharacterDevice() && !found.isBlockDevice()) return `${path} is no device`;
    } catch (error) {
      return messageChain(error);
    }
  }
  return undefined;
}
