// Wraps one handler for grpc-js: decode, identify the caller, run, encode, map what was thrown, report.
import { abortable, childScope, untilAborted, type Scope } from '@berth/control/scope.ts';
import type { Logger } from '@berth/control/logger.ts';
import { BerthError, isBerthError, messageChain, type ErrorCode } from '@berth/model/errors.ts';
import type * as grpc from '@grpc/grpc-js';

import type { CallContext } from './api.ts';
import type { ServiceName } from './generated/services.ts';
import { identityOf } from './identity.ts';
import type { Method } from './load.ts';
import { toWire } from './status.ts';
import { sendAll } from './streams.ts';
import { unknownWords } from './words.ts';

/** A handler of any method; `methodsOf` says what it really takes and gives. */
export type AnyHandler = (request: unknown, context: CallContext) => unknown;

export interface HandlerScope {
  readonly logger: Logger;
  /** Ends every open stream. */
  readonly streams: AbortSignal;
  /** Ends every open unary call. */
  readonly calls: AbortSignal;
  readonly onCall: (method: string, code: string, seconds: number) => void;
  readonly newRequestId: () => string;
}

interface AnyCall extends Pick<UnaryCall, 'metadata' | 'getAuthContext' | 'getPeer'> {
  once(event: 'cancelled', listener: () => void): unknown;
}
type UnaryCall = grpc.ServerUnaryCall<Buffer, Buffer>;
type DuplexCall = grpc.ServerDuplexStream<Buffer, Buffer>;
type StreamCall = grpc.ServerWritableStream<Buffer, Buffer> | DuplexCall;

export function handlerOf(
  service: ServiceName,
  method: Method,
  handler: AnyHandler,
  scope: HandlerScope,
): grpc.UntypedHandleCall {
  const name = `${service}.${method.name}`;
  if (method.kind === 'unary') {
    return (call: UnaryCall, answer: grpc.sendUnaryData<Buffer>) => {
      void observed(name, call, scope.calls, scope, async (context) => {
        const request = requestOf(service, method, call.request);
        refuseUnknownWords(service, method, request);
        const response = await abortable(
          handler(request, context) as Promise<object>,
          context.signal,
        );
        answer(null, method.response.encode(response));
      }).then(
        (error) => error && answer({ ...toWire(error), name: error.code, message: error.message }),
      );
    };
  }
  return (call: StreamCall) => {
    call.on('error', () => undefined); // its caller is gone; `cancelled` has said so
    void observed(name, call, scope.streams, scope, async (context) => {
      const request =
        method.kind === 'server'
          ? requestOf(service, method, (call as grpc.ServerWritableStream<Buffer, Buffer>).request)
          : requestsOf(service, method, call as DuplexCall, context.signal);
      const responses = handler(request, context) as AsyncIterable<object>;
      await sendAll(responses, call, context.signal, (value) => method.response.encode(value));
    }).then(
      (error) =>
        error && call.emit('error', Object.assign(new Error(error.message), toWire(error))),
    );
  };
}

/** Run one call in a context of its own. @returns what to tell the caller if it failed; never throws */
async function observed(
  name: string,
  call: AnyCall,
  ends: AbortSignal,
  server: HandlerScope,
  run: (context: CallContext) => Promise<void>,
): Promise<BerthError | undefined> {
  const started = performance.now();
  const scope = childScope(ends);
  call.once('cancelled', () => {
    scope.abort(
      new BerthError('Cancelled', `The caller of ${name} is gone, or its deadline has passed.`),
    );
  });
  const requestId = header(call, 'berth-request-id') ?? server.newRequestId();
  let failure: BerthError | undefined;
  try {
    const context = contextOf(call, requestId, scope);
    await run(context);
  } catch (error) {
    failure = isBerthError(error) ? error : unexpected(error, name, requestId, server.logger);
  } finally {
    scope.abort(new BerthError('Cancelled', `${name} has been answered.`));
  }
  server.onCall(name, failure?.code ?? 'OK', (performance.now() - started) / 1000);
  return failure;
}

function contextOf(call: AnyCall, requestId: string, scope: Scope): CallContext {
  const certificate = call.getAuthContext().sslPeerCertificate;
  const metadata = Object.entries(call.metadata.getMap()).map(([key, value]): [string, string] => [
    key,
    String(value),
  ]);
  return {
    identity: identityOf(certificate?.subjectaltname ?? ''),
    peer: call.getPeer(),
    requestId,
    metadata: new Map(metadata),
    signal: scope.signal,
  };
}

function header(call: AnyCall, key: string): string | undefined {
  const value = call.metadata.get(key)[0];
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : undefined;
}

/** What is not a `BerthError` is a bug of ours: the log has all of it, the caller the way to find it there. */
function unexpected(error: unknown, call: string, requestId: string, logger: Logger): BerthError {
  logger.error({ err: error, rpc: call, requestId }, 'a call failed unexpectedly');
  return new BerthError(
    'Internal',
    `${call} failed unexpectedly; the server's log has the reason under request ${requestId}.`,
  );
}

function refuseUnknownWords(service: ServiceName, method: Method, request: unknown): void {
  const [first] = unknownWords(method.requestMessage, request);
  if (!first) return;
  throw new BerthError(
    refusalOf(service),
    `${first.path}: "${first.found}" is not known; expected one of ${first.expected.join(', ')}.`,
  );
}

/** @throws BerthError when the bytes are no such message */
function requestOf(service: ServiceName, method: Method, bytes: Buffer): unknown {
  try {
    return method.request.decode(bytes);
  } catch (cause) {
    throw new BerthError(
      refusalOf(service),
      `${service}.${method.name}: the request is no ${method.requestMessage}: ${messageChain(cause)}.`,
    );
  }
}

function refusalOf(service: ServiceName): ErrorCode {
  return service === 'LoadBalancing' ? 'ValidationError' : 'InvalidParameterException';
}

/** A handler that stops reading goes on answering: leaving the iteration must not destroy the call. */
async function* requestsOf(
  service: ServiceName,
  method: Method,
  call: DuplexCall,
  signal: AbortSignal,
): AsyncGenerator<unknown, void, undefined> {
  const messages = call.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const bytes of untilAborted(messages, signal)) yield requestOf(service, method, bytes);
}
