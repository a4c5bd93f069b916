// A watch on a stream of its own. The package's watcher resumes from the wrong revision after a cut, so here
// every cut ends the watch and the caller goes on from what it has applied. Batches are whole revisions.
import type { Clock } from '@berth/control/clock.ts';
import { childScope } from '@berth/control/scope.ts';
import { isBerthError } from '@berth/model/errors.ts';

import { endOf, isMark } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';
import { DELETED, type WatchAnswer } from './etcd-messages.ts';
import { watchFailed } from './failures.ts';
import type { WatchBatch, WatchEvent } from './store.ts';

/** etcd confirms a watch at once; if it does not, its member is in trouble. */
const CREATED_WITHIN_MS = 5_000;

export interface EtcdWatchOptions {
  readonly link: EtcdLink;
  readonly clock: Clock;
  /** The cluster id seen by the last read; '' before one. */
  readonly clusterId: () => string;
  /** The cluster's newest revision, read through the quorum. */
  readonly newestRevision: (signal: AbortSignal) => Promise<number>;
}

/** As `Store.watch`. */
export async function* watchEtcd(
  options: EtcdWatchOptions,
  prefix: string,
  fromRevision: number,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch, void, undefined> {
  const { link, clock } = options;
  const member = link.member;
  const scope = childScope(signal);
  const stream = member.watch();
  const cancel = (): void => stream.cancel();
  let created = false;
  stream.on('error', () => undefined); // the iteration below reports it
  scope.signal.addEventListener('abort', cancel, { once: true });
  const expiry = clock.sleep(CREATED_WITHIN_MS, scope.signal).then(
    () => {
      if (!created) stream.cancel();
    },
    () => undefined,
  );
  try {
    signal.throwIfAborted();
    stream.write({
      create: {
        key: Buffer.from(prefix),
        rangeEnd: endOf(prefix),
        startRevision: fromRevision,
        progressNotify: true,
        fragment: true,
      },
    });
    let events: WatchAnswer['events'] = [];
    for await (const response of stream as AsyncIterable<WatchAnswer>) {
      if (response.created) {
        created = true;
        await refuseRewound(options, response, prefix, fromRevision, signal);
      }
      if (response.canceled) throw cancelled(response, prefix);
      if (created && !response.created) {
        events = events.length === 0 ? response.events : events.concat(response.events);
        if (response.fragment) continue;
        yield batchOf(events, response.header.revision);
        events = [];
      }
    }
    if (!signal.aborted) throw watchFailed(prefix, 'disconnected');
  } catch (error) {
    if (signal.aborted) return;
    link.leave(member);
    throw isBerthError(error, 'Unavailable') ? error : watchFailed(prefix, 'disconnected', error);
  } finally {
    scope.signal.removeEventListener('abort', cancel);
    scope.abort();
    stream.cancel();
    await expiry;
  }
}

/** A store that was restored from a backup has a lower revision or another id: nothing would ever come. */
async function refuseRewound(
  options: EtcdWatchOptions,
  { header }: WatchAnswer,
  prefix: string,
  fromRevision: number,
  signal: AbortSignal,
): Promise<void> {
  const known = options.clusterId();
  if (known !== '' && header.clusterId !== known) throw watchFailed(prefix, 'rewound');
  // A member that lags behind is no reason: ask the quorum.
  if (header.revision >= fromRevision - 1) return;
  if ((await options.newestRevision(signal)) < fromRevision - 1) {
    throw watchFailed(prefix, 'rewound');
  }
}

function cancelled(response: WatchAnswer, prefix: string): Error {
  if (response.compactRevision !== 0) return watchFailed(prefix, 'compacted');
  return watchFailed(prefix, 'disconnected', new Error(response.cancelReason));
}

/** With events the header may be ahead of them while the watch catches up; without, it says what has been passed. */
function batchOf(found: WatchAnswer['events'], headerRevision: number): WatchBatch {
  const last = found.at(-1);
  const events: WatchEvent[] = [];
  for (const { type, kv } of found) {
    const { key, modRevision } = kv;
    if (isMark(key)) continue;
    events.push(type === DELETED ? { key, modRevision } : { key, entry: kv, modRevision });
  }
  return { revision: last ? last.kv.modRevision : headerRevision, events };
}
