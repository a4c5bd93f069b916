// Does anything on this machine listen on a port? Asked by trying to listen there for a moment.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

import type { Protocol } from './ports.ts';

/** True also when the answer is not to be had: such a port is better left alone. */
export async function portInUse(port: number, protocol: Protocol): Promise<boolean> {
  return protocol === 'udp' ? await udpInUse(port) : await tcpInUse(port);
}

function tcpInUse(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(true);
    });
    server.listen({ host: '0.0.0.0', port, exclusive: true }, () => {
      server.close(() => {
        resolve(false);
      });
    });
  });
}

function udpInUse(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close(() => {
        resolve(true);
      });
    });
    socket.bind({ address: '0.0.0.0', port, exclusive: true }, () => {
      socket.close(() => {
        resolve(false);
      });
    });
  });
}
