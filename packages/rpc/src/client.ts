// Typed gRPC clients over mutual TLS. Every unary call has a deadline; streams are iterables with
// back-pressure in both directions; every failure is a `BerthError`. Nothing is repeated here: a call is
// sent once, on a connection that stands, or not at all.
import { untilAborted } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import * as grpc from '@grpc/grpc-js';

import type { CallOptions, Client, TlsIdentity } from './api.ts';
import { LINK_OPTIONS, OWN_KEEPALIVE, linkTo } from './channel-options.ts';
import type { ServiceName } from './generated/services.ts';
import { endingWhenSilent } from './listening.ts';
import { methodsOf, type Method } from './load.ts';
import { deadlineIn } from './network-time.ts';
import { fromWire } from './status.ts';
import { sendAll } from './streams.ts';

export interface ConnectionOptions {
  /** HOST:PORT, one or several; calls fail over among them. */
  readonly addresses: readonly string[];
  readonly tls: TlsIdentity;
}

/** One HTTP/2 connection (a channel), shared by the clients made from it. */
export interface Connection {
  client<S extends ServiceName>(service: S): Client<S>;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** How long one address may take to connect before the next is tried. */
const CONNECT_MS = 2_000;

/**
 * A connection that dials when the first call asks for it, and again whenever it breaks. With several addresses a call goes
 * to the one that last worked, passing over one that answered Unavailable, or else to the first that can be connected to. Streams begin when they are first iterated.
 * @throws BerthError InvalidParameterException when an address is not HOST:PORT
 */
export function connect(options: ConnectionOptions): Connection {
  if (options.addresses.length === 0) {
    throw new BerthError('InvalidParameterException', "Can't connect: no address was given.");
  }
  const links = options.addresses.map((address) => {
    const { target, credentials, options: channelOptions } = linkTo(address, options.tls);
    return {
      address,
      client: new grpc.Client(target, endingWhenSilent(credentials), {
        ...LINK_OPTIONS,
        ...OWN_KEEPALIVE,
        ...channelOptions,
      }),
    };
  });
  let preferred = 0;
  let closed = false;

  /** Whoever answers that it can't serve now, or does not answer in time, is not asked first the next time. */
  function passOver(link: Link, error: BerthError): BerthError {
    const cannot = error.code === 'Unavailable' || error.code === 'DeadlineExceeded';
    if (cannot && links[preferred] === link) {
      preferred = (preferred + 1) % links.length;
    }
    return error;
  }

  async function choose(signal: AbortSignal | undefined): Promise<Link> {
    for (let tried = 0; tried < links.length; tried += 1) {
      const index = (preferred + tried) % links.length;
      const link = links[index] as Link;
      // With no other address to turn to, the call itself waits for the connection and says why there is none.
      if (links.length === 1 || (await isReady(link.client.getChannel(), signal))) {
        preferred = index;
        return link;
      }
    }
    return links[preferred] as Link;
  }

  function assertOpen(call: string): void {
    if (closed) throw new BerthError('Cancelled', `${call} failed: the connection is closed.`);
  }

  async function unary(call: Call, request: unknown, callOptions: CallOptions): Promise<unknown> {
    const timeoutMs = callOptions.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = deadlineIn(timeoutMs);
    assertOpen(call.name);
    const link = await choose(callOptions.signal);
    assertOpen(call.name);
    const { signal } = callOptions;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(cancelled(call.name, signal));
        return;
      }
      const onAbort = (): void => sent.cancel();
      const sent = link.client.makeUnaryRequest(
        call.method.path,
        (value: unknown) => call.method.request.encode(value),
        (bytes) => call.method.response.decode(bytes),
        request,
        metadataOf(callOptions),
        { deadline },
        (error, response) => {
          signal?.removeEventListener('abort', onAbort);
          if (error) reject(passOver(link, failure(error, call.name, link.address, signal)));
          else resolve(response);
        },
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async function* streaming(
    call: Call,
    request: unknown,
    callOptions: CallOptions,
  ): AsyncGenerator<unknown, void, undefined> {
    const { signal, timeoutMs } = callOptions;
    assertOpen(call.name);
    const link = await choose(signal);
    assertOpen(call.name);
    if (signal?.aborted) throw cancelled(call.name, signal);
    const { path, request: requestCodec, response, kind } = call.method;
    const encode = (value: unknown): Buffer => requestCodec.encode(value);
    const decode = (bytes: Buffer): unknown => response.decode(bytes);
    const deadline = timeoutMs === undefined ? {} : { deadline: deadlineIn(timeoutMs) };
    const metadata = metadataOf(callOptions);
    const over = new AbortController();
    let unsendable: Error | undefined;
    let incoming: grpc.ClientReadableStream<unknown>;
    if (kind === 'server') {
      incoming = link.client.makeServerStreamRequest(
        path,
        encode,
        decode,
        request,
        metadata,
        deadline,
      );
    } else {
      const duplex = link.client.makeBidiStreamRequest(path, encode, decode, metadata, deadline);
      incoming = duplex;
      sendAll(request as AsyncIterable<unknown>, duplex, over.signal).catch((error: unknown) => {
        if (over.signal.aborted) return;
        unsendable = error instanceof Error ? error : new Error(String(error));
        duplex.cancel();
      });
    }
    const onAbort = (): void => incoming.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    incoming.on('error', () => undefined); // cancelling reports an error even when nobody iterates any more
    try {
      yield* untilAborted(incoming as AsyncIterable<unknown>, over.signal);
    } catch (error) {
      throw unsendable ?? passOver(link, failure(error, call.name, link.address, signal));
    } finally {
      signal?.removeEventListener('abort', onAbort);
      over.abort(cancelled(call.name, signal));
      incoming.cancel();
    }
  }

  function callTo(service: ServiceName, method: Method): unknown {
    const call = { method, name: `${service}.${method.name}` };
    return method.kind === 'unary'
      ? (request: unknown, callOptions: CallOptions = {}) => unary(call, request, callOptions)
      : (request: unknown, callOptions: CallOptions = {}) => streaming(call, request, callOptions);
  }

  return {
    client: <S extends ServiceName>(service: S) => {
      const calls = [...methodsOf(service).values()].map((method) => [
        method.name,
        callTo(service, method),
      ]);
      return Object.fromEntries(calls) as Client<S>;
    },
    close: () => {
      closed = true;
      for (const link of links) link.client.close();
    },
  };
}

interface Link {
  readonly address: string;
  readonly client: grpc.Client;
}

interface Call {
  readonly method: Method;
  readonly name: string;
}

/** Dials if need be. False: it can't be connected to now, or not within CONNECT_MS. */
async function isReady(
  channel: grpc.ChannelInterface,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const deadline = deadlineIn(CONNECT_MS);
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === grpc.connectivityState.READY) return true;
    if (state === grpc.connectivityState.TRANSIENT_FAILURE || signal?.aborted) return false;
    const changed = await new Promise<boolean>((resolve) => {
      channel.watchConnectivityState(state, deadline, (error) => resolve(!error));
    });
    if (!changed) return false;
  }
}

function metadataOf(options: CallOptions): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return metadata;
}

function cancelled(call: string, signal: AbortSignal | undefined): BerthError {
  return new BerthError('Cancelled', `${call} was cancelled by its caller.`, {
    cause: signal?.reason,
  });
}

function failure(
  error: unknown,
  call: string,
  address: string,
  signal: AbortSignal | undefined,
): BerthError {
  if (signal?.aborted) return cancelled(call, signal);
  const mapped = fromWire(error, `${call} at ${address}`);
  // A connection that goes away may show as CANCELLED, although nobody cancelled.
  const { code } = error as Partial<grpc.ServiceError>;
  const own = (error as Partial<grpc.ServiceError>).metadata?.get('berth-error').length;
  if (code === grpc.status.CANCELLED && !own) {
    return new BerthError('Unavailable', mapped.message, { cause: error });
  }
  return mapped;
}
