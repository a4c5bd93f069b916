// One request for tasks, checked and prepared: what every task of it asks of a host, which rules bind, and
// which order is preferred.
import type {
  PlacementConstraint,
  PlacementStrategy,
  TaskDefinitionRecord,
  TaskOverride,
} from '../generated/messages.ts';
import { compileConstraints } from './constraints.ts';
import type { Constraints } from './constraints.ts';
import type { Charge, HostAccount } from './ledger.ts';
import { requirementsOf } from './requirements.ts';
import type { Requirements } from './requirements.ts';
import { decisive, parseStrategies } from './strategies.ts';
import type { Strategy } from './strategies.ts';

export interface PlacementSpec extends Constraints {
  readonly group: string;
  readonly requirements: Requirements;
  readonly strategies: readonly Strategy[];
  /** The same for requests that differ in their group or their hosts only: they can share an index. */
  readonly shape: string;
  /** At most one task on each of these hosts and none elsewhere; absent: all hosts. */
  readonly onlyHosts?: ReadonlySet<string>;
}

export interface PlacementRequest {
  readonly definition: TaskDefinitionRecord;
  readonly overrides?: TaskOverride | undefined;
  /** What spreading and `distinctInstance` count: service:NAME, family:NAME or a word of the caller's. */
  readonly group: string;
  /** A service's tasks are spread by default, others fall at random. */
  readonly ofService: boolean;
  readonly placementConstraints: readonly PlacementConstraint[];
  readonly placementStrategy: readonly PlacementStrategy[];
  /** For DAEMON services; empty: all hosts. */
  readonly hostIds?: readonly string[];
}

/**
 * Check and prepare a request. Pure.
 * @throws BerthError InvalidParameterException or ClientException, naming what is wrong
 */
export function placementSpec(request: PlacementRequest): PlacementSpec {
  const { definition, overrides, group, ofService, hostIds = [] } = request;
  const requirements = requirementsOf(definition, overrides);
  const constraints = compileConstraints([
    ...definition.placementConstraints,
    ...request.placementConstraints,
  ]);
  const strategies = parseStrategies(request.placementStrategy, ofService);
  return {
    group,
    requirements,
    ...constraints,
    strategies,
    shape: shapeOf(requirements, constraints, strategies),
    ...(hostIds.length > 0 ? { onlyHosts: new Set(hostIds) } : {}),
  };
}

function shapeOf(
  requirements: Requirements,
  { memberOf, distinctInstance }: Constraints,
  strategies: readonly Strategy[],
): string {
  const expressions = memberOf.map(({ text }) => text);
  return JSON.stringify([requirements, expressions, distinctInstance, decisive(strategies)]);
}

const NO_GPUS: readonly string[] = [];

/** What a task of this request holds on the host that it is given: of GPUs those that are free and were registered first. */
export function newCharge(
  { group, requirements }: PlacementSpec,
  host: HostAccount,
): Required<Charge> {
  const { cpu, memory, ports, portsUdp, gpus } = requirements;
  const gpuIds = gpus === 0 ? NO_GPUS : host.freeGpuIds.slice(0, gpus);
  return { hostId: host.id, group, running: true, cpu, memory, ports, portsUdp, gpuIds };
}
