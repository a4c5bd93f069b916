// Hosts, definitions and requests for tests of placement: small, with everything that a test does not name
// filled in.
import type {
  ContainerDefinition,
  HostRecord,
  PlacementConstraint,
  PlacementStrategy,
  TaskDefinitionRecord,
} from '../generated/messages.ts';
import type { Ask } from './fit.ts';
import { attributeMap } from './host.ts';
import type { HostView } from './host.ts';
import { Ledger } from './ledger.ts';
import { placementSpec } from './spec.ts';
import type { PlacementRequest, PlacementSpec } from './spec.ts';

export function testHost(id: string, view: Partial<HostView> = {}): HostView {
  return {
    id,
    name: `host-${id}`,
    status: 'ACTIVE',
    connected: true,
    attributes: new Map(),
    agentVersion: '0.1.0',
    registeredAt: Date.UTC(2026, 0, 1),
    cpu: 4096,
    memory: 8192,
    ports: [],
    portsUdp: [],
    gpuIds: [],
    ...view,
  };
}

export function inZone(zone: string, more: Record<string, string> = {}): Partial<HostView> {
  const entries = Object.entries({ 'ecs.availability-zone': zone, ...more });
  return { attributes: attributeMap(entries.map(([name, value]) => ({ name, value }))) };
}

export function testLedger(hosts: readonly HostView[]): Ledger {
  const ledger = new Ledger();
  for (const host of hosts) ledger.putHost(host);
  return ledger;
}

export function testContainer(container: Partial<ContainerDefinition> = {}): ContainerDefinition {
  return {
    name: 'main',
    image: 'sample',
    cpu: 0,
    portMappings: [],
    entryPoint: [],
    command: [],
    environment: [],
    mountPoints: [],
    dependsOn: [],
    dnsServers: [],
    dnsSearchDomains: [],
    extraHosts: [],
    dockerSecurityOptions: [],
    dockerLabels: {},
    ulimits: [],
    systemControls: [],
    resourceRequirements: [],
    ...container,
  };
}

export function testDefinition(
  definition: Partial<TaskDefinitionRecord> = {},
): TaskDefinitionRecord {
  return {
    family: 'web',
    revision: 1,
    status: 'ACTIVE',
    registeredAt: 0,
    registeredBy: 'test',
    containerDefinitions: [testContainer()],
    volumes: [],
    placementConstraints: [],
    requiresCompatibilities: [],
    tags: [],
    ...definition,
  };
}

/** A service's request of group service:web, by default for 256 units and 512 MiB. */
export function testSpec(
  request: Partial<PlacementRequest> & {
    ask?: Partial<Ask>;
    constraints?: readonly PlacementConstraint[];
    strategy?: readonly PlacementStrategy[];
  } = {},
): PlacementSpec {
  const { ask = {}, constraints = [], strategy = [], ...rest } = request;
  const { cpu = 256, memory = 512, ports = [], portsUdp = [], gpus = 0 } = ask;
  const resourceRequirements = gpus > 0 ? [{ type: 'GPU', value: String(gpus) }] : [];
  const portMappings = [
    ...ports.map((port) => ({ containerPort: port, hostPort: port, protocol: 'tcp' as const })),
    ...portsUdp.map((port) => ({ containerPort: port, hostPort: port, protocol: 'udp' as const })),
  ];
  return placementSpec({
    definition: testDefinition({
      containerDefinitions: [testContainer({ cpu, memory, portMappings, resourceRequirements })],
    }),
    group: 'service:web',
    ofService: true,
    placementConstraints: constraints,
    placementStrategy: strategy,
    ...rest,
  });
}

export function memberOf(expression: string): PlacementConstraint {
  return { type: 'memberOf', expression };
}

export const distinct: PlacementConstraint = { type: 'distinctInstance' };

export function testHostRecord(id: string, record: Partial<HostRecord> = {}): HostRecord {
  return {
    id,
    cluster: 'default',
    name: `host-${id}`,
    address: '10.0.0.1',
    status: 'ACTIVE',
    registeredAt: 0,
    registeredResources: { cpu: 4096, memory: 8192, ports: [], portsUdp: [], gpuIds: [] },
    attributes: [],
    agentVersion: '0.1.0',
    engineVersion: '20.10.24',
    bootId: 'boot',
    tags: [],
    ...record,
  };
}
