import type { Client, TlsIdentity } from './api.ts';
import type { ServiceName } from './generated/services.ts';

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

export declare function connect(options: ConnectionOptions): Connection;
