// Ends connections whose peer has fallen silent. gRPC's own keepalive judges by timers alone: after a stall of this process they
// fire before the answer that has long been in the socket is read, and drop peers that are well, thousands at a time. Here silence is
// counted in time in which this process was there to listen, and judged after what has come was read.
//
// One end pings, and says with each ping how long it may be silent until the next: a second, longer with very many connections.
import { onEveryTurn } from './network-time.ts';

/** How often connections are looked at, and how much time one look may count: what is beyond it was our own absence. */
const LOOK_MS = 250;
const MOST_MS = 2 * LOOK_MS;
/** Looks at a connection from one ping to the next. */
const LOOKS_A_PING = 4;

/** From one ping to the next, until another time is announced; at most. */
export const PING_MS = 1_000;
const MOST_PING_MS = 10_000;
/** What a process spends on pinging its peers: above so many connections each is pinged less often. */
const PINGS_PER_SECOND = 1_000;

export interface Listened {
  /** Bytes that have come so far; undefined once the connection is over. */
  received(): number | undefined;
  end(): void;
}

/** At the end that pings. */
export interface Pinged extends Listened {
  /** Bytes that were sent so far. */
  sent(): number;
  /** Make the peer say something, and let it hear that the next ping comes after `nextMs` of silence. */
  ping(nextMs: number): void;
}

/** At the end that is pinged. */
export interface Waiting extends Listened {
  /** The silence that the last ping has announced; PING_MS before the first. */
  announcedMs(): number;
}

/**
 * Silence that ends a connection, in times from ping to ping. With up to a thousand connections a host or a replica that vanishes
 * without a word is noticed after 3 s at the latest: what follows from it, that sessions go elsewhere and that hosts are lost after
 * their time, is counted from there.
 */
const PINGED_PATIENCE = 2.75;
const WAITING_PATIENCE = 2.25;

interface Watched {
  readonly connection: Pinged | Waiting;
  received: number;
  sent: number;
  everyMs: number;
  /** When, on the clock of time spent listening: something came, something was sent, the peer was pinged, and when to look again. */
  heardAt: number;
  saidAt: number;
  askedAt: number;
  lookAt: number;
}

export class Silence {
  readonly #watched = new Set<Watched>();
  /** Time in which this process has listened, in ms. */
  #now = 0;

  get size(): number {
    return this.#watched.size;
  }

  add(connection: Pinged | Waiting): void {
    const now = this.#now;
    this.#watched.add({
      connection,
      received: connection.received() ?? 0,
      sent: 'sent' in connection ? connection.sent() : 0,
      everyMs: PING_MS,
      heardAt: now,
      saidAt: now,
      askedAt: now,
      lookAt: now,
    });
  }

  /** @param elapsedMs since the last look */
  look(elapsedMs: number): void {
    this.#now += Math.min(elapsedMs, MOST_MS);
    for (const each of this.#watched) {
      if (each.lookAt <= this.#now && this.#isOver(each)) this.#watched.delete(each);
    }
  }

  #isOver(each: Watched): boolean {
    const { connection } = each;
    const received = connection.received();
    if (received === undefined) return true;
    if (received !== each.received) each.heardAt = this.#now;
    each.received = received;
    const pings = 'ping' in connection;
    if (!pings) each.everyMs = connection.announcedMs();
    const patience = each.everyMs * (pings ? PINGED_PATIENCE : WAITING_PATIENCE);
    if (this.#now - each.heardAt >= patience) {
      connection.end();
      return true;
    }
    if (pings) this.#pingInTime(each, connection);
    // Timers are not exact: half a look too early is the same look.
    each.lookAt = this.#now + each.everyMs / LOOKS_A_PING - LOOK_MS / 2;
    return false;
  }

  /** Also a peer that talks: it has to hear something, since it counts our silence. */
  #pingInTime(each: Watched, connection: Pinged): void {
    const sent = connection.sent();
    if (sent !== each.sent) each.saidAt = this.#now;
    each.sent = sent;
    const due = this.#now - each.everyMs;
    if (each.askedAt > due || Math.min(each.heardAt, each.saidAt) > due) return;
    each.askedAt = this.#now;
    each.everyMs = this.#pingMs();
    connection.ping(each.everyMs);
  }

  #pingMs(): number {
    const affordable = (this.#watched.size * 1_000) / PINGS_PER_SECOND;
    return Math.round(Math.min(MOST_PING_MS, Math.max(PING_MS, affordable)));
  }
}

/** All connections of this process. */
const all = new Silence();
let stop: (() => void) | undefined;

/** Watch a connection until it is over. */
export function endWhenSilent(connection: Pinged | Waiting): void {
  all.add(connection);
  stop ??= onEveryTurn(LOOK_MS, (elapsedMs) => {
    all.look(elapsedMs);
    if (all.size > 0) return;
    stop?.();
    stop = undefined;
  });
}
