// The event stream: what has happened, then what happens.
import { Channel } from '@berth/control/channel.ts';
import { untilAborted } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { EventRecord, WatchEventsRequest } from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { Stored } from '@berth/store/state.ts';

import type { OwnOperationsDeps } from './deps-operations.ts';
import { requireCluster, requireService } from './resolve.ts';

/** Events that may wait for a slow reader. */
const MOST_WAITING = 1_000;

/** @throws BerthError ClusterNotFoundException, ServiceNotFoundException; LimitExceededException when the reader is too slow */
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

  const past = Array.from(cache.list(collections.events, place.name), ({ value }) => value)
    .filter(matches)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const first = request.limit > 0 ? past.slice(-request.limit) : [];
  if (!request.follow) {
    yield* first;
    return;
  }
  const coming = new Channel<EventRecord>(MOST_WAITING);
  const unsubscribe = cache.subscribe(({ changes }) => {
    for (const { collection, before, after } of changes) {
      if (collection !== 'events' || before || !after) continue;
      const { value } = after as Stored<EventRecord>;
      if (matches(value) && !coming.offer(value)) coming.fail(tooSlow());
    }
  });
  try {
    yield* first;
    yield* untilAborted(coming, context.signal);
  } finally {
    unsubscribe();
  }
}

function tooSlow(): BerthError {
  return new BerthError(
    'LimitExceededException',
    `More than ${MOST_WAITING} events wait to be read; read faster, or ask for one service.`,
  );
}
