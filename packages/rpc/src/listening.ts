// Gives gRPC's connections to `silence.ts`. The package shows neither its sockets nor its sessions, so this file reaches for them; its
// version is fixed, and `rpc.test.ts` fails when they are no longer found where they were.
import { subscribe } from 'node:diagnostics_channel';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type Http2SecureServer,
  type ServerHttp2Session,
} from 'node:http2';
import { PassThrough } from 'node:stream';
import type { TLSSocket } from 'node:tls';

import type { ChannelCredentials, Server } from '@grpc/grpc-js';

import { endWhenSilent, PING_MS, type Pinged } from './silence.ts';

/** A client's socket, with what its server's last ping has announced, in ms. */
interface Announced {
  [ANNOUNCED]?: number;
}

const ANNOUNCED = Symbol('announced silence');
/** What marks the eight bytes of a ping as ours; the other four are the announced ms. */
const MARK = 0x62657274;

/** The same credentials, whose connections are ended when nothing comes by them. The server sends the pings. */
export function endingWhenSilent(credentials: ChannelCredentials): ChannelCredentials {
  const create = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...args) => {
    const connector = create(...args);
    const connect = connector.connect.bind(connector);
    connector.connect = async (tcp) => {
      const connected = await connect(tcp);
      const socket: typeof connected.socket & Announced = connected.socket;
      socket[ANNOUNCED] = PING_MS;
      endWhenSilent({
        received: () => (socket.destroyed ? undefined : socket.bytesRead),
        announcedMs: () => socket[ANNOUNCED] ?? PING_MS,
        end: () => socket.destroy(),
      });
      return connected;
    };
    return connector;
  };
  return credentials;
}

const heeding = new WeakSet<ClientHttp2Session>();
let tellNode: ((event: string) => void) | undefined;
subscribe('http2.client.stream.created', heedPings);

/** A client's session shows itself with its streams: from the first on, what its pings announce is noted at its socket. */
function heedPings(message: unknown): void {
  const { stream } = message as { readonly stream: ClientHttp2Stream };
  const session = stream.session as ClientHttp2Session | undefined;
  if (!session || heeding.has(session)) return;
  heeding.add(session);
  const socket: typeof session.socket & Announced = session.socket;
  if (socket[ANNOUNCED] === undefined) return;
  tellNode ??= listenerThatTellsNode();
  tellNode.call(session, 'ping');
  session.on('ping', (bytes: Buffer) => {
    if (bytes.readUInt32BE() === MARK) socket[ANNOUNCED] = bytes.readUInt32BE(4);
  });
}

/** Node passes pings on where a listener of its own has seen somebody listen to them; gRPC takes all listeners off its sessions. */
function listenerThatTellsNode(): (event: string) => void {
  const session = connect('http://localhost', { createConnection: () => new PassThrough() });
  session.on('error', () => undefined);
  const [listener] = session.listeners('newListener');
  session.destroy();
  return listener as (event: string) => void;
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
      if (socket) endWhenSilent(pinged(session, socket));
    });
  }
}

function pinged(session: ServerHttp2Session, socket: TLSSocket): Pinged {
  return {
    received: () => (session.destroyed ? undefined : socket.bytesRead),
    sent: () => socket.bytesWritten,
    ping: (nextMs) => {
      if (!session.closed) session.ping(announcement(nextMs), () => undefined);
    },
    end: () => session.destroy(),
  };
}

function announcement(nextMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeUInt32BE(MARK);
  bytes.writeUInt32BE(nextMs, 4);
  return bytes;
}
