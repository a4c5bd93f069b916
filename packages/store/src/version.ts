// A number that grows with each change of a resource, from 1 on, whoever restarts in between. Pure.
// Source: ECS reference, sections 4.1 and 15 (50).
import type { Stored } from './state.ts';

type Revisions = Pick<Stored<unknown>, 'createRevision' | 'modRevision'>;

/** @param others records that are part of the resource and began no earlier than it */
export function versionOf(
  record: Revisions | undefined,
  ...others: readonly (Revisions | undefined)[]
): number {
  if (!record) return 1;
  const { createRevision, modRevision } = record;
  return others.reduce(
    (version, other) => version + Math.max(0, (other?.modRevision ?? 0) - createRevision),
    1 + modRevision - createRevision,
  );
}
