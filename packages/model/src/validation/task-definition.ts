// What a task definition must fulfil to be registered, checked on its normal form. The first fault is
// reported, in ECS's words where ECS's words are known. Pure. Source: ECS reference, sections 3.1 to 3.11.
import type { RegisterTaskDefinitionRequest } from '../generated/messages.ts';
import { isFargateSize } from '../resources/compatibility.ts';
import {
  normaliseTaskDefinition,
  type TaskDefinitionContent,
} from '../resources/task-definition.ts';
import { Checker } from './check.ts';
import { checkContainer } from './container.ts';
import { checkDependencies } from './container-order.ts';
import { checkMemoryAndCpu, checkTaskSize } from './container-resources.ts';
import { checkEcsName } from './names.ts';
import { checkConstraints } from './placement.ts';
import { checkPorts } from './ports.ts';
import { checkTags } from './tags.ts';
import { checkVolumes } from './volumes.ts';

const MOST_CONTAINERS = 10;
const MOST_BYTES = 64 * 1024;
const COMPATIBILITIES = ['EC2', 'EXTERNAL', 'FARGATE'];
/** A role's ARN, or its name. */
const ROLE = /^(arn:aws[a-z-]*:iam::[^:]*:role\/[\w+=,.@/-]{1,512}|[\w+=,.@-]{1,64})$/;

/**
 * The normal form of a task definition that can be registered and honoured.
 * @throws BerthError ClientException with the first thing that is wrong
 */
export function acceptTaskDefinition(
  request: RegisterTaskDefinitionRequest,
): TaskDefinitionContent {
  const definition = normaliseTaskDefinition(request);
  const check = new Checker('ClientException');
  if (definition.family === '') check.refuse('Family should not be null or empty.');
  checkEcsName(check, 'family', definition.family);
  checkContainers(check, definition);
  checkTaskSize(check, definition);
  checkVolumes(check, definition);
  checkConstraints(check, 'placementConstraints', definition.placementConstraints, ['memberOf']);
  for (const [index, word] of definition.requiresCompatibilities.entries()) {
    check.word(`requiresCompatibilities[${index}]`, word, COMPATIBILITIES);
  }
  if (definition.requiresCompatibilities.includes('FARGATE')) checkFargate(check, definition);
  if (definition.networkMode === 'awsvpc') checkAwsvpc(check, definition);
  for (const name of ['taskRoleArn', 'executionRoleArn'] as const) {
    check.text(name, definition[name], ROLE, 'the name or ARN of a role');
  }
  check.integer('ephemeralStorage.sizeInGiB', definition.ephemeralStorage?.sizeInGiB, {
    least: 21,
    most: 200,
  });
  checkTags(check, definition.tags);
  checkSize(check, definition);
  return definition;
}

function checkContainers(check: Checker, definition: TaskDefinitionContent): void {
  const containers = definition.containerDefinitions;
  if (containers.length === 0) check.refuse('Container list cannot be empty.');
  check.atMost('containerDefinitions', containers.length, MOST_CONTAINERS, 'containers');
  for (const [index, container] of containers.entries()) {
    checkContainer(check, container, index, definition.networkMode);
  }
  check.unique(
    'containerDefinitions: name',
    containers.map((container) => container.name),
  );
  if (!containers.some((container) => container.essential)) {
    check.refuse('At least one container of a task must be essential; every essential is false.');
  }
  checkMemoryAndCpu(check, definition);
  checkPorts(check, definition);
  checkDependencies(check, containers);
}

function checkFargate(check: Checker, { networkMode, cpu, memory }: TaskDefinitionContent): void {
  if (networkMode !== 'awsvpc') {
    check.refuse(
      "Fargate only supports network mode 'awsvpc'. " +
        `(networkMode is ${networkMode ?? 'missing'}, requiresCompatibilities has FARGATE)`,
    );
  }
  if (cpu === undefined) check.refuse("Fargate requires that 'cpu' be defined at the task level.");
  if (memory === undefined) {
    check.refuse("Fargate requires that 'memory' be defined at the task level.");
  }
  if (!isFargateSize(cpu, memory)) {
    check.refuse(
      `No Fargate configuration exists for given values. (cpu ${cpu}, memory ${memory})`,
    );
  }
}

/** Here the containers of a task have no network in common, which ECS promises for awsvpc. */
function checkAwsvpc(check: Checker, { containerDefinitions }: TaskDefinitionContent): void {
  if (containerDefinitions.length > 1) {
    check.refuse(
      `networkMode is awsvpc and the task has ${containerDefinitions.length} containers; expected one: ` +
        'the containers of a task do not share an address here. Use bridge or host.',
    );
  }
  for (const { name, hostname, extraHosts } of containerDefinitions) {
    const container: Checker = check.within(`Container '${name}'`);
    if (hostname !== undefined) {
      container.expected('hostname', hostname, 'none when networkMode=awsvpc');
    }
    if (extraHosts.length > 0) {
      container.refuse('extraHosts are given; expected none when networkMode=awsvpc.');
    }
  }
}

/** Measured as JSON in UTF-8, without the tags, which are not part of the definition. */
function checkSize(check: Checker, definition: TaskDefinitionContent): void {
  const bytes = utf8Length(JSON.stringify({ ...definition, tags: undefined }));
  if (bytes > MOST_BYTES) {
    check.refuse(
      `The task definition is ${bytes} bytes of JSON; expected at most ${MOST_BYTES} (64 KiB).`,
    );
  }
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
