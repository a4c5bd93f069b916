// One `berth dev` a data directory. The lock is an abstract Unix socket: the kernel gives it back however the
// process ends. The file beside it only tells others who holds it.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

export interface LockHolder {
  readonly pid: number;
  readonly api: string;
  readonly proxyUrl: string;
}

export interface Lock {
  release(): Promise<void>;
}

const FILE = 'lock';
/** An answer within this time: the holder may be busy, the kernel is not. */
const CONNECT_MS = 2000;

function socketName(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const id = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 32);
  return `\0berth-dev-${id}`;
}

/** Take the lock. @returns undefined when another process holds it */
export async function takeLock(directory: string, holder: object): Promise<Lock | undefined> {
  const server = createServer((socket) => socket.destroy());
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ path: socketName(directory) }, () => resolve(true));
  });
  if (!taken) return undefined;
  server.unref();
  const file = join(directory, FILE);
  writeFileSync(file, `${JSON.stringify(holder)}\n`);
  return {
    release: async () => {
      rmSync(file, { force: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Whether some process holds the lock now. */
export async function isLocked(directory: string): Promise<boolean> {
  const name = socketName(directory);
  return await new Promise((resolve) => {
    const socket = connect({ path: name, timeout: CONNECT_MS });
    const end = (locked: boolean) => (): void => {
      socket.destroy();
      resolve(locked);
    };
    socket.once('connect', end(true));
    socket.once('timeout', end(true));
    socket.once('error', end(false));
  });
}

/** Who wrote that it holds the lock; it may be gone. */
export function readHolder(directory: string): LockHolder | undefined {
  return readNote(directory) as LockHolder | undefined;
}

/** What the holder of the lock, or one before it, wrote beside it. */
export function readNote(directory: string): unknown {
  try {
    return JSON.parse(readFileSync(join(directory, FILE), 'utf8'));
  } catch {
    return undefined;
  }
}
