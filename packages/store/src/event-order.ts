// The numbers of events. They say in which order events were committed, whoever wrote them: the revision of the commit, and
// the place among the events of that commit by their ids. So a number never changes as long as events of one commit are
// deleted together, and whoever has seen all up to a number misses nothing by going on behind it.
import type { EventRecord } from '@berth/model/generated/messages.ts';

import type { Stored } from './state.ts';

/** More than a transaction has operations. */
const PLACES = 1_000;

/**
 * @param events of each commit all that are left
 * @returns them with their numbers, in their order
 */
export function inOrder(events: Iterable<Stored<EventRecord>>): EventRecord[] {
  const sorted = [...events].sort(
    (a, b) => a.modRevision - b.modRevision || (a.value.id < b.value.id ? -1 : 1),
  );
  let revision = 0;
  let place = 0;
  return sorted.map(({ value, modRevision }) => {
    place = modRevision === revision ? place + 1 : 0;
    revision = modRevision;
    return { ...value, sequence: modRevision * PLACES + place };
  });
}

/** Higher than the numbers of all events that were committed up to a revision. */
export function lastNumber(revision: number): number {
  return revision * PLACES + PLACES - 1;
}
