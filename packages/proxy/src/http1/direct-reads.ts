// What comes from a client goes straight to the connection that reads it. On its usual way through a stream each piece is put into a queue, taken out again and announced, and a look for
// more is put off to the next tick, which is a tenth of what a request costs in all. `push` is how a socket hands its stream what it has read; it is documented for those who
// implement streams. A Node.js that does it otherwise makes this slower, not wrong, since the stream's `data` is listened to as well.
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

/**
 * Calls `take` with each piece that comes while the stream flows and nothing waits in it. All else goes the usual way: what comes while it is paused, what comes behind that, the end.
 * @param take listens to `data` too
 */
export function readDirectly(socket: Socket, take: (chunk: Buffer) => void): void {
  const push = (chunk: Buffer | null): boolean => {
    if (chunk === null || socket.readableFlowing !== true || socket.readableLength > 0) {
      return Readable.prototype.push.call(socket, chunk);
    }
    take(chunk);
    return true;
  };
  Object.defineProperty(socket, 'push', { value: push, configurable: true, writable: true });
}

/** For a socket that somebody else goes on with. */
export function readAsUsual(socket: Socket): void {
  Reflect.deleteProperty(socket, 'push');
}
