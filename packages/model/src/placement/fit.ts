// Whether what is asked fits into what is free. The one definition of it, for the planner that proposes and
// for whoever checks the result. Source: ECS reference, section 3.7.

/** What a task takes from its host. */
export interface Ask {
  /** CPU units, 1024 a vCPU. */
  readonly cpu: number;
  /** MiB. */
  readonly memory: number;
  readonly ports: readonly number[];
  readonly portsUdp: readonly number[];
  /** How many. */
  readonly gpus: number;
}

/** What a host has left; below zero where it registered less than its tasks hold. */
export interface Room {
  readonly cpuFree: number;
  readonly memoryFree: number;
  /** How many hold a host port; the host's own reservations count as one. */
  readonly ports: ReadonlyMap<number, number>;
  readonly portsUdp: ReadonlyMap<number, number>;
  /** Ids of those that nobody holds, in the order in which they were registered. */
  readonly freeGpuIds: readonly string[];
  /** How many hold a GPU, by its id. */
  readonly gpuHolders: ReadonlyMap<string, number>;
}

export type Shortage =
  | { readonly resource: 'CPU' | 'MEMORY' | 'GPU'; readonly asked: number; readonly free: number }
  | { readonly resource: 'PORTS' | 'PORTS_UDP'; readonly port: number }
  | { readonly resource: 'GPU_ID'; readonly gpuId: string };

/** Asking for nothing fits everywhere, also where less than nothing is left. */
export function cpuShortage(ask: Ask, room: Room): Shortage | undefined {
  if (ask.cpu === 0 || ask.cpu <= room.cpuFree) return undefined;
  return { resource: 'CPU', asked: ask.cpu, free: Math.max(0, room.cpuFree) };
}

export function memoryShortage(ask: Ask, room: Room): Shortage | undefined {
  if (ask.memory === 0 || ask.memory <= room.memoryFree) return undefined;
  return { resource: 'MEMORY', asked: ask.memory, free: Math.max(0, room.memoryFree) };
}

export function portShortage(ask: Ask, room: Room): Shortage | undefined {
  for (const port of ask.ports) if (room.ports.has(port)) return { resource: 'PORTS', port };
  for (const port of ask.portsUdp)
    if (room.portsUdp.has(port)) return { resource: 'PORTS_UDP', port };
  return undefined;
}

export function gpuShortage(ask: Ask, room: Room): Shortage | undefined {
  if (ask.gpus === 0) return undefined;
  const free = room.freeGpuIds.length;
  return ask.gpus <= free ? undefined : { resource: 'GPU', asked: ask.gpus, free };
}

/** Everything that tasks hold beyond what the host has, e.g. a port twice; empty on a sound host. For verifiers. Pure. */
export function overdrafts(room: Room): Shortage[] {
  const found: Shortage[] = [];
  if (room.cpuFree < 0) found.push({ resource: 'CPU', asked: -room.cpuFree, free: 0 });
  if (room.memoryFree < 0) found.push({ resource: 'MEMORY', asked: -room.memoryFree, free: 0 });
  for (const resource of ['PORTS', 'PORTS_UDP'] as const) {
    for (const [port, holders] of resource === 'PORTS' ? room.ports : room.portsUdp) {
      if (holders > 1) found.push({ resource, port });
    }
  }
  for (const [gpuId, holders] of room.gpuHolders) {
    if (holders > 1) found.push({ resource: 'GPU_ID', gpuId });
  }
  return found;
}
