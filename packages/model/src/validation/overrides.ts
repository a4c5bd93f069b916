// What RunTask may change of a task definition for one run. Pure. Source: ECS reference, sections 2.4 and 3.12.
import type { ContainerOverride, TaskOverride } from '../generated/messages.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import { parseCpuUnits, parseMemoryMiB } from '../resources/units.ts';
import { Checker } from './check.ts';
import { checkContainerSize, checkTaskSize } from './container-resources.ts';

const MOST_CHARACTERS = 8192;

type Definition = Pick<TaskDefinitionContent, 'cpu' | 'memory' | 'containerDefinitions'>;

/**
 * The overrides in normal form, checked against the definition that they change.
 * @throws BerthError InvalidParameterException, or ClientException where the outcome would be no task definition
 */
export function acceptOverrides(
  overrides: TaskOverride | undefined,
  definition: Definition,
): TaskOverride | undefined {
  if (!overrides) return undefined;
  const check = new Checker('InvalidParameterException');
  const characters = JSON.stringify(overrides).length;
  if (characters > MOST_CHARACTERS) {
    check.refuse(
      `overrides is ${characters} characters of JSON; expected at most ${MOST_CHARACTERS}.`,
    );
  }
  const names = overrides.containerOverrides.map((container) => container.name);
  for (const name of names) {
    if (!definition.containerDefinitions.some((container) => container.name === name)) {
      check.refuse(
        `Override for container named ${name} is not a container in the TaskDefinition.`,
      );
    }
  }
  check.unique('overrides.containerOverrides: name', names);
  overrides.containerOverrides.forEach((container, index) => {
    checkEnvironment(check, container, index);
  });
  const accepted = normalise(overrides);
  checkOutcome(overridden(definition, accepted));
  return accepted;
}

function checkEnvironment(check: Checker, container: ContainerOverride, at: number): void {
  for (const [index, { name }] of container.environment.entries()) {
    check.text(
      `overrides.containerOverrides[${at}].environment[${index}].name`,
      name,
      /^[^=\0]+$/,
      'a name without "=" or a zero byte, not empty',
    );
  }
}

function normalise(overrides: TaskOverride): TaskOverride {
  const cpu = overrides.cpu === undefined ? undefined : parseCpuUnits(overrides.cpu);
  const memory = overrides.memory === undefined ? undefined : parseMemoryMiB(overrides.memory);
  return {
    ...overrides,
    cpu: cpu === undefined ? overrides.cpu : String(cpu),
    memory: memory === undefined ? overrides.memory : String(memory),
  };
}

/** The sizes of the task as it will run. */
function overridden(definition: Definition, overrides: TaskOverride): Definition {
  return {
    cpu: overrides.cpu ?? definition.cpu,
    memory: overrides.memory ?? definition.memory,
    containerDefinitions: definition.containerDefinitions.map((container) => {
      const by = overrides.containerOverrides.find((item) => item.name === container.name);
      return {
        ...container,
        cpu: by?.cpu ?? container.cpu,
        memory: by?.memory ?? container.memory,
        memoryReservation: by?.memoryReservation ?? container.memoryReservation,
        resourceRequirements: by?.resourceRequirements ?? [],
      };
    }),
  };
}

function checkOutcome(outcome: Definition): void {
  const check = new Checker('ClientException').within('overrides');
  for (const container of outcome.containerDefinitions) {
    checkContainerSize(check, container, outcome.memory !== undefined);
  }
  checkTaskSize(check, outcome);
}
