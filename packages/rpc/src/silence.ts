// Ends connections whose peer has fallen silent. gRPC's own keepalive judges by timers alone: after a stall of this process they
// fire before the answer that has long been in the socket is read, and drop peers that are well, thousands at a time. Here silence is
// counted in time in which this process was there to listen, and judged after what has come was read.
import { onEveryTurn } from './network-time.ts';

/** How often connections are looked at, and how much time one look may count: what is beyond it was our own absence. */
const LOOK_MS = 250;
const MOST_MS = 2 * LOOK_MS;

export interface Listened {
  /** Bytes that have come so far; undefined once the connection is over. */
  received(): number | undefined;
  /** Bytes that were sent so far, of an end that pings. */
  sent?(): number;
  /** Make the peer say something, and let it hear something. Absent: the other end does. */
  ping?(): void;
  end(): void;
}

export interface Patience {
  /** Silence, of either end, after which the peer is pinged. */
  readonly pingMs?: number;
  /** Silence after which the connection is ended. */
  readonly endMs: number;
}

interface Watched {
  readonly connection: Listened;
  readonly patience: Patience;
  received: number;
  silentMs: number;
  sent: number;
  /** Since something was sent, and since the peer was pinged. */
  mutedMs: number;
  unaskedMs: number;
}

export class Silence {
  readonly #watched = new Set<Watched>();

  get size(): number {
    return this.#watched.size;
  }

  add(connection: Listened, patience: Patience): void {
    const received = connection.received() ?? 0;
    const sent = connection.sent?.() ?? 0;
    this.#watched.add({
      connection,
      patience,
      received,
      silentMs: 0,
      sent,
      mutedMs: 0,
      unaskedMs: 0,
    });
  }

  /** @param elapsedMs since the last look */
  look(elapsedMs: number): void {
    const listenedMs = Math.min(elapsedMs, MOST_MS);
    for (const each of this.#watched) {
      if (this.#isOver(each, listenedMs)) this.#watched.delete(each);
    }
  }

  #isOver(each: Watched, listenedMs: number): boolean {
    const { connection, patience } = each;
    const received = connection.received();
    if (received === undefined) return true;
    if (received === each.received) each.silentMs += listenedMs;
    else each.silentMs = 0;
    each.received = received;
    if (each.silentMs >= patience.endMs) {
      connection.end();
      return true;
    }
    if (patience.pingMs !== undefined) pingInTime(each, patience.pingMs, listenedMs);
    return false;
  }
}

/** Also a peer that talks: it has to hear something, since it counts our silence. */
function pingInTime(each: Watched, pingMs: number, listenedMs: number): void {
  const { connection, silentMs } = each;
  const sent = connection.sent?.() ?? 0;
  each.mutedMs = sent === each.sent ? each.mutedMs + listenedMs : 0;
  each.sent = sent;
  each.unaskedMs += listenedMs;
  if (each.unaskedMs < pingMs || Math.max(silentMs, each.mutedMs) < pingMs) return;
  each.unaskedMs = 0;
  connection.ping?.();
}

/** All connections of this process. */
const all = new Silence();
let stop: (() => void) | undefined;

/** Watch a connection until it is over. */
export function endWhenSilent(connection: Listened, patience: Patience): void {
  all.add(connection, patience);
  stop ??= onEveryTurn(LOOK_MS, (elapsedMs) => {
    all.look(elapsedMs);
    if (all.size > 0) return;
    stop?.();
    stop = undefined;
  });
}
