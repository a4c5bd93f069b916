// What is kept of a decision so that it can be made again, and making it again. Pure.
import type {
  PlacementDecisionRecord,
  TaskDefinitionRecord,
  TaskOverride,
  TaskRecord,
  TaskStatusRecord,
} from '../generated/messages.ts';
import { fingerprint } from '../resources/ids.ts';
import { chargeOf } from './charge.ts';
import type { HostView } from './host.ts';
import { Ledger } from './ledger.ts';
import { type Part, specOf } from './parts.ts';
import { type PlacementPlan, planPlacement } from './plan.ts';

export interface Decided {
  readonly id: string;
  /** As it was planned, with the count and the hosts of this planning. */
  readonly part: Part;
  readonly plan: PlacementPlan;
  readonly seed: number;
  readonly epoch: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** The revision of the view that the ledger followed. */
  readonly viewRevision: number;
  /** The last revision at which the scheduler itself created tasks that are in the ledger. */
  readonly ownRevision: number;
}

export function decisionRecord(decided: Decided): PlacementDecisionRecord {
  const { id, part, plan, seed, epoch, now, viewRevision, ownRevision } = decided;
  const { request } = part;
  return {
    id,
    cluster: request.cluster,
    createdAt: now,
    epoch,
    viewRevision,
    ownRevision: ownRevision > viewRevision ? ownRevision : 0,
    seed,
    count: request.count,
    owner: request.owner,
    taskDefinition: request.taskDefinition,
    group: request.group,
    service: request.service,
    placementConstraints: request.placementConstraints,
    placementStrategy: request.placementStrategy,
    overrides: sizesOf(request.overrides),
    hostIds: request.hostIds,
    placed: plan.assignments.length,
    result: resultOf(plan),
  };
}

/** Tells outcomes apart. */
export function resultOf({ assignments, unplaced }: PlacementPlan): string {
  const given = assignments.map(({ hostId, gpuIds }) =>
    gpuIds.length === 0 ? hostId : [hostId, ...gpuIds],
  );
  return fingerprint(JSON.stringify([given, unplaced ?? null]));
}

/** The commands and environments of overrides decide nothing, and may be nobody else's business. */
function sizesOf(overrides: TaskOverride | undefined): TaskOverride | undefined {
  if (!overrides) return undefined;
  const { cpu, memory } = overrides;
  const containerOverrides = overrides.containerOverrides
    .filter(
      ({ cpu: units, memory: limit, memoryReservation, resourceRequirements }) =>
        (units ?? limit ?? memoryReservation) !== undefined || resourceRequirements.length > 0,
    )
    .map((one) => ({
      name: one.name,
      command: [],
      environment: [],
      cpu: one.cpu,
      memory: one.memory,
      memoryReservation: one.memoryReservation,
      resourceRequirements: one.resourceRequirements,
    }));
  return { cpu, memory, containerOverrides };
}

/** The ledger of hosts and tasks as they stand. */
export function ledgerOf(
  hosts: Iterable<HostView>,
  tasks: Iterable<{ readonly task: TaskRecord; readonly status?: TaskStatusRecord | undefined }>,
): Ledger {
  const ledger = new Ledger();
  for (const host of hosts) ledger.putHost(host);
  for (const { task, status } of tasks) {
    const charge = chargeOf(task, status);
    if (charge) ledger.charge(task.id, charge);
  }
  return ledger;
}

/**
 * Make a decision again.
 * @param ledger as it was; the tasks are charged to it
 * @returns the plan, its tasks named by their numbers, and whether it is what was decided
 */
export function decideAgain(
  decision: PlacementDecisionRecord,
  ledger: Ledger,
  definition: TaskDefinitionRecord | undefined,
): { readonly plan: PlacementPlan; readonly same: boolean } {
  const ids = Array.from({ length: decision.count }, (_, index) => `again ${index}`);
  const plan = planPlacement(ledger, specOf(decision, definition), ids, decision.seed);
  return { plan, same: resultOf(plan) === decision.result };
}
