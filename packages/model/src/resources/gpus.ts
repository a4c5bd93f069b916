// GPUs, and other devices that are given to one task at a time: how many containers ask for, and which of their task's
// each one gets. Pure. Source: ECS reference, sections 3.2 (resourceRequirements) and 3.12.
import type {
  ContainerDefinition,
  ContainerOverride,
  TaskDefinitionRecord,
  TaskRecord,
} from '../generated/messages.ts';

/** A bound, far above any machine. */
const MOST_GPUS = 64;
const GPU_ID = /^[A-Za-z0-9_.:/-]{1,128}$/;

/**
 * Check what a host registers.
 * @param wrong what was found and what was expected; its result is thrown
 */
export function checkGpuIds(
  ids: readonly string[],
  wrong: (found: string, expected: string) => Error,
): void {
  if (ids.length > MOST_GPUS) throw wrong(`${ids.length} of them`, `at most ${MOST_GPUS}`);
  const seen = new Set<string>();
  for (const id of ids) {
    if (!GPU_ID.test(id) || seen.has(id)) {
      throw wrong(id, 'ids of 1 to 128 letters, digits and . _ : / -, each once');
    }
    seen.add(id);
  }
}

type Asking = Pick<ContainerDefinition, 'resourceRequirements'>;

/** How many a container asks for; what its override asks for counts instead. */
export function gpusOf(container: Asking, override: ContainerOverride | undefined): number {
  const { resourceRequirements: own } = container;
  const { resourceRequirements: other = [] } = override ?? {};
  const asked = (other.length > 0 ? other : own).filter(({ type }) => type === 'GPU');
  return asked.reduce((sum, { value }) => sum + Number(value), 0);
}

/**
 * The ids that a container gets: the task's are dealt out in the order of the definition. So whoever knows the task and
 * its definition, before or after any restart, says the same.
 */
export function gpuIdsOf(
  task: TaskRecord,
  definition: Pick<TaskDefinitionRecord, 'containerDefinitions'> | undefined,
  container: string,
): readonly string[] {
  const ids = task.reserved?.gpuIds ?? [];
  if (ids.length === 0) return ids;
  let from = 0;
  for (const defined of definition?.containerDefinitions ?? []) {
    const { name } = defined;
    const override = task.overrides?.containerOverrides.find((each) => each.name === name);
    const count = gpusOf(defined, override);
    if (name === container) return ids.slice(from, from + count);
    from += count;
  }
  return [];
}
