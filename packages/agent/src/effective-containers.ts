// What a task's containers are once its overrides are applied. Pure.
// Source: ECS reference, section 3.12: environment merges by name, command replaces, others replace.
import type {
  ContainerDefinition,
  ContainerOverride,
  KeyValuePair,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';

/** Seconds between the stop signal and SIGKILL where the definition does not say. Source: ECS_CONTAINER_STOP_TIMEOUT. */
export const DEFAULT_STOP_TIMEOUT_SECONDS = 30;

/** The definitions in their order, with the task's overrides applied. */
export function effectiveContainers(
  definition: TaskDefinitionRecord,
  task: TaskRecord,
): readonly ContainerDefinition[] {
  const overrides = new Map(
    (task.overrides?.containerOverrides ?? []).map((override) => [override.name, override]),
  );
  return definition.containerDefinitions.map((container) => {
    const override = overrides.get(container.name);
    return override ? overridden(container, override) : container;
  });
}

/** The task's size; absent where neither the definition nor the run set it. CPU units and MiB. */
export function taskLimits(
  definition: TaskDefinitionRecord,
  task: TaskRecord,
): { readonly cpu: number | undefined; readonly memory: number | undefined } {
  const cpu = task.overrides?.cpu ?? definition.cpu;
  const memory = task.overrides?.memory ?? definition.memory;
  return {
    cpu: cpu === undefined ? undefined : Number(cpu),
    memory: memory === undefined ? undefined : Number(memory),
  };
}

export function isEssential(container: ContainerDefinition): boolean {
  return container.essential ?? true;
}

export function stopTimeoutSeconds(container: ContainerDefinition): number {
  return container.stopTimeout ?? DEFAULT_STOP_TIMEOUT_SECONDS;
}

function overridden(
  container: ContainerDefinition,
  override: ContainerOverride,
): ContainerDefinition {
  return {
    ...container,
    command: override.command.length > 0 ? override.command : container.command,
    environment: mergeByName(container.environment, override.environment),
    cpu: override.cpu ?? container.cpu,
    memory: override.memory ?? container.memory,
    memoryReservation: override.memoryReservation ?? container.memoryReservation,
  };
}

/** @returns the pairs of both, the later ones winning, in order of first appearance */
export function mergeByName(
  ...lists: readonly (readonly KeyValuePair[])[]
): readonly KeyValuePair[] {
  const merged = new Map<string, KeyValuePair>();
  for (const pair of lists.flat()) merged.set(pair.name, pair);
  return [...merged.values()];
}
