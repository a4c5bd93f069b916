// How long a deployment may still take: a guess, from how long it took so far and from the times that it will wait on purpose. Pure.
import type { DeploymentRecord, TrafficShift } from '../generated/messages.ts';
import { isOver } from './shifting/hooks.ts';
import { bakeMs, isBefore, stepBakeMs, stepsOf } from './shifting/steps.ts';

/** Of the deployment and of those that it replaces. */
export interface Headcount {
  readonly desired: number;
  /** How many of its own tasks run. */
  readonly running: number;
  /** How many tasks of others have not stopped. */
  readonly others: number;
  /** When the last of the others has drained at the latest; absent where none drains. */
  readonly drainedAt?: number | undefined;
}

/** @returns seconds; undefined where nothing is known yet, or where it waits for somebody's answer */
export function secondsLeft(
  { shift, createdAt, alarms }: Pick<DeploymentRecord, 'shift' | 'createdAt' | 'alarms'>,
  counts: Headcount,
  now: number,
): number | undefined {
  const bakes = alarms?.bakeUntil === undefined ? 0 : Math.max(0, alarms.bakeUntil - now);
  const ms = shift
    ? shiftLeft(shift, counts, now)
    : rollingLeft(counts, now - createdAt, now, bakes);
  return ms === undefined ? undefined : Math.ceil(ms / 1000);
}

function rollingLeft(
  counts: Headcount,
  took: number,
  now: number,
  bakes: number,
): number | undefined {
  if (counts.running < counts.desired) return startLeft(counts, took);
  const ends = endLeft(counts, now);
  return ends === undefined ? undefined : Math.max(ends, bakes);
}

function shiftLeft(shift: TrafficShift, counts: Headcount, now: number): number | undefined {
  const { stage, step, configuration, stageSince, bakeSince } = shift;
  if (stage === 'CLEAN_UP') return endLeft(counts, now);
  if (shift.back || shift.hooks.some((hook) => !isOver(hook))) return undefined;
  const starts = isBefore('SCALE_UP', stage) ? 0 : startLeft(counts, now - stageSince);
  if (starts === undefined) return undefined;
  // Every step but the last is watched.
  const shifted = isBefore('PRODUCTION_TRAFFIC_SHIFT', stage);
  const steps = shifted ? 0 : stepsOf(configuration).length - 1 - step;
  const watched = bakeSince === undefined ? 0 : now - bakeSince;
  const baked = stage === 'BAKE_TIME' ? now - stageSince : 0;
  return (
    starts +
    Math.max(0, steps * stepBakeMs(configuration) - watched) +
    Math.max(0, bakeMs(configuration) - baked)
  );
}

/** As long for each task as for those that run already. */
function startLeft({ desired, running }: Headcount, took: number): number | undefined {
  if (running >= desired) return 0;
  return running === 0 ? undefined : (took / running) * (desired - running);
}

/** Until the others have drained; how long they take to stop then is theirs to know. */
function endLeft({ others, drainedAt }: Headcount, now: number): number | undefined {
  if (others === 0) return 0;
  return drainedAt === undefined ? undefined : Math.max(0, drainedAt - now);
}
