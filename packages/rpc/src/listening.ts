// Gives gRPC's connections to `silence.ts`. The package shows neither its sockets nor its sessions, so this file reaches for them; its
// version is fixed, and `rpc.test.ts` fails when they are no longer found where they were.
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';

import type { ChannelCredentials, Server } from '@grpc/grpc-js';

import { CLIENT_PATIENCE, SERVER_PATIENCE } from './channel-options.ts';
import { endWhenSilent, type Listened } from './silence.ts';

/** The same credentials, whose connections are ended when nothing comes by them. The server sends the pings. */
export function endingWhenSilent(credentials: ChannelCredentials): ChannelCredentials {
  const create = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...args) => {
    const connector = create(...args);
    const connect = connector.connect.bind(connector);
    connector.connect = async (tcp) => {
      const connected = await connect(tcp);
      const { socket } = connected;
      endWhenSilent(
        {
          received: () => (socket.destroyed ? undefined : socket.bytesRead),
          end: () => socket.destroy(),
        },
        CLIENT_PATIENCE,
      );
      return connected;
    };
    return connector;
  };
  return credentials;
}

/** Ping clients of a bound server that say nothing, and end the connections of those that don't answer. */
export function endSilentClients(server: Server): void {
  const { http2Servers } = server as unknown as {
    readonly http2Servers: ReadonlyMap<Http2SecureServer, unknown>;
  };
  for (const each of http2Servers.keys()) {
    // A session comes with the socket that was announced right before it; its own view of the socket is slow to ask.
    let socket: TLSSocket | undefined;
    each.prependListener('secureConnection', (secured: TLSSocket) => {
      socket = secured;
    });
    each.on('session', (session) => {
      if (socket) endWhenSilent(listenedTo(session, socket), SERVER_PATIENCE);
    });
  }
}

function listenedTo(session: ServerHttp2Session, socket: TLSSocket): Listened {
  return {
    received: () => (session.destroyed ? undefined : socket.bytesRead),
    sent: () => socket.bytesWritten,
    ping: () => {
      if (!session.closed) session.ping(() => undefined);
    },
    end: () => session.destroy(),
  };
}
