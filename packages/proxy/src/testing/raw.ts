// Talks to the proxy in bytes, as only an attacker or a broken client would.
import { type Socket, connect } from 'node:net';

export interface RawClient {
  readonly socket: Socket;
  /** All that has come, in latin-1. */
  readonly text: () => string;
  /** Resolves when the connection is closed, or with what has come as soon as `enough` says so. */
  answer(enough?: (text: string) => boolean): Promise<string>;
}

const DEADLINE_MS = 30_000;

export function rawClient(port: number, bytes = ''): RawClient {
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  let closed = false;
  const watchers = new Set<() => void>();
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (const watch of watchers) watch();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
    for (const watch of watchers) watch();
  });
  if (bytes !== '') socket.write(bytes, 'latin1');
  return {
    socket,
    text: () => text,
    answer: (enough) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => {
          clearTimeout(timer);
          watchers.delete(watch);
          socket.destroy();
          if (error === undefined) resolve(text);
          else reject(error);
        };
        const watch = (): void => {
          if (closed || enough?.(text) === true) end();
        };
        const timer = setTimeout(() => {
          end(new Error(`no end of the answer; so far: ${JSON.stringify(text)}`));
        }, DEADLINE_MS);
        watchers.add(watch);
        watch();
      }),
  };
}

/** The status of each response in a text, in order; interim ones too. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map((found) => Number(found[1]));
}
