// What a task of a definition, with its overrides, asks of a host. Source: ECS reference, sections 3.7 and 3.12.
import { BerthError } from '../errors.ts';
import type {
  ContainerDefinition,
  ContainerOverride,
  PortMapping,
  TaskDefinitionRecord,
  TaskOverride,
} from '../generated/messages.ts';
import { parseCpuUnits, parseMemoryMiB } from '../resources/units.ts';
import { gpusOf } from '../resources/gpus.ts';
import type { Ask } from './fit.ts';

export interface Requirements extends Ask {
  /** Attributes that the host must have, with exactly these values. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

type Definition = Pick<
  TaskDefinitionRecord,
  'containerDefinitions' | 'cpu' | 'memory' | 'networkMode' | 'runtimePlatform'
>;

/**
 * CPU is the task's, else the sum of its containers'; memory is the task's, else the sum of each container's
 * reservation, or of its limit where it has none. Dynamic host ports ask for nothing. Pure.
 * @throws BerthError ClientException when the task's cpu or memory is no size
 */
export function requirementsOf(definition: Definition, overrides?: TaskOverride): Requirements {
  const containers = definition.containerDefinitions.map((container) =>
    sizeOf(
      container,
      overrides?.containerOverrides.find(({ name }) => name === container.name),
    ),
  );
  const mappings = definition.containerDefinitions.flatMap(({ portMappings }) => portMappings);
  const total = (key: 'cpu' | 'memory' | 'gpus'): number =>
    containers.reduce((sum, container) => sum + container[key], 0);
  return {
    cpu: taskSize('cpu', overrides?.cpu || definition.cpu, parseCpuUnits) ?? total('cpu'),
    memory:
      taskSize('memory', overrides?.memory || definition.memory, parseMemoryMiB) ?? total('memory'),
    ports: staticPorts(definition, mappings, 'tcp'),
    portsUdp: staticPorts(definition, mappings, 'udp'),
    gpus: total('gpus'),
    attributes: platformAttributes(definition),
  };
}

function sizeOf(
  container: ContainerDefinition,
  override: ContainerOverride | undefined,
): { cpu: number; memory: number; gpus: number } {
  const reservation = override?.memoryReservation ?? container.memoryReservation;
  return {
    cpu: override?.cpu ?? container.cpu,
    memory: reservation ?? override?.memory ?? container.memory ?? 0,
    gpus: gpusOf(container, override),
  };
}

function taskSize(
  name: 'cpu' | 'memory',
  text: string | undefined,
  parse: (text: string) => number | undefined,
): number | undefined {
  if (!text) return undefined;
  const size = parse(text);
  if (size !== undefined) return size;
  const expected = name === 'cpu' ? '"512" or "0.5 vCPU"' : '"1024" or "1 GB"';
  throw new BerthError(
    'ClientException',
    `Invalid '${name}' setting for task: found "${text}", expected a size like ${expected}.`,
  );
}

function staticPorts(
  { networkMode }: Definition,
  mappings: readonly PortMapping[],
  protocol: 'tcp' | 'udp',
): number[] {
  const ports = mappings
    .filter((mapping) => (mapping.protocol ?? 'tcp') === protocol)
    .map(({ hostPort, containerPort }) => {
      if (networkMode === 'awsvpc') return 0; // its host ports are picked, whatever ECS makes it say
      return networkMode === 'host' ? hostPort || containerPort : (hostPort ?? 0);
    });
  return [...new Set(ports)].filter((port) => port !== 0).sort((a, b) => a - b);
}

function platformAttributes({ runtimePlatform }: Definition): [string, string][] {
  const attributes: [string, string][] = [];
  const { cpuArchitecture, operatingSystemFamily } = runtimePlatform ?? {};
  if (cpuArchitecture) attributes.push(['ecs.cpu-architecture', cpuArchitecture.toLowerCase()]);
  if (operatingSystemFamily) attributes.push(['ecs.os-type', operatingSystemFamily.toLowerCase()]);
  return attributes;
}
