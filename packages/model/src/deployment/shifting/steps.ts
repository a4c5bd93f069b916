// What the strategies differ in: in which steps production traffic moves, and how long each is watched. Pure.
// Source: ECS reference, section 6.8.
import type { DeploymentConfiguration, TrafficShift } from '../../generated/messages.ts';
import { ALL_TRAFFIC } from '../../routing/traffic-weights.ts';

export type Stage = TrafficShift['stage'];

/** In their order. LINEAR and CANARY come back from PRODUCTION_TRAFFIC_SHIFT to the stage before it. */
export const STAGES = [
  'RECONCILE_SERVICE',
  'PRE_SCALE_UP',
  'SCALE_UP',
  'POST_SCALE_UP',
  'TEST_TRAFFIC_SHIFT',
  'POST_TEST_TRAFFIC_SHIFT',
  'PRE_PRODUCTION_TRAFFIC_SHIFT',
  'PRODUCTION_TRAFFIC_SHIFT',
  'POST_PRODUCTION_TRAFFIC_SHIFT',
  'BAKE_TIME',
  'CLEAN_UP',
] as const satisfies readonly Stage[];

export function isBefore(stage: Stage, other: Stage): boolean {
  return STAGES.indexOf(stage) < STAGES.indexOf(other);
}

/** The stage behind this one, where traffic does not move in further steps. */
export function stageAfter(stage: Stage): Stage {
  return STAGES[STAGES.indexOf(stage) + 1] ?? 'CLEAN_UP';
}

/** Tenths of a percent of all production traffic after each step; the last is all of it. */
export function stepsOf(configuration: DeploymentConfiguration | undefined): readonly number[] {
  if (configuration?.strategy === 'CANARY') {
    const canary = tenths(configuration.canaryConfiguration?.canaryPercent ?? 5);
    return canary >= ALL_TRAFFIC ? [ALL_TRAFFIC] : [canary, ALL_TRAFFIC];
  }
  if (configuration?.strategy !== 'LINEAR') return [ALL_TRAFFIC];
  const step = tenths(configuration.linearConfiguration?.stepPercent ?? 10);
  const steps: number[] = [];
  for (let sum = step; sum < ALL_TRAFFIC; sum += step) steps.push(sum);
  return [...steps, ALL_TRAFFIC];
}

function tenths(percent: number): number {
  return Math.round(percent * 10);
}

/** How long each step but the last is watched, in milliseconds. */
export function stepBakeMs(configuration: DeploymentConfiguration | undefined): number {
  const { linearConfiguration: linear, canaryConfiguration: canary } = configuration ?? {};
  switch (configuration?.strategy) {
    case 'LINEAR':
      return inMs(linear?.stepBakeTimeInSeconds, linear?.stepBakeTimeInMinutes, 6);
    case 'CANARY':
      return inMs(canary?.canaryBakeTimeInSeconds, canary?.canaryBakeTimeInMinutes, 10);
    default:
      return 0;
  }
}

/** How long both revisions run after all of the traffic has moved, in milliseconds. */
export function bakeMs(configuration: DeploymentConfiguration | undefined): number {
  return inMs(configuration?.bakeTimeInSeconds, configuration?.bakeTimeInMinutes, 0);
}

function inMs(seconds: number | undefined, minutes: number | undefined, otherwise: number): number {
  return seconds === undefined ? (minutes ?? otherwise) * 60_000 : seconds * 1000;
}
