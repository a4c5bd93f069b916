// Task definitions: their names, and the normal form in which they are stored. Pure.
// Source: ECS reference, sections 3.1 (normalisation), 3.2 and 3.5.
import type {
  ContainerDefinition,
  PortMapping,
  RegisterTaskDefinitionRequest,
  TaskDefinitionRecord,
  Volume,
} from '../generated/messages.ts';
import { parseCpuUnits, parseMemoryMiB } from './units.ts';

/** What a person asked for, in normal form: a record without what the registration adds. */
export type TaskDefinitionContent = Omit<
  TaskDefinitionRecord,
  'revision' | 'status' | 'registeredAt' | 'deregisteredAt' | 'registeredBy' | 'deleteRequestedAt'
>;

export interface DefinitionName {
  readonly family: string;
  readonly revision?: number | undefined;
}

/** `family:revision`, as records and ARNs hold it. */
export function definitionName(of: { readonly family: string; readonly revision: number }): string {
  return `${of.family}:${of.revision}`;
}

/** The parts of `family` or `family:revision`; undefined for what can't be either. */
export function parseDefinitionName(text: string): DefinitionName | undefined {
  const match = /^([A-Za-z0-9_-]{1,255})(?::([1-9]\d{0,8}))?$/.exec(text);
  if (!match) return undefined;
  const family = match[1] ?? '';
  return match[2] === undefined ? { family } : { family, revision: Number(match[2]) };
}

/**
 * The normal form: CPU and memory of the task in units and MiB, `essential`, protocols and host ports filled
 * in. Total, and idempotent: what has no normal form is left for validation to refuse.
 */
export function normaliseTaskDefinition(
  request: RegisterTaskDefinitionRequest,
): TaskDefinitionContent {
  const cpu = request.cpu === undefined ? undefined : parseCpuUnits(request.cpu);
  const memory = request.memory === undefined ? undefined : parseMemoryMiB(request.memory);
  const networkMode = request.networkMode || undefined; // an empty word is an absent one
  return {
    family: request.family,
    containerDefinitions: request.containerDefinitions.map((container) =>
      normaliseContainer(container, networkMode),
    ),
    cpu: cpu === undefined ? request.cpu : String(cpu),
    memory: memory === undefined ? request.memory : String(memory),
    networkMode,
    volumes: request.volumes.map(normaliseVolume),
    placementConstraints: request.placementConstraints,
    requiresCompatibilities: request.requiresCompatibilities,
    runtimePlatform: request.runtimePlatform,
    tags: request.tags,
    taskRoleArn: request.taskRoleArn || undefined,
    executionRoleArn: request.executionRoleArn || undefined,
    ephemeralStorage: request.ephemeralStorage,
  };
}

function normaliseContainer(
  container: ContainerDefinition,
  networkMode: TaskDefinitionRecord['networkMode'],
): ContainerDefinition {
  return {
    ...container,
    essential: container.essential ?? true,
    portMappings: container.portMappings.map((mapping) => normalisePort(mapping, networkMode)),
  };
}

function normalisePort(
  mapping: PortMapping,
  networkMode: TaskDefinitionRecord['networkMode'],
): PortMapping {
  const same = networkMode === 'host' || networkMode === 'awsvpc';
  const unset = same ? mapping.containerPort : 0;
  return {
    ...mapping,
    hostPort: mapping.hostPort ?? unset,
    protocol: mapping.protocol || 'tcp',
  };
}

/** A volume of which nothing but the name is said is a directory of the task's own. */
function normaliseVolume(volume: Volume): Volume {
  if (volume.host) return volume;
  const docker = volume.dockerVolumeConfiguration;
  if (!docker) return { ...volume, host: {} };
  return { ...volume, dockerVolumeConfiguration: { ...docker, scope: docker.scope || 'task' } };
}
