// The next operation for one task. Pure: the same memory gives the same step, whatever led there. A
// start takes one operation at a time; a stop goes on in all containers that may stop.
// Source: ECS reference, sections 3.8 and 4.3.
import { mayStop, startVerdict } from './dependencies.ts';
import { stopTimeoutSeconds } from './effective-containers.ts';
import { orderingView } from './settle.ts';
import { PHASE_RANK, type ContainerMemory, type TaskMemory } from './task-memory.ts';

export type Step =
  /** Find out what became of an operation whose end nobody saw. */
  | { readonly kind: 'look'; readonly container: string }
  | { readonly kind: 'pull'; readonly container: string }
  | { readonly kind: 'create'; readonly container: string }
  | { readonly kind: 'start'; readonly container: string }
  | { readonly kind: 'stop'; readonly container: string; readonly timeoutSeconds: number }
  /** Nothing to do until something changes or, if given, so many milliseconds have passed. */
  | { readonly kind: 'wait'; readonly ms: number | undefined }
  | { readonly kind: 'finished' };

export interface StepInput {
  /** Containers that an operation is working on. */
  readonly busy: ReadonlySet<string>;
  readonly runningForMs: ReadonlyMap<string, number>;
  /** False until the control plane has confirmed what this host should run. */
  readonly mayStart: boolean;
  /** The agent goes and takes its tasks along: all containers at once, with at most so many seconds each. */
  readonly hurry?: { readonly timeoutSeconds: number } | undefined;
}

/** @param memory as `settle` has left it */
export function nextStep(memory: TaskMemory, input: StepInput): Step {
  if (memory.stage === 'STOPPED') return { kind: 'finished' };
  const unclear = memory.containers.find(
    (container) => container.uncertain && !input.busy.has(container.name),
  );
  if (unclear) return { kind: 'look', container: unclear.name };
  return memory.stop ? stopStep(memory, input) : startStep(memory, input);
}

const WAIT: Step = { kind: 'wait', ms: undefined };

function stopStep(memory: TaskMemory, input: StepInput): Step {
  const view = orderingView(memory, input.runningForMs);
  for (const container of memory.containers) {
    if (container.phase !== 'RUNNING' || input.busy.has(container.name)) continue;
    if (!input.hurry && !mayStop(container.name, view)) continue;
    const definition = view.definitions.get(container.name);
    const own = definition ? stopTimeoutSeconds(definition) : 0;
    const timeoutSeconds = Math.min(own, input.hurry?.timeoutSeconds ?? own);
    return { kind: 'stop', container: container.name, timeoutSeconds };
  }
  return WAIT;
}

function startStep(memory: TaskMemory, input: StepInput): Step {
  const wanted = input.mayStart && memory.task.desiredStatus === 'RUNNING';
  if (!wanted || input.busy.size > 0) return deadline(memory, input);
  const view = orderingView(memory, input.runningForMs);
  const ready = memory.containers.filter((container) => {
    const definition = view.definitions.get(container.name);
    const started = container.phase === 'RUNNING' || container.phase === 'STOPPED';
    return !started && definition && startVerdict(definition, view).kind === 'met';
  });
  const first = ready.reduce<ContainerMemory | undefined>(leastAdvanced, undefined);
  switch (first?.phase) {
    case 'NONE':
      return { kind: 'pull', container: first.name };
    case 'PULLED':
      return { kind: 'create', container: first.name };
    case 'CREATED':
      return { kind: 'start', container: first.name };
    default:
      return deadline(memory, input);
  }
}

function leastAdvanced(
  best: ContainerMemory | undefined,
  candidate: ContainerMemory,
): ContainerMemory {
  return best && PHASE_RANK[best.phase] <= PHASE_RANK[candidate.phase] ? best : candidate;
}

/** Wait, but only as long as every dependency's start timeout allows. */
function deadline(memory: TaskMemory, input: StepInput): Step {
  const view = orderingView(memory, input.runningForMs);
  let nearest: number | undefined;
  for (const container of memory.containers) {
    const definition = view.definitions.get(container.name);
    if (!definition || container.phase === 'RUNNING' || container.phase === 'STOPPED') continue;
    const verdict = startVerdict(definition, view);
    if (verdict.kind !== 'waiting' || verdict.timeLeftMs === undefined) continue;
    nearest = Math.min(nearest ?? verdict.timeLeftMs, verdict.timeLeftMs);
  }
  return { kind: 'wait', ms: nearest };
}
