// What a role is, seen from the process that runs it. A process may run one role or several.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { Registry } from 'prom-client';

/** What every role is given. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** One registry a process; metric names carry the role, so roles can share it. */
  readonly metrics: Registry;
}

/** A started role. It is ready when its start function has resolved. */
export interface Role {
  readonly name: string;
  /** Undefined while it is fit to work; else the reason why not, for /readyz. */
  unready(): string | undefined;
  /** Stops in order, within `graceMs`. Never throws. */
  stop(graceMs: number): Promise<void>;
  /** Rejects when the role can't go on; the process then ends with the reason. */
  readonly failed: Promise<never>;
}
