// The errors of a store, in one place, so that both stores say the same and the cache can tell them apart.
import { BerthError, isBerthError } from '@berth/model/errors.ts';

/** Why a watch ended. After `disconnected` it may be resumed; after the others only a new list helps. */
export type WatchFailure = 'disconnected' | 'compacted' | 'rewound';

/** The error with which a watch ends. */
export function watchFailed(prefix: string, why: WatchFailure, cause?: unknown): BerthError {
  const text = {
    disconnected: 'the connection was lost',
    compacted: 'the store no longer has the revisions that were missed',
    rewound: 'the store was replaced by an older one or another',
  }[why];
  return new BerthError('Unavailable', `Watching ${prefix} ended: ${text}.`, {
    cause,
    details: { watch: why },
  });
}

/** True when the watch that failed so can go on where it was; else the records must be listed again. */
export function canResume(error: unknown): boolean {
  return isBerthError(error, 'Unavailable') && error.details['watch'] === 'disconnected';
}

export function leaseGone(id: string): BerthError {
  return new BerthError(
    'Unavailable',
    `Lease ${id} has ended, so no record can be stored under it. Take a new lease.`,
    { details: { lease: id } },
  );
}

/** The records of a past revision are asked for, and are not there any more. */
export function readCompacted(prefix: string, revision: number, cause?: unknown): BerthError {
  return new BerthError(
    'Unavailable',
    `The store has compacted revision ${revision}, so ${prefix} can't be read as it was.`,
    { cause, details: { read: 'compacted' } },
  );
}

export function isCompactedRead(error: unknown): boolean {
  return isBerthError(error, 'Unavailable') && error.details['read'] === 'compacted';
}
