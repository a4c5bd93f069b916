// Tells HTTP/2 with prior knowledge from HTTP/1 by the first bytes. Source: RFC 9113, section 3.4.
import type { Socket } from 'node:net';

/** No method of HTTP/1 begins like this and ends like this. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Looks at the first bytes of a connection of which nothing has been read, and puts them back.
 * @param done called once; undefined: the connection has ended, or nothing came in time
 */
export function takePreface(
  socket: Socket,
  timeoutMs: number,
  done: (http2: boolean | undefined) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData).off('end', onLost).off('close', onLost);
  };
  const onLost = (): void => {
    stop();
    done(undefined);
  };
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const length = Math.min(bytes.length, PREFACE.length);
    const alike = bytes.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (alike && length < PREFACE.length) return;
    stop();
    socket.pause();
    socket.unshift(bytes);
    done(alike);
  };
  const timer = setTimeout(onLost, timeoutMs);
  socket.on('data', onData).on('end', onLost).on('close', onLost);
}
