// For which launch types a task definition is fit. Pure. Source: ECS reference, sections 3.1 and 3.7.
import type { TaskDefinitionRecord } from '../generated/messages.ts';

export type LaunchType = 'EC2' | 'FARGATE' | 'EXTERNAL';

type Definition = Pick<TaskDefinitionRecord, 'cpu' | 'memory' | 'networkMode'>;

const GB = 1024;

/** MiB of memory that FARGATE allows with so many CPU units: from, to, in steps of. */
const FARGATE_MEMORY: Readonly<Record<string, readonly [from: number, to: number, step: number]>> =
  {
    1024: [2 * GB, 8 * GB, GB],
    2048: [4 * GB, 16 * GB, GB],
    4096: [8 * GB, 30 * GB, GB],
    8192: [16 * GB, 60 * GB, 4 * GB],
    16384: [32 * GB, 120 * GB, 8 * GB],
  };
const SMALL_FARGATE_MEMORY: Readonly<Record<string, readonly number[]>> = {
  256: [512, GB, 2 * GB],
  512: [GB, 2 * GB, 3 * GB, 4 * GB],
};

/** @param cpu units, and MiB, as decimal strings */
export function isFargateSize(cpu: string | undefined, memory: string | undefined): boolean {
  if (cpu === undefined || memory === undefined) return false;
  const size = Number(memory);
  const few = SMALL_FARGATE_MEMORY[cpu];
  if (few) return few.includes(size);
  const range = FARGATE_MEMORY[cpu];
  if (!range) return false;
  const [from, to, step] = range;
  return size >= from && size <= to && (size - from) % step === 0;
}

/** What `compatibilities` says. */
export function compatibilitiesOf(definition: Definition): readonly LaunchType[] {
  if (definition.networkMode !== 'awsvpc') return ['EXTERNAL', 'EC2'];
  return isFargateSize(definition.cpu, definition.memory) ? ['EC2', 'FARGATE'] : ['EC2'];
}
