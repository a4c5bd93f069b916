// What a failed operation means for its container. Pure: a table, so that every failure has one answer.
// Nothing is declared dead because the engine is silent. Source: ECS reference, sections 4.3 and 4.4.
import type { RuntimeError } from './runtime/runtime.ts';

export type DriverStep = 'pull' | 'volume' | 'create' | 'start' | 'stop' | 'look';

export interface Failure {
  readonly step: DriverStep;
  readonly error: RuntimeError;
  /** How often this step has failed in a row on this container, this time included. */
  readonly failures: number;
  /** The container has a host port that the agent chose and may choose again. */
  readonly dynamicPorts: boolean;
  /** What is being worked on: the image for a pull, else the container's name. */
  readonly subject: string;
}

export type Decision =
  /** Look what became of it, if it may have happened, then do it again. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly uncertain: boolean }
  /** The name belongs to something that is not ours: look again, then create under another. */
  | { readonly kind: 'another-name' }
  /** Remove what was created and create it anew, on other ports. */
  | { readonly kind: 'another-port' }
  /** The image is gone since it was found: begin again with the pull. */
  | { readonly kind: 'pull-again' }
  /** It will not come to be; `uncertain` means that it may nevertheless have. */
  | { readonly kind: 'failed'; readonly reason: string; readonly uncertain: boolean };

export const MAX_PULL_TRIES = 3;
export const MAX_STOP_TRIES = 5;
export const MAX_PORT_TRIES = 5;
const MAX_TRIES = 3;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

const ERROR_NAME = {
  pull: 'CannotPullContainerError',
  volume: 'CannotCreateVolumeError',
  create: 'CannotCreateContainerError',
  start: 'CannotStartContainerError',
  stop: 'CannotStopContainerError',
  look: 'CannotInspectContainerError',
} as const satisfies Record<DriverStep, string>;

const REACHED = {
  pull: 'pulled',
  volume: 'created',
  create: 'created',
  start: 'running',
  stop: 'stopped',
  look: 'inspected',
} as const satisfies Record<DriverStep, string>;

export function decide(failure: Failure): Decision {
  const { step, error, failures } = failure;
  if (step === 'look' || error.kind === 'engine' || error.kind === 'cancelled') {
    return retry(failures, mayHaveHappened(step));
  }
  if (error.kind === 'timeout') return onTimeout(failure);
  switch (step) {
    case 'pull':
      return repeatable(error) && failures < MAX_PULL_TRIES
        ? retry(failures, false)
        : fail(failure);
    case 'volume':
      return error.kind === 'busy' ? retry(failures, false) : fail(failure);
    case 'create':
      if (error.kind === 'gone' && failures < MAX_TRIES) return { kind: 'pull-again' };
      if (error.kind === 'conflict' && failures <= MAX_TRIES) {
        return failures < MAX_TRIES ? retry(failures, true) : { kind: 'another-name' };
      }
      return error.kind === 'busy' ? retry(failures, true) : fail(failure);
    case 'start':
      if (error.kind === 'port-taken' && failure.dynamicPorts && failures < MAX_PORT_TRIES) {
        return { kind: 'another-port' };
      }
      return error.kind === 'busy' ? retry(failures, true) : fail(failure);
    case 'stop':
      return failures < MAX_STOP_TRIES ? retry(failures, false) : fail(failure);
  }
}

/** How long to wait before trying the n-th time again, n from 1. Exponential, bounded. */
export function retryDelayMs(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
}

function onTimeout(failure: Failure): Decision {
  const { step, failures, error } = failure;
  if (step === 'stop' && failures < MAX_STOP_TRIES) return retry(failures, false);
  if (step === 'pull' && failures < MAX_PULL_TRIES) return retry(failures, false);
  const timedOut = `DockerTimeoutError: Could not transition to ${REACHED[step]}; ${error.message}`;
  const reason = step === 'pull' ? named(failure) : timedOut;
  return { kind: 'failed', reason, uncertain: mayHaveHappened(step) };
}

function fail(failure: Failure): Decision {
  return { kind: 'failed', reason: named(failure), uncertain: false };
}

/** ECS's error names; a pull also names its image, a port its number, in the engine's own words. */
function named({ step, error, subject }: Failure): string {
  const about = step === 'pull' ? `Failed to pull image ${subject}: ` : '';
  return `${ERROR_NAME[step]}: ${about}${error.message}`;
}

function repeatable(error: RuntimeError): boolean {
  return error.kind === 'server' || error.kind === 'busy';
}

function mayHaveHappened(step: DriverStep): boolean {
  return step === 'create' || step === 'start' || step === 'look';
}

function retry(failures: number, uncertain: boolean): Decision {
  return { kind: 'retry', afterMs: retryDelayMs(failures), uncertain };
}
