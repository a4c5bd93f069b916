// From stage to stage: how far a shift has come, decided anew from what there is. Every change of it is written down with the
// deployment, so that whoever plans next goes on from there. Pure. Source: ECS reference, section 6.8.
import type { DeploymentRecord, ServiceRecord, TrafficShift } from '../../generated/messages.ts';
import { ALL_TRAFFIC } from '../../routing/traffic-weights.ts';
import { type Buckets, earliest, EMPTY_BUCKET } from '../buckets.ts';
import { text } from '../events.ts';
import type { ServiceView } from '../view.ts';
import { abandoned, hookName, hooksAt, isFailed, isOver, isPassed, judgedHooks } from './hooks.ts';
import { goneRoute, type LaidWeights, missingWeights } from './overlay.ts';
import { isAway, mayReturn, PATIENCE_MS } from './returning.ts';
import { bakeMs, isBefore, type Stage, stageAfter, stepBakeMs, stepsOf } from './steps.ts';

const DAY_MS = 86_400_000;
/** That are remembered with a shift: more than one stage can have. */
const MOST_HOOKS = 50;
/** The whole of a deployment, pauses included. */
const LONGEST_MS = 30 * DAY_MS;

export interface ShiftInput {
  readonly view: ServiceView;
  readonly service: ServiceRecord;
  readonly buckets: Buckets;
  readonly desired: number;
  readonly now: number;
}

export interface ShiftProgress {
  readonly deployment: DeploymentRecord;
  readonly messages: readonly string[];
  /** Why it can not go on, for people. */
  readonly failure?: string | undefined;
  /** When time alone may move it. */
  readonly wakeAt?: number | undefined;
}

/** @param deployment IN_PROGRESS, with a shift */
export function advanceShift(deployment: DeploymentRecord, input: ShiftInput): ShiftProgress {
  const messages: string[] = [];
  let current = deployment;
  for (;;) {
    const judged = withJudgedHooks(current, input);
    const { shift } = judged;
    if (!shift) return { deployment: judged, messages };
    const failure = shift.back ? undefined : failureOf(judged, shift, input);
    if (failure !== undefined) return { deployment: judged, messages, failure };
    const next = shift.back ? takenBack(judged, shift, input) : takenOn(judged, shift, input);
    if (next === shift) {
      const lost = lostOf(shift, input);
      if (lost !== undefined) return { deployment: judged, messages, failure: lost };
      return { deployment: judged, messages, wakeAt: wakeOf(judged, shift, input) };
    }
    messages.push(...tellings(judged.id, shift, next));
    current = { ...judged, shift: next, updatedAt: input.now };
  }
}

function withJudgedHooks(deployment: DeploymentRecord, input: ShiftInput): DeploymentRecord {
  const { shift } = deployment;
  if (!shift || shift.hooks.length === 0) return deployment;
  const mayAsk = isSettled(deployment, input);
  const hooks = judgedHooks(shift.hooks, input.service.hookDecisions, mayAsk, input.now);
  const changed = hooks.some((hook, index) => hook !== shift.hooks[index]);
  return changed ? { ...deployment, shift: { ...shift, hooks } } : deployment;
}

/** The rules have the weights that the deployment wants. */
export function isSettled(
  deployment: DeploymentRecord,
  { view, now }: Pick<ShiftInput, 'view' | 'now'>,
): boolean {
  return missingWeights(view, deployment, now).length === 0;
}

/** @returns the shift itself where it has to wait */
function takenOn(
  deployment: DeploymentRecord,
  shift: TrafficShift,
  input: ShiftInput,
): TrafficShift {
  const { stage, configuration, step } = shift;
  const { now, desired } = input;
  const passed = shift.hooks.every(isPassed);
  const ready = healthyOf(deployment.id, input.buckets) >= desired;
  const settled = isSettled(deployment, input);
  const go = (): TrafficShift => enter(shift, deployment.id, stageAfter(stage), now);
  switch (stage) {
    case 'RECONCILE_SERVICE': {
      if (isAway(shift)) {
        if (!mayReturn(deployment, shift, input)) return shift;
        return { ...shift, productionWeight: 0, testWeight: 0 };
      }
      return passed && settled && !isCrowded(deployment, shift, input) ? go() : shift;
    }
    case 'PRE_SCALE_UP':
    case 'POST_TEST_TRAFFIC_SHIFT':
    case 'POST_PRODUCTION_TRAFFIC_SHIFT':
      return passed ? go() : shift;
    case 'SCALE_UP':
      return ready ? go() : shift;
    case 'TEST_TRAFFIC_SHIFT':
      return passed && settled ? go() : shift;
    // Before traffic moves: tasks may have failed while hooks were asked.
    case 'POST_SCALE_UP':
    case 'PRE_PRODUCTION_TRAFFIC_SHIFT':
      return passed && ready ? go() : shift;
    case 'PRODUCTION_TRAFFIC_SHIFT': {
      if (!passed || !settled) return shift;
      if (step + 1 >= stepsOf(configuration).length) return go();
      if (shift.bakeSince === undefined) return { ...shift, bakeSince: now };
      if (now < shift.bakeSince + stepBakeMs(configuration)) return shift;
      return enter(
        { ...shift, step: step + 1 },
        deployment.id,
        'PRE_PRODUCTION_TRAFFIC_SHIFT',
        now,
      );
    }
    case 'BAKE_TIME':
      return ready && now >= shift.stageSince + bakeMs(configuration) ? go() : shift;
    case 'CLEAN_UP':
      return shift;
  }
}

/** Of a deployment that undoes another: its own tasks first, then the traffic, then the tasks of the other. */
function takenBack(
  deployment: DeploymentRecord,
  shift: TrafficShift,
  input: ShiftInput,
): TrafficShift {
  const { now } = input;
  const asked = shift.hooks.every(isOver) && isSettled(deployment, input);
  switch (shift.stage) {
    case 'SCALE_UP': {
      if (!mayReturn(deployment, shift, input)) return shift;
      return enter(shift, deployment.id, stageOfReturn(shift), now);
    }
    case 'PRODUCTION_TRAFFIC_SHIFT':
      return asked ? enter(shift, deployment.id, stageOfReturn(shift), now) : shift;
    case 'TEST_TRAFFIC_SHIFT':
      return asked ? enter(shift, deployment.id, 'CLEAN_UP', now) : shift;
    default:
      return shift;
  }
}

/** Which traffic is to return next. */
function stageOfReturn({ productionWeight, testWeight }: TrafficShift): Stage {
  if (productionWeight < ALL_TRAFFIC) return 'PRODUCTION_TRAFFIC_SHIFT';
  return testWeight < ALL_TRAFFIC ? 'TEST_TRAFFIC_SHIFT' : 'CLEAN_UP';
}

/** Into a stage, with the weights that it brings. */
export function enter(
  shift: TrafficShift,
  deploymentId: string,
  stage: Stage,
  now: number,
): TrafficShift {
  const { step, back, configuration } = shift;
  const all = ALL_TRAFFIC;
  const production = back ? all : (stepsOf(configuration)[step] ?? all);
  return {
    ...shift,
    stage,
    stageSince: now,
    productionWeight: stage === 'PRODUCTION_TRAFFIC_SHIFT' ? production : shift.productionWeight,
    testWeight: stage === 'TEST_TRAFFIC_SHIFT' ? all : shift.testWeight,
    bakeSince: undefined,
    hooks: [...shift.hooks, ...hooksAt(shift, deploymentId, stage, now)].slice(-MOST_HOOKS),
  };
}

/**
 * The shift of the deployment that takes back what `failed` had got. The source was kept at its full size until it was cleaned up, but
 * its tasks may have failed as well: traffic returns once they are healthy.
 * @param laid what the rules give to `failed`, which may be less than it was to get
 */
export function shiftBack(
  failed: DeploymentRecord,
  deploymentId: string,
  laid: LaidWeights,
  now: number,
): TrafficShift | undefined {
  const { shift } = failed;
  if (!shift) return undefined;
  const base: TrafficShift = {
    ...shift,
    source: failed.id,
    back: true,
    step: 0,
    productionWeight: ALL_TRAFFIC - laid.production,
    testWeight: ALL_TRAFFIC - laid.test,
    hooks: abandoned(shift.hooks),
  };
  const stage = stageOfReturn(base) === 'CLEAN_UP' ? 'CLEAN_UP' : 'SCALE_UP';
  return enter(base, deploymentId, stage, now);
}

export function healthyOf(id: string, { byDeployment }: Buckets): number {
  const { healthy, leaving } = byDeployment.get(id) ?? EMPTY_BUCKET;
  return healthy.length + leaving.filter(({ health }) => health.state === 'healthy').length;
}

/** Something is left of deployments that are neither this one nor its source. */
function isCrowded(
  { id }: DeploymentRecord,
  { source }: TrafficShift,
  { buckets }: ShiftInput,
): boolean {
  const owners = [...buckets.byDeployment.keys(), ...buckets.ending.keys()];
  return owners.some((owner) => owner !== id && owner !== source);
}

function failureOf(
  deployment: DeploymentRecord,
  shift: TrafficShift,
  { view, now }: ShiftInput,
): string | undefined {
  const failed = shift.hooks.find(isFailed);
  if (failed) {
    return `${hookName(failed)} at ${failed.lifecycleStage} ${failed.status}: ${failed.reason ?? 'no reason given'}`;
  }
  const gone = goneRoute(view, deployment);
  if (gone !== undefined) return `${gone} does not exist any more`;
  if (shift.stage === 'CLEAN_UP') return undefined;
  if (now >= deadlineOf(shift)) {
    return `stage ${shift.stage} was not over after ${hours(now - shift.stageSince)} h`;
  }
  return now >= deployment.createdAt + LONGEST_MS ? 'it was not over after 30 days' : undefined;
}

/** Why an undoing ends without having taken the traffic back. */
function lostOf(shift: TrafficShift, { now }: ShiftInput): string | undefined {
  if (!shift.back || !isAway(shift) || now < shift.stageSince + PATIENCE_MS) return undefined;
  return `no task of the revision that it goes back to was healthy for ${hours(now - shift.stageSince)} h`;
}

function hours(ms: number): number {
  return Math.floor(ms / 3_600_000);
}

/** A day, beside what a stage waits on purpose: bake times, people. */
function deadlineOf({ stage, stageSince, configuration, hooks }: TrafficShift): number {
  const bake =
    stage === 'BAKE_TIME'
      ? bakeMs(configuration)
      : stage === 'PRODUCTION_TRAFFIC_SHIFT'
        ? stepBakeMs(configuration)
        : 0;
  const pauses = hooks
    .filter(({ targetType, since }) => targetType === 'PAUSE' && since >= stageSince)
    .map(({ expiresAt }) => expiresAt + 1);
  return Math.max(stageSince + DAY_MS + bake, ...pauses);
}

function wakeOf(
  deployment: DeploymentRecord,
  shift: TrafficShift,
  { now }: ShiftInput,
): number | undefined {
  const { stage, configuration, bakeSince, stageSince } = shift;
  const times = [
    ...shift.hooks.filter((hook) => !isOver(hook)).map(({ expiresAt }) => expiresAt),
    stage === 'BAKE_TIME' ? stageSince + bakeMs(configuration) : undefined,
    bakeSince === undefined ? undefined : bakeSince + stepBakeMs(configuration),
    shift.back && isAway(shift) ? stageSince + PATIENCE_MS : undefined,
    ...(shift.back || stage === 'CLEAN_UP'
      ? []
      : [deadlineOf(shift), deployment.createdAt + LONGEST_MS]),
  ];
  return times
    .filter((time) => time !== undefined && time > now)
    .reduce<number | undefined>(earliest, undefined);
}

/** What people are told of a step of the shift. */
function tellings(id: string, before: TrafficShift, after: TrafficShift): string[] {
  const told: string[] = [];
  if (before.stage !== after.stage) told.push(text.stage(id, after.stage));
  if (before.testWeight !== after.testWeight) {
    told.push(text.shifted(id, 'test', after.testWeight / 10));
  }
  if (before.productionWeight !== after.productionWeight) {
    told.push(text.shifted(id, 'production', after.productionWeight / 10));
  }
  return told;
}

/** Are the deployment's own tasks wanted yet? */
export function isScaledUp({ stage, back }: TrafficShift): boolean {
  return back || !isBefore(stage, 'SCALE_UP');
}
