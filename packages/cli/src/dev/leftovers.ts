// What a `berth dev` that was killed left behind, and what --fresh forgets.
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { LABEL } from '@berth/agent/labels.ts';
import type { Clock } from '@berth/control/clock.ts';

import { removeClusterFile } from '../cluster-file.ts';
import type { Environment } from '../flags.ts';
import { count } from '../output/text.ts';
import { engineVersion, removeContainers } from './engine-client.ts';
import { removeOwnEngine } from './own-engine.ts';

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
/** The lock is ours meanwhile; logs tell what happened before. */
const KEPT = new Set(['lock', 'logs']);

/** End an engine of ours that runs on without us, and put the machine's network back. @returns what could not be */
export async function cleanUp(directory: string, clock: Clock): Promise<readonly string[]> {
  removeClusterFile(directory);
  return await removeOwnEngine(directory, clock);
}

/** Remove the containers of this cluster from the engine that answers, then all of the stored state. @returns words for people */
export async function forgetState(directory: string, environment: Environment): Promise<string> {
  const removed = await removeTaskContainers(directory, environment);
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    if (!KEPT.has(name)) rmSync(join(directory, name), { recursive: true, force: true });
  }
  return `forgot the state in ${directory}${removed > 0 ? ` and removed ${count(removed, 'container')}` : ''}`;
}

async function removeTaskContainers(directory: string, environment: Environment): Promise<number> {
  const file = join(directory, 'agent/host-id');
  const dockerHost = environment['DOCKER_HOST'] ?? DEFAULT_HOST;
  if (!existsSync(file) || (await engineVersion(dockerHost)) === undefined) return 0;
  return await removeContainers(dockerHost, { [LABEL.host]: readFileSync(file, 'utf8').trim() });
}
