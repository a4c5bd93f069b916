// What a host registers: its size, the ports that are not to be given away, and the attributes that placement looks
// at. Pure. Source: ECS reference, sections 3.10, 5.6, 7.1 and 11.7.
import type { Attribute, Resources } from '@berth/model/generated/messages.ts';

import type { Gpus } from './gpus.ts';
import type { EngineDescription } from './runtime/runtime.ts';

/** SSH, Docker, and the ports of ECS's own agent. */
export const RESERVED_TCP_PORTS: readonly number[] = [22, 2375, 2376, 51678, 51679, 51680];

const CPU_UNITS_PER_VCPU = 1024;
const MIB = 1024 * 1024;
const OLDEST_REMOTE_API = 17;
const CAPABILITY = 'com.amazonaws.ecs.capability';

/**
 * @param reservedMemoryMiB kept back for what runs beside the tasks
 * @param gpus that tasks may be given
 */
export function hostResources(
  engine: EngineDescription,
  reservedMemoryMiB: number,
  gpus: Gpus,
): Resources {
  return {
    cpu: engine.cpus * CPU_UNITS_PER_VCPU,
    memory: Math.max(0, Math.floor(engine.memoryBytes / MIB) - reservedMemoryMiB),
    ports: RESERVED_TCP_PORTS,
    portsUdp: [],
    gpuIds: [...gpus.keys()],
  };
}

/**
 * Everything about a host that constraints may name.
 * @param given by the operator, such as ecs.availability-zone; they win over what is found
 */
export function hostAttributes(
  engine: EngineDescription,
  given: readonly Attribute[],
): readonly Attribute[] {
  const found: Attribute[] = [
    { name: 'ecs.os-type', value: engine.osType },
    { name: 'ecs.cpu-architecture', value: architectureOf(engine.architecture) },
    ...capabilities(engine).map((name) => ({ name })),
  ];
  const merged = new Map<string, Attribute>();
  for (const attribute of [...found, ...given]) merged.set(attribute.name, attribute);
  return [...merged.values()];
}

function capabilities(engine: EngineDescription): readonly string[] {
  const newest = Number(engine.apiVersion.split('.')[1] ?? OLDEST_REMOTE_API);
  const versions: string[] = [];
  for (let minor = OLDEST_REMOTE_API; minor <= newest; minor += 1) {
    versions.push(`${CAPABILITY}.docker-remote-api.1.${String(minor)}`);
  }
  return [
    ...versions,
    `${CAPABILITY}.logging-driver.json-file`,
    `${CAPABILITY}.logging-driver.none`,
    `${CAPABILITY}.privileged-container`,
    'ecs.capability.container-health-check',
    'ecs.capability.container-ordering',
    'ecs.capability.task-cpu-mem-limit',
    'ecs.capability.docker-plugin.local',
  ];
}

/** ECS's names for what the kernel calls the machine. */
function architectureOf(machine: string): string {
  if (machine === 'aarch64' || machine === 'arm64') return 'arm64';
  return machine === 'amd64' ? 'x86_64' : machine;
}
