// The serving side of gRPC: mutual TLS, the caller's identity from its certificate, and every handler
// wrapped so that whatever it throws becomes a status and never an unhandled rejection.
import { randomBytes } from 'node:crypto';

import { BerthError } from '@berth/model/errors.ts';
import type { Logger } from '@berth/control/logger.ts';
import * as grpc from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

import type { Handlers, TlsIdentity } from './api.ts';
import { formatAddress, parseAddress, SERVER_OPTIONS } from './channel-options.ts';
import type { ServiceName } from './generated/services.ts';
import { handlerOf, type AnyHandler, type HandlerScope } from './handlers.ts';
import { endSilentClients } from './listening.ts';
import { methodsOf } from './load.ts';
import { after, soon } from './network-time.ts';
import { reflectionService } from './reflection.ts';

export interface ServerOptions {
  /** HOST:PORT to listen on; port 0 picks a free one. */
  readonly address: string;
  readonly tls: TlsIdentity;
  readonly services: { readonly [S in ServiceName]?: Handlers<S> };
  readonly logger: Logger;
  readonly onCall?: (method: string, code: string, seconds: number) => void;
}

export interface RpcServer {
  /** HOST:PORT where it listens. */
  readonly address: string;
  /**
   * Not serving, then no new calls and the end of open streams, whose clients go elsewhere; then, after `graceMs`, the unary
   * calls that are still open are cancelled.
   */
  close(graceMs: number): Promise<void>;
}

/** Serves the given services with mutual TLS, besides gRPC health and reflection. @throws BerthError Unavailable when the address can't be had */
export async function serve(options: ServerOptions): Promise<RpcServer> {
  grpc.setLogVerbosity(grpc.logVerbosity.NONE); // it writes to stderr what is also thrown
  const server = new grpc.Server(SERVER_OPTIONS);
  const names = Object.keys(options.services) as ServiceName[];
  const streamsEnd = new AbortController();
  const callsEnd = new AbortController();
  const scope: HandlerScope = {
    logger: options.logger,
    streams: streamsEnd.signal,
    calls: callsEnd.signal,
    onCall: options.onCall ?? (() => undefined),
    newRequestId: () => randomBytes(8).toString('hex'),
  };
  for (const name of names) addService(server, name, options.services[name] as object, scope);

  const served = ['', ...names.map((name) => `berth.v1.${name}`)];
  const health = new HealthImplementation(
    Object.fromEntries(served.map((name) => [name, 'SERVING'])),
  );
  health.addToServer(server);
  reflectionService(served.slice(1)).addToServer(server);

  const { host } = parseAddress(options.address);
  const port = await listen(server, options);
  endSilentClients(server);
  return {
    address: formatAddress({ host, port }),
    close: async (graceMs) => {
      for (const name of served) health.setStatus(name, 'NOT_SERVING');
      const stopped = new BerthError(
        'Unavailable',
        `The server at ${formatAddress({ host, port })} is stopping.`,
      );
      streamsEnd.abort(stopped);
      await finished(server, graceMs, () => callsEnd.abort(stopped));
    },
  };
}

/** Resolves when all calls have ended, which they are made to after `graceMs`. */
function finished(server: grpc.Server, graceMs: number, cancelAll: () => void): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(graceMs, () => {
      cancelAll();
      // One turn later the answers of the cancelled calls are on their way.
      soon(() => {
        server.forceShutdown();
        resolve();
      });
    });
    server.tryShutdown(() => {
      cancel();
      resolve();
    });
  });
}

function addService(
  server: grpc.Server,
  name: ServiceName,
  handlers: object,
  scope: HandlerScope,
): void {
  const definition: Record<string, grpc.MethodDefinition<unknown, unknown>> = {};
  const implementation: Record<string, grpc.UntypedHandleCall> = {};
  for (const method of methodsOf(name).values()) {
    const raw = (bytes: unknown): Buffer => bytes as Buffer;
    definition[method.name] = {
      path: method.path,
      requestStream: method.kind === 'bidi',
      responseStream: method.kind !== 'unary',
      // Messages are decoded and encoded where a failure can be told to the caller and the log.
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    };
    const handler = (handlers as Record<string, AnyHandler>)[method.name] as AnyHandler;
    implementation[method.name] = handlerOf(name, method, handler.bind(handlers), scope);
  }
  server.addService(definition, implementation);
}

function listen(server: grpc.Server, options: ServerOptions): Promise<number> {
  const { address, tls } = options;
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(tls.authority),
    [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) }],
    true,
  );
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (!error) resolve(port);
      else reject(new BerthError('Unavailable', `Can't listen on ${address}`, { cause: error }));
    });
  });
}
