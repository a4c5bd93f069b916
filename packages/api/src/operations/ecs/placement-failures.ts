// Why tasks were not placed, as ECS says it: a failure for each host with the reason that ruled it out.
// Source: ECS reference, section 2.9.
import type {
  Failure,
  PlaceRequest,
  RefusalCount,
  UnplacedTask,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';

import type { OperationContext } from '../deps.ts';

/** Where the scheduler's words differ from those of ECS. */
const REASONS: Readonly<Record<string, string>> = {
  MEMBER_OF: 'MemberOf placement constraint unsatisfied.',
  DISTINCT_INSTANCE: 'DistinctInstance placement constraint unsatisfied.',
};

/** Asks the scheduler which rule excludes which host; where it can't say, its counts have to do. Never throws. */
export async function failuresOf(
  on: OperationContext,
  cluster: string,
  wish: Omit<PlaceRequest, 'viewRevision'>,
  unplaced: readonly UnplacedTask[],
  signal: AbortSignal,
): Promise<Failure[]> {
  try {
    const place = { ...wish, count: 1, viewRevision: on.cache.revision };
    const { hosts } = await on.schedulerExplain({ place }, signal);
    const refused = hosts.filter(({ fits }) => !fits);
    if (refused.length > 0) {
      return refused.map(({ hostId, reason = 'RESOURCE', detail }) => ({
        arn: arn.host(on.realm, cluster, hostId),
        reason: REASONS[reason] ?? reason,
        detail,
      }));
    }
  } catch (error) {
    on.logger.warn({ err: error, cluster }, 'unplaced tasks could not be explained host by host');
  }
  return unplaced.flatMap((group) => countedFailures(on, cluster, group));
}

function countedFailures(
  on: OperationContext,
  cluster: string,
  { count, refusals, closestHostId, closestReason }: UnplacedTask,
): Failure[] {
  const tasks = `${count} ${count === 1 ? 'task was' : 'tasks were'} not placed`;
  const said = refusals.map(({ reason, hosts }: RefusalCount) => ({
    reason: REASONS[reason] ?? reason,
    detail: `${tasks}: ${hosts} ${hosts === 1 ? 'host' : 'hosts'} excluded for this`,
  }));
  if (said.length === 0) return [{ reason: 'RESOURCE', detail: tasks }];
  if (closestHostId === undefined) return said;
  const closest = arn.host(on.realm, cluster, closestHostId);
  return said.map((failure) => ({
    ...failure,
    detail: `${failure.detail}; the closest is ${closest}, which ${closestReason ?? 'does not fit'}`,
  }));
}
