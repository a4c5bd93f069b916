// The tunnel after a WebSocket upgrade. It is opened only after the target's own 101; until then the request is an
// ordinary one. It ends when both directions have, when nothing has passed for too long, or when its target is cut.
// Source: ALB reference, section 4.2; section 6, cases 86-88; dependency pitfall H12.
import type { Socket } from 'node:net';

import type { ResponseHead } from './response-head.ts';

const EARLY_LIMIT = 65_536;

/**
 * What a client sends before its upgrade has been answered. Reading on is what lets the proxy notice that the
 * client is gone.
 */
export class EarlyBytes {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Socket, head: Buffer) {
    this.socket = socket;
    this.#onData(head);
    socket.on('data', this.#onData);
    socket.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= EARLY_LIMIT) this.socket.pause();
  };

  /** Ends the collecting. @returns what has come */
  take(): Buffer {
    this.socket.off('data', this.#onData);
    this.socket.pause();
    return Buffer.concat(this.#chunks.splice(0));
  }
}

export interface TunnelOptions {
  readonly client: EarlyBytes;
  readonly target: Socket;
  readonly head: ResponseHead;
  /** The target's first bytes of the new protocol. */
  readonly rest: Buffer;
  readonly idleTimeoutMs: number;
  /** Called once, when both sides are closed. */
  readonly onEnd: () => void;
}

/** Answers the client with the target's 101 and joins the two connections. */
export function openTunnel(options: TunnelOptions): void {
  const { target, head, rest, idleTimeoutMs } = options;
  const client = options.client.socket;
  const early = options.client.take();
  client.write(switching(head), 'latin1');
  if (rest.length > 0) client.write(rest);
  if (early.length > 0) target.write(early);
  join(client, target, idleTimeoutMs);
  join(target, client, idleTimeoutMs);
  let open = 2;
  const closed = (): void => {
    open -= 1;
    if (open === 0) options.onEnd();
  };
  for (const socket of [client, target]) {
    if (socket.closed) closed();
    else socket.once('close', closed);
  }
}

function join(from: Socket, to: Socket, idleTimeoutMs: number): void {
  from.on('error', () => undefined);
  from.removeAllListeners('timeout');
  from.setTimeout(idleTimeoutMs, () => from.destroy());
  // A clean end lets what is still on its way arrive; anything else breaks off the other side as well.
  from.once('close', () => {
    if (from.readableEnded) to.destroySoon();
    else to.destroy();
  });
  if (from.destroyed) to.destroy();
  from.pipe(to);
}

function switching(head: ResponseHead): string {
  let text = `HTTP/1.1 101 ${head.reason || 'Switching Protocols'}\r\n`;
  for (let i = 0; i + 1 < head.headers.length; i += 2) {
    text += `${head.headers[i] as string}: ${head.headers[i + 1] as string}\r\n`;
  }
  return `${text}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
}
