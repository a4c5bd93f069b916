// The rules that can exclude a host, in the order of the ECS pipeline: readiness, resources, attributes,
// constraints; cheap ones before dear ones. The first that refuses is the reason.
// Source: ECS reference, sections 5.1, 2.9 and 6.11.
import { whyNot } from '../query/why.ts';
import { cpuShortage, gpuShortage, memoryShortage, portShortage } from './fit.ts';
import type { Shortage } from './fit.ts';
import type { HostAccount } from './ledger.ts';
import type { PlacementSpec } from './spec.ts';

/** The words of `RefusalCount.reason`. */
export type RefusalReason =
  | 'DRAINING'
  | 'AGENT'
  | 'RESOURCE:CPU'
  | 'RESOURCE:MEMORY'
  | 'RESOURCE:PORTS'
  | 'RESOURCE:GPU'
  | 'ATTRIBUTE'
  | 'DISTINCT_INSTANCE'
  | 'MEMBER_OF';

export interface Filter {
  readonly reason: RefusalReason;
  /** How ECS's service event words it behind "The closest matching (container-instance ID)". */
  readonly event: string;
  /** False where the rule can refuse no host, whatever the host is. */
  applies(spec: PlacementSpec): boolean;
  /** True where its verdict lasts until the host registers anew, whatever tasks come and go. */
  lasts(spec: PlacementSpec): boolean;
  passes(host: HostAccount, spec: PlacementSpec): boolean;
  /** The numbers or names compared, for a host that does not pass. */
  explain(host: HostAccount, spec: PlacementSpec): string;
  /** How much is lacking, for a host that does not pass; comparable between hosts. */
  deficit?(host: HostAccount, spec: PlacementSpec): number;
}

const draining: Filter = {
  reason: 'DRAINING',
  event: 'encountered error "DRAINING"',
  applies: () => true,
  lasts: () => true,
  passes: (host) => host.view.status === 'ACTIVE',
  explain: () => 'status: ACTIVE asked, DRAINING found',
};

const agent: Filter = {
  reason: 'AGENT',
  event: "doesn't have the agent connected",
  applies: () => true,
  lasts: () => true,
  passes: (host) => host.view.connected,
  explain: () => 'agent: not connected',
};

const cpu: Filter = {
  reason: 'RESOURCE:CPU',
  event: 'has insufficient CPU units available',
  applies: ({ requirements }) => requirements.cpu > 0,
  lasts: () => false,
  passes: (host, { requirements }) => cpuShortage(requirements, host) === undefined,
  explain: (host, { requirements }) => amounts('cpu', 'units', cpuShortage(requirements, host)),
  deficit: (host, { requirements }) => requirements.cpu - host.cpuFree,
};

const memory: Filter = {
  reason: 'RESOURCE:MEMORY',
  event: 'has insufficient memory available',
  applies: ({ requirements }) => requirements.memory > 0,
  lasts: () => false,
  passes: (host, { requirements }) => memoryShortage(requirements, host) === undefined,
  explain: (host, { requirements }) => amounts('memory', 'MiB', memoryShortage(requirements, host)),
  deficit: (host, { requirements }) => requirements.memory - host.memoryFree,
};

function amounts(name: string, unit: string, shortage: Shortage | undefined): string {
  if (!shortage || !('asked' in shortage)) return '';
  return `${name}: ${shortage.asked} ${unit} asked, ${shortage.free} ${unit} free`;
}

const ports: Filter = {
  reason: 'RESOURCE:PORTS',
  event: 'is already using a port required by your task',
  applies: ({ requirements }) => requirements.ports.length + requirements.portsUdp.length > 0,
  lasts: () => false,
  passes: (host, { requirements }) => portShortage(requirements, host) === undefined,
  explain: (host, { requirements }) => {
    const taken = [
      ...requirements.ports.filter((port) => host.ports.has(port)).map((port) => `${port}/tcp`),
      ...requirements.portsUdp
        .filter((port) => host.portsUdp.has(port))
        .map((port) => `${port}/udp`),
    ];
    return `host ports: ${taken.join(', ')} asked, already in use`;
  },
};

const gpu: Filter = {
  reason: 'RESOURCE:GPU',
  event: 'has insufficient GPU resource available',
  applies: ({ requirements }) => requirements.gpus > 0,
  lasts: () => false,
  passes: (host, { requirements }) => gpuShortage(requirements, host) === undefined,
  explain: (host, { requirements }) =>
    `gpu: ${requirements.gpus} asked, ${host.freeGpuIds.length} of ${host.view.gpuIds.length} free`,
  deficit: (host, { requirements }) => requirements.gpus - host.freeGpuIds.length,
};

const attributes: Filter = {
  reason: 'ATTRIBUTE',
  event: 'is missing an attribute required by your task',
  applies: ({ requirements }) => requirements.attributes.length > 0,
  lasts: () => true,
  passes: (host, { requirements }) =>
    requirements.attributes.every(([name, value]) => host.attributes.get(name) === value),
  explain: (host, { requirements }) =>
    requirements.attributes
      .filter(([name, value]) => host.attributes.get(name) !== value)
      .map(
        ([name, value]) => `${name}: ${value} asked, ${host.attributes.get(name) ?? 'none'} found`,
      )
      .join(', '),
};

const distinctInstance: Filter = {
  reason: 'DISTINCT_INSTANCE',
  event: 'encountered error "DistinctInstance placement constraint unsatisfied."',
  applies: (spec) => spec.distinctInstance,
  lasts: () => false,
  passes: (host, { group }) => !host.groups.has(group),
  explain: (host, { group }) =>
    `distinctInstance: ${host.groups.get(group) ?? 0} of ${group} already on it`,
};

const memberOf: Filter = {
  reason: 'MEMBER_OF',
  event: 'encountered error "MemberOf placement constraint unsatisfied."',
  applies: (spec) => spec.memberOf.length > 0,
  lasts: (spec) => spec.memberOf.every(({ readsTasks }) => !readsTasks),
  passes: (host, spec) => spec.memberOf.every(({ holds }) => holds(host)),
  explain: (host, spec) =>
    spec.memberOf
      .filter(({ holds }) => !holds(host))
      .map(({ text, expression }) => `memberOf ${text}: ${whyNot(expression, host) ?? ''}`)
      .join(', '),
};

export const FILTERS: readonly Filter[] = [
  draining,
  agent,
  cpu,
  memory,
  ports,
  gpu,
  attributes,
  distinctInstance,
  memberOf,
];

/** The rules that can refuse a host for this request. */
export function filtersFor(spec: PlacementSpec): readonly Filter[] {
  return FILTERS.filter((filter) => filter.applies(spec));
}

export function passesAll(
  filters: readonly Filter[],
  host: HostAccount,
  spec: PlacementSpec,
): boolean {
  return filters.every((filter) => filter.passes(host, spec));
}
