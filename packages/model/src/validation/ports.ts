// Port mappings, each by itself and among those of the whole task. Pure. Source: ECS reference, sections 3.3 and 3.4.
import type { ContainerDefinition, PortMapping } from '../generated/messages.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import type { Checker } from './check.ts';

const MOST_MAPPINGS = 100;

export function checkPorts(all: Checker, definition: TaskDefinitionContent): void {
  const containers = definition.containerDefinitions;
  for (const container of containers) {
    checkContainerPorts(all.within(`Container '${container.name}'`), container, definition);
  }
  const mappings = containers.flatMap((container) => container.portMappings);
  all.unique(
    'containerDefinitions: portMappings.name',
    mappings.flatMap((mapping) => mapping.name ?? []),
  );
  all.unique(
    'containerDefinitions: static hostPort',
    mappings.filter((mapping) => mapping.hostPort).map(hostPortOf),
  );
}

function hostPortOf(mapping: PortMapping): string {
  return `${mapping.hostPort ?? 0}/${mapping.protocol ?? 'tcp'}`;
}

function checkContainerPorts(
  check: Checker,
  container: ContainerDefinition,
  { networkMode }: TaskDefinitionContent,
): void {
  const mappings = container.portMappings;
  check.atMost('portMappings', mappings.length, MOST_MAPPINGS, 'mappings');
  if (mappings.length > 0 && networkMode === 'none') {
    check.refuse('portMappings are given; expected none when networkMode=none.');
  }
  if (mappings.length > 0 && container.disableNetworking === true) {
    check.refuse('portMappings are given; expected none when disableNetworking is true.');
  }
  for (const [index, mapping] of mappings.entries()) {
    const field = `portMappings[${index}]`;
    check.integer(`${field}.containerPort`, mapping.containerPort, { least: 1, most: 65_535 });
    check.integer(`${field}.hostPort`, mapping.hostPort, { least: 0, most: 65_535 });
    const same = networkMode === 'host' || networkMode === 'awsvpc';
    if (same && mapping.hostPort !== mapping.containerPort) {
      check.refuse(
        `When networkMode=${networkMode}, the host ports and container ports in port mappings must match. ` +
          `(${field}: hostPort ${mapping.hostPort ?? 0}, containerPort ${mapping.containerPort})`,
      );
    }
    check.text(
      `${field}.name`,
      mapping.name,
      /^[a-z0-9_-]{1,64}$/,
      '1 to 64 lower-case letters, digits, hyphens and underscores',
    );
  }
  check.unique(
    'portMappings: containerPort',
    mappings.map((mapping) => String(mapping.containerPort)),
  );
}
