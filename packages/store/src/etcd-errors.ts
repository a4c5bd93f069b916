// What etcd's errors mean: whether the request may have been carried out, whether repeating it can help, and
// how to say it to a person.
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import { status } from '@grpc/grpc-js';

interface Failure {
  readonly code: number;
  readonly details: string;
}

function failureOf(error: unknown): Failure | undefined {
  if (typeof error !== 'object' || error === null || isBerthError(error)) return undefined;
  const { code, details } = error as Partial<Failure>;
  return typeof code === 'number' ? { code, details: details ?? '' } : undefined;
}

const TRANSIENT: ReadonlySet<number> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNKNOWN,
  status.INTERNAL,
  status.ABORTED,
]);

/** Trouble with a member or the way to it: the request may have been carried out, and another member may do better. */
export function isTransient(error: unknown): boolean {
  const failure = failureOf(error);
  return failure !== undefined && TRANSIENT.has(failure.code);
}

/** etcd is overloaded and has refused the request before doing anything. */
export function isOverload(error: unknown): boolean {
  return saying(error, 'too many requests');
}

export function isNoSpace(error: unknown): boolean {
  return saying(error, 'database space exceeded');
}

export function isLeaseNotFound(error: unknown): boolean {
  return saying(error, 'requested lease not found');
}

export function isCompacted(error: unknown): boolean {
  return saying(causeOf(error), 'required revision has been compacted');
}

/** The answer did not fit; a smaller page may. */
export function isTooLargeAnswer(error: unknown): boolean {
  return saying(causeOf(error), 'Received message larger than max');
}

/** What etcd said, if it is wrapped already. */
function causeOf(error: unknown): unknown {
  return isBerthError(error) ? error.cause : error;
}

function saying(error: unknown, text: string): boolean {
  return failureOf(error)?.details.includes(text) ?? false;
}

/** @param attempted "reading /key" */
export function berthErrorOf(error: unknown, attempted: string): BerthError {
  if (isBerthError(error)) return error;
  if (isNoSpace(error)) {
    return new BerthError(
      'Unavailable',
      `etcd refused ${attempted}: its database has reached its quota, and until that is mended it takes no writes. ` +
        'Running tasks go on. On one member run "etcdctl compact --physical REVISION" with the newest revision, on each member ' +
        '"etcdctl defrag", then "etcdctl alarm disarm"; raise --quota-backend-bytes if it fills again.',
      { cause: error, details: { etcd: 'nospace' } },
    );
  }
  const failure = failureOf(error);
  if (failure?.code === status.PERMISSION_DENIED || failure?.code === status.UNAUTHENTICATED) {
    return new BerthError(
      'AccessDeniedException',
      `etcd refused ${attempted} to this identity: ${failure.details}. Check the certificate and etcd's users.`,
      { cause: error },
    );
  }
  if (failure?.code === status.INVALID_ARGUMENT) {
    return new BerthError(
      'LimitExceededException',
      `etcd refused ${attempted}: ${failure.details}. Its limits are lower than Berth needs; ` +
        'see --max-txn-ops and --max-request-bytes.',
      { cause: error },
    );
  }
  return new BerthError('Unavailable', `etcd did not answer when ${attempted}.`, { cause: error });
}
