// The event stream: what has happened, then what happens. Every event has a number; a stream that begins behind a number, at whichever
// replica, shows each later event once and in order, or says that it can not.
import { Channel } from '@berth/control/channel.ts';
import { untilAborted } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { EventRecord, WatchEventsRequest } from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { inOrder, lastNumber } from '@berth/store/event-order.ts';
import { collections } from '@berth/store/keys.ts';
import type { ChangeBatch, State, Stored } from '@berth/store/state.ts';

import type { OwnOperationsDeps } from './deps-operations.ts';
import { requireCluster, requireService } from './resolve.ts';

/** Events that may wait for a slow reader. */
const MOST_WAITING = 1_000;

/**
 * @throws BerthError ClusterNotFoundException, ServiceNotFoundException; InvalidParameterException for a number behind which events
 * are missing; LimitExceededException when the reader is too slow
 */
export async function* watchEvents(
  deps: OwnOperationsDeps,
  request: WatchEventsRequest,
  context: CallContext,
): AsyncGenerator<EventRecord, void, undefined> {
  const { cache, realm } = deps;
  await deps.freshen(context.signal);
  const place = requireCluster({ state: cache, realm }, request.cluster);
  const service =
    request.service === undefined ? undefined : requireService(place, request.service).value.name;
  const matches = (event: EventRecord): boolean =>
    event.cluster === place.name && (service === undefined || event.service === service);

  const first = firstEvents(cache, place.name, request, matches);
  if (!request.follow) {
    yield* first;
    return;
  }
  const coming = new Channel<EventRecord>(MOST_WAITING);
  let seen = cache.revision;
  const take = (batch: ChangeBatch): void => {
    const gone = horizonOf(cache, place.name);
    if (gone > lastNumber(seen)) coming.fail(missing(place.name, gone, lastNumber(seen)));
    seen = batch.revision;
    for (const event of newEvents(batch).filter(matches)) {
      if (!coming.offer(event)) coming.fail(tooSlow());
    }
  };
  // Within one turn with the list above: nothing is between what was and what comes.
  const unsubscribe = cache.subscribe(take);
  try {
    yield* first;
    yield* untilAborted(coming, context.signal);
  } finally {
    unsubscribe();
  }
}

function firstEvents(
  state: State,
  cluster: string,
  { afterSequence, limit }: WatchEventsRequest,
  matches: (event: EventRecord) => boolean,
): EventRecord[] {
  // Of all clusters: a commit may have events of several.
  const past = inOrder(state.list(collections.events)).filter(matches);
  if (afterSequence === undefined) return limit > 0 ? past.slice(-limit) : [];
  const gone = horizonOf(state, cluster);
  if (afterSequence < gone) throw missing(cluster, gone, afterSequence);
  if (afterSequence > lastNumber(state.revision)) {
    throw new BerthError(
      'InvalidParameterException',
      `No event can have the number ${afterSequence} yet: the last change is ${state.revision}, events have numbers up to ` +
        `${lastNumber(state.revision)}. Is the number of another installation, or was etcd restored? Begin without a number.`,
    );
  }
  return past.filter(({ sequence }) => sequence > afterSequence);
}

/** Events of the cluster up to this number may be gone. */
function horizonOf(state: State, cluster: string): number {
  return state.get(collections.eventHorizons, cluster)?.value.sequence ?? -1;
}

function newEvents({ changes }: ChangeBatch): EventRecord[] {
  return inOrder(
    changes.flatMap(({ collection, before, after }) =>
      collection === 'events' && !before && after ? [after as Stored<EventRecord>] : [],
    ),
  );
}

function missing(cluster: string, gone: number, after: number): BerthError {
  return new BerthError(
    'InvalidParameterException',
    `Events of cluster ${cluster} after number ${after} can't be told without a gap: those up to ${gone} are not all kept any more. ` +
      `Begin after ${gone}, or without a number.`,
    { details: { keptAfter: String(gone) } },
  );
}

function tooSlow(): BerthError {
  return new BerthError(
    'LimitExceededException',
    `More than ${MOST_WAITING} events wait to be read; read faster, or ask for one service. ` +
      `Nothing is lost: go on after the number of the last event that you have.`,
  );
}
