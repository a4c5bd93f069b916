// Container ordering: may this one start now, may that one stop now? Pure functions over what is known.
// Source: ECS reference, section 3.8.
import { assertNever } from '@berth/model/assert.ts';
import type { ContainerDefinition, ContainerDependency } from '@berth/model/generated/messages.ts';

import { PHASE_RANK, type ContainerMemory } from './task-memory.ts';

export type Verdict =
  | { readonly kind: 'met' }
  /** `untilRunningMs`: when the dependency has run so long without meeting the condition, it is too late. */
  | { readonly kind: 'waiting'; readonly timeLeftMs: number | undefined }
  /** Can never be met. */
  | { readonly kind: 'never'; readonly reason: string };

export interface OrderingView {
  readonly definitions: ReadonlyMap<string, ContainerDefinition>;
  readonly containers: ReadonlyMap<string, ContainerMemory>;
  /** How long each container has been running or ran, monotonic; absent when it has not started. */
  readonly runningForMs: ReadonlyMap<string, number>;
}

const MET: Verdict = { kind: 'met' };

/** May the container be pulled, created and started as far as its dependencies go? */
export function startVerdict(container: ContainerDefinition, view: OrderingView): Verdict {
  let nearest: number | undefined;
  let waiting = false;
  for (const dependency of container.dependsOn) {
    const verdict = dependencyVerdict(container.name, dependency, view);
    if (verdict.kind === 'never') return verdict;
    if (verdict.kind === 'met') continue;
    waiting = true;
    if (verdict.timeLeftMs !== undefined) {
      nearest = Math.min(nearest ?? verdict.timeLeftMs, verdict.timeLeftMs);
    }
  }
  return waiting ? { kind: 'waiting', timeLeftMs: nearest } : MET;
}

/** A container stops only after all that depend on it have. */
export function mayStop(name: string, view: OrderingView): boolean {
  for (const [other, definition] of view.definitions) {
    const depends = definition.dependsOn.some(({ containerName }) => containerName === name);
    if (depends && view.containers.get(other)?.phase !== 'STOPPED') return false;
  }
  return true;
}

function dependencyVerdict(
  target: string,
  { containerName, condition }: ContainerDependency,
  view: OrderingView,
): Verdict {
  const dependency = view.containers.get(containerName);
  if (!dependency) return never(containerName, target, 'there is no such container');
  const started = dependency.startedAt !== undefined;
  const stopped = dependency.phase === 'STOPPED';
  if (stopped && !started) return never(containerName, target, 'it could not be started');
  switch (condition) {
    case 'START':
      if (PHASE_RANK[dependency.phase] >= PHASE_RANK.RUNNING) return MET;
      return { kind: 'waiting', timeLeftMs: undefined };
    case 'COMPLETE':
      return stopped ? MET : patience(containerName, target, view);
    case 'SUCCESS':
      if (!stopped) return patience(containerName, target, view);
      if (dependency.exitCode === 0) return MET;
      return never(containerName, target, 'it did not exit successfully');
    case 'HEALTHY':
      if (stopped) return never(containerName, target, 'it has exited');
      if (dependency.phase === 'RUNNING' && dependency.health === 'HEALTHY') return MET;
      return patience(containerName, target, view);
    default:
      return assertNever(condition);
  }
}

/** The start timeout is the dependency's own and counts from its start. */
function patience(containerName: string, target: string, view: OrderingView): Verdict {
  const seconds = view.definitions.get(containerName)?.startTimeout;
  const running = view.runningForMs.get(containerName);
  if (seconds === undefined || running === undefined) {
    return { kind: 'waiting', timeLeftMs: undefined };
  }
  const left = seconds * 1000 - running;
  if (left > 0) return { kind: 'waiting', timeLeftMs: left };
  return never(containerName, target, `it has timed out after ${String(seconds)} s`);
}

function never(dependency: string, target: string, why: string): Verdict {
  return {
    kind: 'never',
    reason: `Container ordering dependency [${dependency}] of container [${target}] can't be met: ${why}`,
  };
}
