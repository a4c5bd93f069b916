// Task sets: parts of a service of deployment controller EXTERNAL. Pure. Source: ECS reference, section 6.9.
import type { ServiceRecord, TaskSetRecord } from '../generated/messages.ts';

/** Is the service's controller EXTERNAL? It then has task sets in place of deployments. */
export function isExternal({
  deploymentController,
}: Pick<ServiceRecord, 'deploymentController'>): boolean {
  return deploymentController === 'EXTERNAL';
}

/** How many tasks a set has to have: its share of the service's desired count, rounded up; none once it was deleted. */
export function computedDesiredCount(
  desired: number,
  { scale, deletedAt }: Pick<TaskSetRecord, 'scale' | 'deletedAt'>,
): number {
  if (deletedAt !== undefined) return 0;
  const exact = (desired * (scale?.value ?? 0)) / 100;
  // 11 % of 100 are 11 and no hair more, whatever the binary fractions say.
  return Math.ceil(Number(exact.toFixed(9)));
}

export type TaskSetStatus = 'PRIMARY' | 'ACTIVE' | 'DRAINING';

export function taskSetStatus(
  { id, deletedAt }: Pick<TaskSetRecord, 'id' | 'deletedAt'>,
  { primaryTaskSet }: Pick<ServiceRecord, 'primaryTaskSet'>,
): TaskSetStatus {
  if (deletedAt !== undefined) return 'DRAINING';
  return id === primaryTaskSet ? 'PRIMARY' : 'ACTIVE';
}

/** The part of a key that stands for a task set: its id without `ecs-svc/`. */
export function taskSetKey(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}

/** The primary one first, then the newest. */
export function inOrder<T extends Pick<TaskSetRecord, 'id' | 'createdAt'>>(
  sets: readonly T[],
  { primaryTaskSet }: Pick<ServiceRecord, 'primaryTaskSet'>,
): T[] {
  const rank = ({ id }: T): number => (id === primaryTaskSet ? 0 : 1);
  return [...sets].sort(
    (a, b) => rank(a) - rank(b) || b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1),
  );
}
