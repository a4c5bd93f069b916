// What is known of a request when it has ended: for access logs, for `berth requests`, for CloudWatch's figures. It is filled in while the request passes, and
// only if an observer is there. Source: ALB reference, section 4.5; RequestRecord of proto/berth/v1/proxy.proto.
import type { ListenerRoutes, Route } from '@berth/model/routing/table.ts';

import type { ClientInfo, ClientProtocol } from './exchange-sides.ts';
import type { RequestHead } from './request-head.ts';
import type { Target } from './target.ts';
import { requestIdOf } from './trace.ts';

/** How far a request is from the letter of HTTP. Source: ALB reference, section 4.4. */
export interface DesyncFinding {
  readonly classification: 'Acceptable' | 'Ambiguous' | 'Severe';
  /** One of AWS's names. */
  readonly reason: string;
}

export interface RequestAttempt {
  readonly target: Target;
  reused: boolean;
  /** `answered`, or what went wrong in a few words. */
  outcome: string;
}

const NONE: readonly never[] = [];

/** Times are monotonic milliseconds; 0 is never. */
export class RequestSummary {
  readonly client: ClientInfo;
  readonly protocol: ClientProtocol;
  /** Undefined: it was refused before its head was understood. */
  readonly head: RequestHead | undefined;
  readonly listener: ListenerRoutes | undefined;
  /** Where it really came in. */
  readonly port: number;
  /** Wall time in milliseconds when its head was complete. */
  readonly at: number;
  readonly startedAt: number;
  /** Asked for a WebSocket; with status 101 it got one. */
  readonly upgrade: boolean;
  route: Route | undefined;
  routingRevision = 0;
  /** authenticate, fixed-response, forward, redirect */
  actions: readonly string[] = NONE;
  group: string | undefined;
  /** The last that it was sent to. */
  target: Target | undefined;
  attempts: readonly RequestAttempt[] = NONE;
  /** Sent to the client; 0: nothing, it was gone. 460 is never sent: the client left before its answer. */
  status = 0;
  /** Sent by the target; 0: nothing. */
  targetStatus = 0;
  receivedBytes = 0;
  sentBytes = 0;
  /** How long its head took to come, before `startedAt`; 0 where it came at once. */
  headMs = 0;
  authenticatedAt = 0;
  chosenAt = 0;
  connectedAt = 0;
  /** The head of the request, and the body that was there, went out. */
  sentAt = 0;
  /** The head of the target's answer came. */
  answeredAt = 0;
  endedAt = 0;
  errorReason: string | undefined;
  /** The value of X-Amzn-Trace-Id as the target got it. */
  trace = '';
  redirectUrl: string | undefined;
  desync: DesyncFinding | undefined;
  transformedHost: string | undefined;
  transformedUri: string | undefined;
  transformStatus:
    | 'TransformBufferTooSmall'
    | 'TransformCompileError'
    | 'TransformSuccess'
    | 'TransformError'
    | undefined;

  constructor(
    client: ClientInfo,
    protocol: ClientProtocol,
    head: RequestHead | undefined,
    listener: ListenerRoutes | undefined,
    port: number,
    at: number,
    startedAt: number,
    upgrade: boolean,
  ) {
    this.client = client;
    this.protocol = protocol;
    this.head = head;
    this.listener = listener;
    this.port = port;
    this.at = at;
    this.startedAt = startedAt;
    this.upgrade = upgrade;
  }

  /** Nearly all requests have one action and one attempt: a list that is made once is smaller than one that grows. */
  act(action: string): void {
    this.actions = this.actions.length === 0 ? [action] : [...this.actions, action];
  }

  attempt(attempt: RequestAttempt): void {
    this.attempts = this.attempts.length === 0 ? [attempt] : [...this.attempts, attempt];
  }

  /** The part of the trace that is this request's own: 1-8HEX-24HEX. Empty for a request that was refused unread. */
  get requestId(): string {
    return requestIdOf(this.trace);
  }
}

export interface RequestObserver {
  /** Called once a request, synchronously, when it has ended; it must not throw. The summary is the observer's to keep. */
  onRequestEnd(summary: RequestSummary): void;
}
