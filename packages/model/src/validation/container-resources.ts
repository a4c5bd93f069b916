// CPU, memory and GPUs of a task and of its containers, by themselves and together. How much a host has is no
// matter of validation but of placement. Pure. Source: ECS reference, sections 3.1, 3.2 and 3.7.
import type { ContainerDefinition, ResourceRequirement } from '../generated/messages.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import type { Checker } from './check.ts';
import { shown } from './check.ts';

/** 0.125 to 192 vCPU. */
export const TASK_CPU_UNITS = { least: 128, most: 196_608 };
/** What Docker can give a container at least. */
export const LEAST_MEMORY_MIB = 6;
const MOST = 2_147_483_647;
const TROUBLESHOOTING =
  'For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.';

/** What ECS knows besides. */
const OTHER_ACCELERATORS = ['InferenceAccelerator', 'NeuronDevice'];

type Sizes = Pick<TaskDefinitionContent, 'cpu' | 'memory' | 'containerDefinitions'>;

/** The settings of the task as a whole, in normal form. */
export function checkTaskSize(check: Checker, { cpu, memory, containerDefinitions }: Sizes): void {
  if (cpu !== undefined && !within(cpu, TASK_CPU_UNITS.least, TASK_CPU_UNITS.most)) {
    check.refuse(
      `Invalid 'cpu' setting for task. ${TROUBLESHOOTING} ` +
        `(found ${shown(cpu)}, expected 128 to 196608 CPU units or "0.125 vCPU" to "192 vCPU")`,
    );
  }
  if (memory !== undefined && !within(memory, LEAST_MEMORY_MIB, MOST)) {
    check.refuse(
      `Invalid 'memory' setting for task. ${TROUBLESHOOTING} ` +
        `(found ${shown(memory)}, expected at least ${LEAST_MEMORY_MIB} MiB, such as "512" or "1GB")`,
    );
  }
  if (cpu !== undefined) {
    const sum = containerDefinitions.reduce((total, container) => total + container.cpu, 0);
    if (sum > Number(cpu)) {
      check.refuse(
        `The containers' cpu adds up to ${sum}; expected at most the task's cpu, ${cpu}.`,
      );
    }
  }
  if (memory !== undefined) checkMemoryWithin(check, containerDefinitions, Number(memory));
}

function within(text: string, least: number, most: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;
}

function checkMemoryWithin(
  check: Checker,
  containers: readonly ContainerDefinition[],
  most: number,
): void {
  const sum = containers.reduce((total, container) => total + (container.memory ?? 0), 0);
  if (sum > most) {
    check.refuse(
      `The containers' memory adds up to ${sum} MiB; expected at most the task's memory, ${most} MiB.`,
    );
  }
  const reserved = containers.reduce((total, of) => total + (of.memoryReservation ?? 0), 0);
  if (reserved > most) {
    check.refuse(
      `The containers' memoryReservation adds up to ${reserved} MiB; expected at most the task's memory, ${most} MiB.`,
    );
  }
}

/** The settings of each container. */
export function checkMemoryAndCpu(all: Checker, definition: Sizes): void {
  for (const container of definition.containerDefinitions) {
    checkContainerSize(all, container, definition.memory !== undefined);
  }
}

/** Also for a container with overrides laid over it. */
export function checkContainerSize(
  all: Checker,
  container: Pick<
    ContainerDefinition,
    'name' | 'cpu' | 'memory' | 'memoryReservation' | 'resourceRequirements'
  >,
  taskHasMemory: boolean,
): void {
  const { name, memory, memoryReservation } = container;
  const check: Checker = all.within(`Invalid setting for container '${name}'`);
  check.integer('cpu', container.cpu, { least: 0, most: MOST });
  check.integer('memory', memory, { least: LEAST_MEMORY_MIB, most: MOST });
  check.integer('memoryReservation', memoryReservation, { least: LEAST_MEMORY_MIB, most: MOST });
  if (memory === undefined && memoryReservation === undefined && !taskHasMemory) {
    all.refuse(
      `Invalid setting for container '${name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
    );
  }
  if (memory !== undefined && memoryReservation !== undefined && memory < memoryReservation) {
    check.expected('memoryReservation', memoryReservation, `at most memory, ${memory}`);
  }
  checkRequirements(check, container.resourceRequirements);
}

function checkRequirements(check: Checker, requirements: readonly ResourceRequirement[]): void {
  for (const [index, { type, value }] of requirements.entries()) {
    const field = `resourceRequirements[${index}]`;
    if (OTHER_ACCELERATORS.includes(type)) {
      check.refuse(
        `${field}: type ${type} is not supported by Berth. Hosts offer devices of any kind as GPU: see berth agent --gpu.`,
      );
    }
    check.word(`${field}.type`, type, ['GPU']);
    check.text(`${field}.value`, value, /^[1-9]\d{0,2}$/, 'a number of GPUs from 1 to 999');
  }
  check.unique(
    'resourceRequirements: type',
    requirements.map(({ type }) => type),
  );
}
