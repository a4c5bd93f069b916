// The two sides of an exchange, whatever protocol either speaks. A front (HTTP/1.1 on raw sockets, HTTP/2) makes a `ClientRequest` and hands it to the
// dispatcher; a pool (HTTP/1.1 connections, HTTP/2 sessions) makes an `Upstream`. The exchange between them knows neither.
//
// Header fields travel as `lines`: the end-to-end fields in their order, each `Name: value\r\n` in latin-1 and already checked, so that HTTP/1.1
// copies them as one text. `headerPairs` of header-lines.ts splits them for whom needs them one by one.
import type { Socket } from 'node:net';

import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Whom a request came from. One object a connection. */
export interface ClientInfo {
  /** The peer's address, or what the PROXY protocol said it is; an IPv4 address in its own form. */
  readonly address: string;
  readonly port: number;
  /** Absent on a plain connection. */
  readonly tls?: ClientTls | undefined;
}

export interface ClientTls {
  /** TLSv1.2, TLSv1.3 */
  readonly version: string;
  /** OpenSSL's name of the cipher. */
  readonly cipher: string;
  /** What the client asked for by SNI. */
  readonly serverName: string | undefined;
  /** The ARN of the certificate that it was shown. */
  readonly certificateArn: string;
  /** Headers that state who the client is by its certificate, for the target. */
  readonly identityHeaders: readonly (readonly [name: string, value: string])[];
}

export type ClientProtocol = 'http/1.0' | 'http/1.1' | 'h2';

/**
 * A request whose head has come. Its methods may be called only until `finish`, `reset` or `tunnel` of its answer; what of its
 * body has not come by then is the front's to get rid of.
 */
export interface ClientRequest {
  readonly protocol: ClientProtocol;
  readonly client: ClientInfo;
  readonly head: RequestHead;
  /** Monotonic milliseconds when its head was complete. */
  readonly startedAt: number;
  /** How long its head took to come, where it did not come at once. */
  readonly headMs?: number;
  /** A WebSocket handshake that may be tunnelled; HTTP/1.1 only. */
  readonly upgrade: boolean;
  /** All of the request has come. */
  readonly complete: boolean;
  /** Bytes received and sent so far, heads included. */
  readonly received: number;
  readonly sent: number;
  readonly answer: AnswerSink;
  /** Who takes the body and learns of the client's fate. */
  owner: RequestOwner | undefined;
  /** Lets the body come: it waits until this is called. What is there already may be handed over before the call returns. */
  resumeBody(): void;
  pauseBody(): void;
}

export interface RequestOwner {
  onRequestBody(chunk: Buffer): void;
  /** The last byte of the body has come. `trailers` are lines. Not called for a request without a body (`bodyLength` 0). */
  onRequestEnd(trailers: string): void;
  /** The client has taken what was written; more may be. */
  onClientWritable(): void;
  /** Last: the client is gone, or what it sent turned out to be malformed or too slow (`status`: what to answer if that is still possible). */
  onClientLost(reason: 'gone' | 'malformed' | 'stalled', status?: number): void;
}

/** Where the answer goes. */
export interface AnswerSink {
  /** Something of the final answer has been handed over. */
  readonly begun: boolean;
  /** The client does not take what is written. */
  readonly full: boolean;
  /** An interim answer: 103. Dropped where the client may not know what to do with it. */
  informational(status: number, lines: string): void;
  /**
   * @param lines end-to-end fields; the sink adds those that frame the answer
   * @param bodyLength -1 is unknown. Where the answer has no body (HEAD, 304) this is still what its head states.
   * @param close nothing follows on this connection
   */
  head(status: number, reason: string, lines: string, bodyLength: number, close: boolean): void;
  /** @returns false when the owner should wait for `onClientWritable` */
  body(chunk: Buffer): boolean;
  /** Nothing more is at hand now: what was handed over goes out. Not needed after `finish`. */
  flush(): void;
  /** Last. `trailers` are lines, dropped where the protocol or the client can't take them. */
  finish(chunk?: Buffer, trailers?: string): void;
  /** Last: breaks off, so that the client sees a truncated answer as such. */
  reset(): void;
  /** Last: answers 101 with the target's `head` and hands over the client's side. Only with `upgrade`. */
  tunnel(head: ResponseHead): Tunnel;
}

/** The client's side of a tunnel. */
export interface Tunnel {
  readonly socket: Socket;
  /** What the client has sent of the new protocol already. */
  readonly early: Buffer;
}

/** A request as its target gets it; the upstream adds what frames it. */
export interface OutgoingRequest {
  readonly method: string;
  /** Origin-form, or `*`. */
  readonly target: string;
  /** For Host or `:authority`. */
  readonly authority: string;
  /** End-to-end fields, and those that the proxy states. No Host, no framing. */
  readonly lines: string;
  /** -1 is unknown. */
  readonly bodyLength: number;
  /** Asks the target to switch to WebSocket. */
  readonly upgrade: boolean;
  /** The client takes trailers (`TE: trailers`), and says so to the target. */
  readonly trailers: boolean;
  /** How long nothing may come or go before the target is given up. */
  readonly idleTimeoutMs: number;
}

/** The target's side of one exchange: a connection of HTTP/1.1 in use, or a stream of HTTP/2. */
export interface Upstream {
  /** It had carried another exchange before, or shares a connection that had. */
  readonly reused: boolean;
  /** The target does not take what is written. */
  readonly full: boolean;
  /**
   * Sends the head, after which the body may be written if there is one.
   * @returns false when not even that was possible; the owner is told soon that it is lost
   */
  send(owner: UpstreamOwner, request: OutgoingRequest): boolean;
  /** A part of the body, unframed. @returns false when the owner should wait for `onWritable` */
  write(chunk: Buffer): boolean;
  /** The body is complete. */
  end(trailers: string): void;
  pause(): void;
  resume(): void;
  /** After this exchange the connection is not used again. */
  retire(): void;
  /** Breaks the exchange off; the owner, who asked for it, is not told. */
  abandon(): void;
}

/**
 * The exchange that an upstream carries. None of its methods is called after the last of the exchange, nor within `send`. What they are handed of the body is lent
 * for the call, as it is to an `AnswerSink`: see `keep` of http1/read-buffer.ts.
 */
export interface UpstreamOwner {
  /** 103. */
  onInformational(status: number, lines: string): void;
  onHead(head: ResponseHead): void;
  onBody(chunk: Buffer): void;
  /** All that has come so far has been handed on. */
  onPause(): void;
  /** Last: the whole response has come; `chunk` is what is left of it, `trailers` are lines. */
  onResponseEnd(chunk: Buffer | undefined, trailers: string): void;
  /** Last: the socket is the owner's now. */
  onUpgrade(head: ResponseHead, socket: Socket, rest: Buffer): void;
  /** There is room for more of the request. */
  onWritable(): void;
  /** Last: there will be no more of the response. */
  onLost(loss: Loss): void;
}

export interface Loss {
  /** `cut`: by the proxy itself, the deregistration delay being over. `refused`: the target took the connection, but not this request. */
  readonly kind: 'closed' | 'malformed' | 'timeout' | 'cut' | 'refused';
  readonly message: string;
  /** Some byte of the response had come. */
  readonly started: boolean;
  /** As of the upstream. */
  readonly reused: boolean;
  /** The target can't have acted on the request: no byte of it was taken, or it said so. */
  readonly unsent: boolean;
}

export interface ConnectFailure {
  /** `shortage`: the proxy itself lacks files, ports or memory, which says nothing about the target. */
  readonly kind: 'refused' | 'timeout' | 'retired' | 'shortage';
  readonly message: string;
}

/** Who waits for a new connection. Exactly one of the two is called, not before `connect` returns, unless it gives up first. */
export interface ConnectionWaiter {
  onConnected(upstream: Upstream): void;
  onRefused(failure: ConnectFailure): void;
}

/** The connections to one registration of a target. */
export interface TargetPool {
  /** Open connections. */
  readonly open: number;
  /**
   * An idle connection, or a session with room.
   * @param maximumIdleMs for how long it may have been idle
   * @param now monotonic milliseconds
   */
  take(maximumIdleMs: number, now: number): Upstream | undefined;
  /** @param upgrade the connection is to become a tunnel */
  connect(waiter: ConnectionWaiter, upgrade: boolean): void;
  /** The waiter gives up; it is not called any more. */
  cancel(waiter: ConnectionWaiter): void;
  /** Looks for what has been idle or silent for too long; to be called about once a second. */
  sweep(): void;
  /** From now on nothing is kept for reuse. Exchanges go on. */
  closeIdle(): void;
  /** Connections that do not stand yet are given up. */
  refuseWaiting(): void;
  /** Breaks off everything that is open. */
  cut(message: string): void;
}
