import type { Logger } from '@berth/control/logger.ts';

import type { Handlers, TlsIdentity } from './api.ts';
import type { ServiceName } from './generated/services.ts';

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
  /** Not serving, then no new calls, then, after `graceMs`, the open ones are cancelled. */
  close(graceMs: number): Promise<void>;
}

/** Serves the given services with mutual TLS, besides gRPC health and reflection. @throws BerthError Unavailable when the address can't be had */
export declare function serve(options: ServerOptions): Promise<RpcServer>;
