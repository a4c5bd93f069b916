// The types of Berth's gRPC clients and servers. `server.ts` and `client.ts` fulfil them.
import type { Principal } from '@berth/model/access/principal.ts';

import type { ServiceName, ServiceTypes } from './generated/services.ts';

/** A request with everything optional that has a default on the wire. */
export type Input<T> = T extends Uint8Array | string | number | boolean
  ? T
  : T extends readonly (infer U)[]
    ? readonly Input<U>[]
    : T extends object
      ? { readonly [K in keyof T]?: Input<NonNullable<T[K]>> | undefined }
      : T;

/**
 * Whom a certificate names (URI berth://ROLE/NAME). `admin` is a person's or a program's, `control` a process of the
 * control plane's.
 */
export interface CertifiedIdentity {
  readonly role: 'admin' | 'control' | 'host' | 'proxy';
  readonly name: string;
}

/** Who proved by a signature (SigV4) that it has an access key. What it may do is up to its policies. */
export interface UserIdentity {
  readonly role: 'user';
  /** The user's name, or ROLE/SESSION. */
  readonly name: string;
  readonly principal: Principal;
  /** Whether the request came over TLS. */
  readonly secure?: boolean;
}

/** Who calls. */
export type Identity = CertifiedIdentity | UserIdentity;

export interface CallContext {
  readonly identity: Identity;
  readonly peer: string;
  readonly requestId: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** Aborted when the caller is gone, the deadline has passed or the server stops. */
  readonly signal: AbortSignal;
}

type Handler<M> = M extends { kind: 'unary'; request: infer Q; response: infer R }
  ? (request: Q, context: CallContext) => Promise<Input<R>>
  : M extends { kind: 'server'; request: infer Q; response: infer R }
    ? (request: Q, context: CallContext) => AsyncIterable<Input<R>>
    : M extends { kind: 'bidi'; request: infer Q; response: infer R }
      ? (requests: AsyncIterable<Q>, context: CallContext) => AsyncIterable<Input<R>>
      : never;

export type Handlers<S extends ServiceName> = {
  readonly [M in keyof ServiceTypes[S]]: Handler<ServiceTypes[S][M]>;
};

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Unary calls have a deadline always; 10 s by default. Streams have none. */
  readonly timeoutMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

type Call<M> = M extends { kind: 'unary'; request: infer Q; response: infer R }
  ? (request: Input<Q>, options?: CallOptions) => Promise<R>
  : M extends { kind: 'server'; request: infer Q; response: infer R }
    ? (request: Input<Q>, options?: CallOptions) => AsyncIterable<R>
    : M extends { kind: 'bidi'; request: infer Q; response: infer R }
      ? (requests: AsyncIterable<Input<Q>>, options?: CallOptions) => AsyncIterable<R>
      : never;

/** Calls fail with a `BerthError` whose code is the one that the server threw, or Unavailable, DeadlineExceeded, Cancelled. */
export type Client<S extends ServiceName> = {
  readonly [M in keyof ServiceTypes[S]]: Call<ServiceTypes[S][M]>;
};

/** PEM texts of one party and of the authority that it trusts. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}
