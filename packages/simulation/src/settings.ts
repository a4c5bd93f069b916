// What the simulated cluster is set to, and which faults strike it.
import type { Logger } from '@berth/control/logger.ts';

export const CLUSTER = 'default';
export const GROUP_DELAY_MS = 20_000;
export const HOST_LOST_AFTER_MS = 20_000;
export const PROXY_LOST_AFTER_MS = 15_000;
export const STEP_MS = 1_000;

/** How likely each fault is in each second, or at each occasion. */
export interface FaultRates {
  readonly crash: number;
  readonly slowPull: number;
  readonly hostLoss: number;
  readonly proxyCut: number;
  /** The controller dies after a commit. */
  readonly controllerCrash: number;
  /** An answer of the scheduler is lost on its way. */
  readonly lostAnswer: number;
}

export const NO_FAULTS: FaultRates = {
  crash: 0,
  slowPull: 0,
  hostLoss: 0,
  proxyCut: 0,
  controllerCrash: 0,
  lostAnswer: 0,
};

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};
