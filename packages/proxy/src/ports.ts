// How a front comes by its port and gives it up. Within one process it binds the port; a worker may be given a socket that already
// listens, so that what waits in its queue survives the worker.
import { readFileSync } from 'node:fs';
import { type AddressInfo, Server } from 'node:net';

export interface Ports {
  /**
   * Makes `server` listen. @returns the port that it listens on; another than `port` only when that is 0
   * @throws the error of the operating system when the port can't be had
   */
  take(server: Server, port: number, address: string): Promise<number>;
  /** Accepts nothing more. What was accepted stays open; the server is closed when the last of it ends. */
  release(server: Server): void;
}

const BACKLOG = 4_096;

/**
 * Ports of this process alone, or with `shared` ones that other processes of the same user may listen on too: the kernel then
 * gives each a part of the new connections, so that a proxy can begin before the one that it replaces ends.
 */
export function ownPorts(shared = false): Ports {
  const reusePort = shared && process.platform === 'linux';
  return {
    take: (server, port, host) =>
      listening(server, () => server.listen({ port, host, backlog: BACKLOG, reusePort })),
    release,
  };
}

/** Whether the kernel moves connections that wait for a socket which is closed to the others of its port. */
export function movesConnections(): boolean {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'latin1').trim() === '1';
  } catch {
    return false;
  }
}

/** @param listen makes the server listen. @returns the port */
export async function listening(server: Server, listen: () => void): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void => {
      server.off('listening', stand);
      reject(error);
    };
    const stand = (): void => {
      server.off('error', refuse);
      resolve();
    };
    server.once('error', refuse).once('listening', stand);
    listen();
  });
  return (server.address() as AddressInfo).port;
}

/**
 * The kernel resets what waits in the queue of a socket when its last holder closes it: that is, what came since the event loop last
 * looked. Where the system moves these to the other sockets of the port (sysctl net.ipv4.tcp_migrate_req) not even
 * they are lost; and of workers the queues live on, see workers/slots.ts.
 */
function release(server: Server): void {
  // Not that of an HTTP server, which breaks off idle connections at once.
  if (server.listening) Server.prototype.close.call(server);
}
