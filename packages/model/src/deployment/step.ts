// What one look at a service's tasks decides: which to start, which to stop.
import type { Sickness } from './health.ts';
import type { TaskView } from './view.ts';

export interface Start {
  readonly deploymentId: string;
  /** family:revision */
  readonly taskDefinition: string;
  readonly count: number;
  /** How many of them are there because others are sick. */
  readonly replacing: number;
  /** DAEMON services: one on each of these hosts. */
  readonly hostIds?: readonly string[] | undefined;
  /** They take the places of healthy tasks elsewhere: it does no harm if they find no host. */
  readonly rebalancing?: boolean | undefined;
  /** Only in this zone. */
  readonly zone?: string | undefined;
}

export interface Stop {
  readonly of: TaskView;
  /** It had reached RUNNING. */
  readonly running: boolean;
  /** Why it is stopped, where that is its own health. */
  readonly sickness?: Sickness | undefined;
  /** It stops because its zone has too many. */
  readonly rebalancedFrom?: string | undefined;
}

export interface Step {
  readonly starts: readonly Start[];
  readonly stops: readonly Stop[];
  /** By deployment id: how many tasks an ACTIVE deployment keeps from now on. */
  readonly kept: ReadonlyMap<string, number>;
  /** Work remains, and the limits forbid every move. */
  readonly stuck: boolean;
}
