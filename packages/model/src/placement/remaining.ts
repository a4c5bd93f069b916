// What is left of a host, as ECS lists its remaining resources. Source: ECS reference, section 7.1.
import type { Resources } from '../generated/messages.ts';
import type { Charge } from './ledger.ts';

/**
 * CPU, memory and GPUs that are free; ports that are in use.
 * @param registered what the host has; undefined: nothing
 * @param charges of the tasks on it; undefined: of one that holds nothing any more
 */
export function remainingOf(
  registered: Resources | undefined,
  charges: Iterable<Charge | undefined>,
): Resources {
  let cpu = registered?.cpu ?? 0;
  let memory = registered?.memory ?? 0;
  const ports = new Set(registered?.ports);
  const portsUdp = new Set(registered?.portsUdp);
  const gpuIds = new Set(registered?.gpuIds);
  for (const charge of charges) {
    if (!charge) continue;
    cpu -= charge.cpu;
    memory -= charge.memory;
    for (const port of charge.ports) ports.add(port);
    for (const port of charge.portsUdp) portsUdp.add(port);
    for (const id of charge.gpuIds ?? []) gpuIds.delete(id);
  }
  return { cpu, memory, ports: sorted(ports), portsUdp: sorted(portsUdp), gpuIds: [...gpuIds] };
}

function sorted(ports: ReadonlySet<number>): number[] {
  return [...ports].sort((a, b) => a - b);
}
