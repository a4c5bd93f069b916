// The Docker Engine of a one-machine cluster: the one that answers, else one of our own.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';

import { CommandError, exitCodes } from '../failure.ts';
import type { Environment } from '../flags.ts';
import { engineVersion } from './engine-client.ts';
import { startOwnEngine } from './own-engine.ts';

export interface Engine {
  readonly dockerHost: string;
  readonly version: string;
  readonly own: boolean;
  /** Rejects when an engine of our own can't be kept running. */
  readonly failed: Promise<never>;
  /** Ends an engine of our own. @returns what could not be put back on the machine */
  stop(): Promise<readonly string[]>;
}

const DEFAULT_HOST = 'unix:///var/run/docker.sock';

/** @throws CommandError when the named one does not answer, or none does and ours can't be started */
export async function findEngine(
  directory: string,
  environment: Environment,
  clock: Clock,
  logger: Logger,
): Promise<Engine> {
  const named = environment['DOCKER_HOST'];
  const dockerHost = named ?? DEFAULT_HOST;
  let reason = '';
  const version = await engineVersion(dockerHost, (why) => (reason = why));
  if (version) {
    return {
      dockerHost,
      version: version.Version,
      own: false,
      failed: new Promise<never>(() => undefined),
      stop: () => Promise.resolve([]),
    };
  }
  if (named) {
    throw new CommandError(
      exitCodes.unavailable,
      `the Docker Engine that DOCKER_HOST names, ${named}, does not answer: ${reason}`,
      { next: 'start it, or unset DOCKER_HOST to let berth dev find or start one' },
    );
  }
  const own = await startOwnEngine(directory, clock, logger);
  const started = await engineVersion(own.dockerHost);
  return { ...own, version: started?.Version ?? 'unknown', own: true };
}
