// The two sides of an exchange, whatever protocol either speaks. A front (HTTP/1.1 on raw sockets, HTTP/2) makes a `ClientRequest`; a pool
// (HTTP/1.1 connections, HTTP/2 sessions) makes an `Upstream`. The exchange between them knows neither.
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Whom a request came from. */
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

/** A request whose head has come. Its methods may be called only until `finish` of its answer, or `reset`. */
export interface ClientRequest {
  readonly protocol: ClientProtocol;
  readonly client: ClientInfo;
  readonly head: RequestHead;
  /** A WebSocket handshake that may be tunnelled; HTTP/1.1 only. */
  readonly upgrade: boolean;
  /** All of the request has come. */
  readonly complete: boolean;
  /** Bytes received and sent so far, heads included. */
  readonly received: number;
  readonly sent: number;
  readonly answer: AnswerSink;
  /** Who takes the body and learns of the client's fate. No body is read before it is set. */
  owner: RequestOwner | undefined;
  pauseBody(): void;
  resumeBody(): void;
  /** The rest of the body is read and thrown away, or its stream is reset: nobody wants it. */
  discardBody(): void;
}

export interface RequestOwner {
  onBody(chunk: Buffer): void;
  /** The last byte of the body has come. `trailers` are name, value, name, value. */
  onBodyEnd(trailers: readonly string[]): void;
  /** The client has taken what was written; more may be. */
  onClientWritable(): void;
  /** Last: the client is gone, or what it sent turned out to be malformed (`status`: what to answer if that is still possible). */
  onClientLost(reason: 'gone' | 'malformed' | 'stalled', status?: number): void;
}

/** Where the answer goes. */
export interface AnswerSink {
  /** Something of the final answer has been handed over. */
  readonly begun: boolean;
  /** The client does not take what is written. */
  readonly full: boolean;
  /** An interim answer: 103. */
  informational(status: number, headers: readonly string[]): void;
  /**
   * @param headers name, value, name, value; hop-by-hop ones are gone. The sink adds framing by `bodyLength`: -1 is unknown.
   * @param close nothing follows on this connection
   */
  head(status: number, reason: string, headers: readonly string[], bodyLength: number, close: boolean): void;
  /** @returns false when the owner should wait for `onClientWritable` */
  body(chunk: Buffer): boolean;
  /** Last. `trailers` are dropped where the protocol or the client can't take them. */
  finish(chunk?: Buffer, trailers?: readonly string[]): void;
  /** Last: breaks off, so that the client sees a truncated answer as such. */
  reset(): void;
  /** Last: hands over the client's side for a tunnel. HTTP/1.1 with `upgrade` only. */
  tunnel(head: ResponseHead): Tunnel;
}

/** The client's side of a tunnel. */
export interface Tunnel {
  readonly stream: import('node:stream').Duplex;
  /** What the client has sent of the new protocol already. */
  readonly early: Buffer;
}
