// How roles reach each other, as an argument: gRPC over mutual TLS, or a network that is only modelled.
import { connect, type Connection, type ConnectionOptions } from './client.ts';
import { serve, type RpcServer, type ServerOptions } from './server.ts';

export interface Transport {
  readonly serve: (options: ServerOptions) => Promise<RpcServer>;
  readonly connect: (options: ConnectionOptions) => Connection;
}

export const grpcTransport: Transport = { serve, connect };
