// A failed call as AWS's clients see it: a code, a text, an HTTP status.
import {
  type BerthError,
  type ErrorCode,
  isBerthError,
  messageChain,
} from '@berth/model/errors.ts';

import type { ServiceModel } from '../models/model.ts';

export interface FaultOptions {
  /** HTTP; 400 by default. */
  readonly status?: number;
  /** Further members of the answer, of AWS JSON only: `resourceIds` of a ConflictException. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Of a text, in characters. Texts repeat what was sent, which can be anything. */
export const LONGEST_TEXT = 2_000;

export class Fault extends Error {
  readonly code: string;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;

  /** @param code as it stands on the wire */
  constructor(code: string, message: string, { status = 400, members = {} }: FaultOptions = {}) {
    super(shortened(message));
    this.name = code;
    this.code = code;
    this.status = status;
    this.members = members;
  }

  /** Whose fault it is, in the words of the Query protocol. */
  get type(): 'Sender' | 'Receiver' {
    return this.status >= 500 ? 'Receiver' : 'Sender';
  }
}

function shortened(message: string): string {
  if (message.length <= LONGEST_TEXT) return message;
  return `${message.slice(0, LONGEST_TEXT - 1).toWellFormed()}…`;
}

/** What a service calls the errors that all services have. */
export interface FaultCodes {
  /** For what its own model does not name. */
  readonly invalid: string;
  readonly denied: { readonly code: string; readonly status: number };
  /** The SDKs try these again. */
  readonly internal: string;
}

/** Errors that are the server's fault. */
const SERVER_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'ServerException',
  'NotLeader',
  'StaleView',
  'Unavailable',
  'DeadlineExceeded',
  'Cancelled',
  'Internal',
]);

/** An error of Berth's operations as a fault of this service. What is no `BerthError` is not for callers to see. */
export function faultOf(error: unknown, model: ServiceModel, codes: FaultCodes): Fault {
  if (error instanceof Fault) return error;
  if (!isBerthError(error)) {
    return new Fault(codes.internal, 'The request failed for an unknown reason.', { status: 500 });
  }
  if (SERVER_FAULTS.has(error.code)) {
    return new Fault(codes.internal, messageChain(error), { status: 500 });
  }
  if (error.code === 'AccessDeniedException') {
    return new Fault(codes.denied.code, error.message, { status: codes.denied.status });
  }
  const status = statusesOf(model).get(error.code);
  if (status === undefined && error.code !== codes.invalid) {
    return new Fault(codes.invalid, error.message);
  }
  return new Fault(error.code, error.message, { status: status ?? 400, members: membersOf(error) });
}

/** Lists travel in details as texts with commas. */
function membersOf({ details }: BerthError): Record<string, unknown> {
  const ids = details['resourceIds'];
  return ids === undefined ? {} : { resourceIds: ids.split(',') };
}

const statuses = new Map<ServiceModel, ReadonlyMap<string, number>>();

/** HTTP status by code on the wire. */
function statusesOf(model: ServiceModel): ReadonlyMap<string, number> {
  let found = statuses.get(model);
  if (!found) {
    found = new Map(Object.values(model.errors).map(({ code, status }) => [code, status]));
    statuses.set(model, found);
  }
  return found;
}
