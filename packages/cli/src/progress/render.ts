// A deployment's progress as text: a block that is redrawn in place, or a line for each thing that happens. Pure.
import { paint } from '../output/style.ts';
import { cut } from '../output/table.ts';
import { count, duration, grouped, lastOf } from '../output/text.ts';
import { type ProgressState, type Step, type StepChange, type TaskTrack, inStep } from './model.ts';

const SHOWN = 8;
const NAME_WIDTH = 9;

export interface Scene {
  readonly width: number;
  readonly color: boolean;
  /** What is done, for people: "hello:1 -> hello:2". */
  readonly title: string;
}

/** Time since the deployment was first followed. @param now on the clock of the messages */
function elapsed(state: ProgressState, now: number): string {
  const ms = Math.max(0, now - state.beganAt);
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/** The block for a terminal. No line is wider than the scene. */
export function block(state: ProgressState, now: number, scene: Scene): string[] {
  const { service } = state;
  const { minimumHealthyPercent: min, maximumPercent: max } = service.deploymentConfiguration ?? {};
  const event = service.events[0];
  const lines: readonly (readonly [string, string])[] = [
    ['pull', phase(state, 'pull', now)],
    ['start', phase(state, 'start', now)],
    ['health', phase(state, 'health', now)],
    ['serving', serving(state)],
    ['drain', phase(state, 'drain', now)],
    ['stop', phase(state, 'stop', now)],
    ...stageRow(state, now),
    ['requests', requests(state)],
    ['failed', state.troubles.size > 0 ? failures(state) : '-'],
    ['event', event && event.createdAt >= state.beganAt ? event.message : '-'],
  ];
  const limits = min === undefined ? '' : `   min ${min}% max ${max ?? '?'}%`;
  const head = `service ${service.serviceName}: ${scene.title}${limits}   ${elapsed(state, now)}`;
  return [
    paint(scene.color, 'strong', cut(head, scene.width)),
    ...lines.map(([name, text]) => {
      const label = paint(scene.color, 'dim', name.padEnd(NAME_WIDTH));
      const shown = cut(text, scene.width - NAME_WIDTH - 2);
      const bad =
        (name === 'failed' && text !== '-') || (name === 'requests' && state.failedRequests > 0);
      return `  ${label}${bad ? paint(scene.color, 'bad', shown) : shown}`;
    }),
  ];
}

/** Of a deployment that shifts traffic: at which stage it is, with how much of it, and what it waits for. */
function stageRow(state: ProgressState, now: number): [string, string][] {
  const stage = stageText(state, now);
  return stage === undefined ? [] : [['stage', stage]];
}

function stageText(state: ProgressState, now: number): string | undefined {
  const { progress } = state.service.deployments[0] ?? {};
  if (!progress || progress.phase === 'ROLLING') return undefined;
  const { phase: stage, productionWeight, waitsFor, secondsLeft } = progress;
  const left = secondsLeft === undefined ? undefined : secondsLeft * 1000 - (now - state.at);
  const weight = productionWeight === undefined ? '' : ` ${productionWeight} %`;
  const about = left === undefined ? '' : `; about ${duration(Math.max(0, left))} left`;
  return `${stage}${weight}; waits for ${waitsFor}${about}`;
}

/** Who is in this phase and for how long, then who has passed it and how long it took. */
function phase(state: ProgressState, step: Step, now: number): string {
  const inside = inStep(state, step).map(
    (task) =>
      `${task.id.slice(0, SHOWN)} ${duration(Math.max(0, now - task.since))}${task.detail && step === 'health' ? ` (${task.detail})` : ''}`,
  );
  const passed = [...state.tasks.values()].filter(
    (task) => task.step !== step && task.spent[step] !== undefined && task.trouble === undefined,
  );
  const done = passed.map((task) => task.spent[step] ?? 0);
  const summary = done.length > 0 ? [`${done.length} ok in ${duration(Math.max(...done))}`] : [];
  return [...summary, ...inside].join('   ') || '-';
}

/** "2/4 new   3 old", or "3/4" where all belong to one deployment. */
function serving(state: ProgressState): string {
  const fresh = `${inStep(state, 'serving', true).length}/${state.service.desiredCount}`;
  const old = inStep(state, 'serving', false).length;
  const both = [...state.tasks.values()].some((task) => !task.fresh);
  return both ? `${fresh} new   ${old} old` : fresh;
}

export function requests(state: ProgressState): string {
  return state.traffic
    ? `${grouped(state.requests - state.failedRequests)} served   ${grouped(state.failedRequests)} failed`
    : 'not routed';
}

function failures(state: ProgressState): string {
  const last = [...state.troubles.values()].at(-1);
  return `${count(state.troubles.size, 'task')}; ${last?.taskId.slice(0, SHOWN) ?? ''}: ${last?.reason ?? ''}`;
}

const WORDS: Readonly<Record<Step, string>> = {
  pull: 'pulls its image',
  start: 'starts',
  health: 'runs, is checked',
  serving: 'serves',
  drain: 'drains',
  stop: 'stops',
  stopped: 'has stopped',
};

/** "  3.2 s  new 3f2a91bc  serves (health 1.2 s)" */
export function changeLine({ task, before }: StepChange, state: ProgressState): string {
  const took = before ? task.spent[before.step] : undefined;
  const why = task.step === 'stopped' || task.step === 'stop' ? task.trouble?.reason : undefined;
  const notes = [
    before && took !== undefined && before.step !== 'serving'
      ? `${before.step} ${duration(took)}`
      : '',
    why ?? '',
  ].filter(Boolean);
  return (
    `${elapsed(state, state.at).padStart(8)}  ${ageLabel(task, state)}${task.id.slice(0, SHOWN)}  ` +
    WORDS[task.step] +
    (notes.length > 0 ? ` (${notes.join('; ')})` : '')
  );
}

/** "new " or "old " where there are both. */
function ageLabel(task: TaskTrack, state: ProgressState): string {
  if ([...state.tasks.values()].every(({ fresh }) => fresh)) return '';
  return task.fresh ? 'new ' : 'old ';
}

/** A sign of life where nothing has happened for a while. */
export function heartbeatLine(state: ProgressState, now: number): string {
  const waiting = (['pull', 'start', 'health', 'drain', 'stop'] as const)
    .map((step) => [step, inStep(state, step)] as const)
    .filter(([, tasks]) => tasks.length > 0)
    .map(([step, tasks]) => `${step} ${tasks.map((task) => named(task)).join(' ')}`);
  const stage = stageText(state, now);
  return (
    `${elapsed(state, now).padStart(8)}  ${stage === undefined ? '' : `${stage}; `}serving ${serving(state).replaceAll('   ', ', ')}; requests ${requests(state).replaceAll('   ', ', ')}` +
    (waiting.length > 0 ? `; waiting: ${waiting.join(', ')}` : '')
  );
}

function named({ id, step, detail }: TaskTrack): string {
  return detail && step === 'health' ? `${id.slice(0, SHOWN)} (${detail})` : id.slice(0, SHOWN);
}

/** ", 0 of 1,234 requests failed"; nothing where none are routed. */
export function requestTotal(state: ProgressState): string {
  if (!state.traffic) return '';
  if (state.requests === 0) return ', no requests meanwhile';
  return `, ${grouped(state.failedRequests)} of ${count(state.requests, 'request')} failed`;
}

/** What serves while the deployment does not: "4 tasks of hello:1 go on serving". */
export function whatServes(state: ProgressState): string {
  const { service, deploymentId } = state;
  const others = service.deployments.filter(({ id }) => id !== deploymentId);
  const texts = others
    .filter(({ runningCount }) => runningCount > 0)
    .map(
      ({ runningCount, taskDefinition }) =>
        `${count(runningCount, 'task')} of ${lastOf(taskDefinition)} ${runningCount === 1 ? 'goes' : 'go'} on serving`,
    );
  return texts.join(', ');
}
