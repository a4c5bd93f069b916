// The tunnel after a WebSocket upgrade. It is opened only after the target's own 101; until then the request is an
// ordinary one. It ends when both directions have, when nothing has passed for too long, or when its target is cut.
// Source: ALB reference, section 4.2; section 6, cases 86-88; dependency pitfall H12.
import type { Socket } from 'node:net';

import type { Tunnel } from './exchange-sides.ts';

export interface TunnelOptions {
  /** Its 101 has been sent. */
  readonly client: Tunnel;
  readonly target: Socket;
  /** The target's first bytes of the new protocol. */
  readonly rest: Buffer;
  readonly idleTimeoutMs: number;
  /** Called once, when both sides are closed. */
  readonly onEnd: () => void;
}

/** Joins the two connections. */
export function openTunnel(options: TunnelOptions): void {
  const { target, rest, idleTimeoutMs } = options;
  const { socket: client, early } = options.client;
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
