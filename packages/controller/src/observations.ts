// What a controller knows that no record says: since when something is so, by its own clock. Begins with a term
// of leadership and ends with it; a new leader learns it anew and waits the longer.
import type { Clock } from '@berth/control/clock.ts';
import type { ProxiesView } from '@berth/model/deployment/view.ts';
import { type Change, type ChangeBatch, type State } from '@berth/store/state.ts';
import { collections } from '@berth/store/keys.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';

/** After a refusal nothing is placed for a service this long, unless capacity changes. */
const PLACEMENT_PAUSE_MS = 15_000;

interface Hold {
  readonly cluster: string;
  readonly until: number;
  /** Capacity has changed since: the next attempt is not due by time. */
  readonly lifted: boolean;
}

export class Observations {
  readonly #clock: Clock;
  readonly #since: number;
  readonly #proxyLostAfterMs: number;
  readonly #hostsGone = new Map<string, number>();
  readonly #proxiesGone = new Map<string, number>();
  readonly #running = new Map<string, number>();
  readonly #holds = new Map<string, Hold>();

  /** @param state as it is when the term begins */
  constructor(state: State, clock: Clock, proxyLostAfterMs: number) {
    this.#clock = clock;
    this.#since = clock.now();
    this.#proxyLostAfterMs = proxyLostAfterMs;
    for (const { value } of state.list(collections.taskStatus)) this.#see(value);
  }

  /** Take in what has changed. @returns keys of services whose placement was held and may be tried again */
  take({ changes }: ChangeBatch): string[] {
    const now = this.#clock.now();
    const roomier = new Set<string>();
    for (const change of changes) {
      this.#takeOne(change, now);
      const cluster = clusterWithMoreRoom(change);
      if (cluster !== undefined) roomier.add(cluster);
    }
    return roomier.size > 0 ? this.#lift(roomier) : [];
  }

  /** While the host has no session: since when, as far as this controller can know. */
  hostGoneSince(hostId: string): number {
    return this.#hostsGone.get(hostId) ?? this.#since;
  }

  runningSince(taskId: string): number | undefined {
    return this.#running.get(taskId);
  }

  proxies(state: State): ProxiesView {
    const now = this.#clock.now();
    const vanished = [...this.#proxiesGone]
      .map(([id, since]) => ({ id, until: since + this.#proxyLostAfterMs }))
      .filter(({ until }) => until > now);
    return {
      live: [...state.list(collections.sessions, 'proxy')].map(({ value }) => value.id),
      vanished,
      settledAt: this.#since + this.#proxyLostAfterMs,
    };
  }

  /** Until when nothing is placed for the service. */
  placementHeldUntil(key: string): number | undefined {
    const hold = this.#holds.get(key);
    return hold && !hold.lifted ? hold.until : undefined;
  }

  /** A hold has run out by itself, or there was none: a refusal now says something about the deployment. */
  placementIsDue(key: string): boolean {
    return this.#holds.get(key)?.lifted !== true;
  }

  holdPlacement(key: string, cluster: string): void {
    this.#holds.set(key, { cluster, until: this.#clock.now() + PLACEMENT_PAUSE_MS, lifted: false });
  }

  placementSucceeded(key: string): void {
    this.#holds.delete(key);
  }

  #takeOne({ collection, parts, after }: Change, now: number): void {
    if (collection === 'sessions') {
      const [kind, id = ''] = parts;
      const gone = kind === 'host' ? this.#hostsGone : this.#proxiesGone;
      if (after) gone.delete(id);
      else gone.set(id, now);
    } else if (collection === 'taskStatus') {
      if (after) this.#see(after.value as TaskStatusRecord);
      else this.#running.delete(parts[1] ?? '');
    } else if (collection === 'services' && !after) {
      this.#holds.delete(parts.join('/'));
    } else if (collection === 'hosts' && !after) {
      this.#hostsGone.delete(parts[1] ?? '');
    }
  }

  #see({ id, lastStatus }: TaskStatusRecord): void {
    if (lastStatus !== 'RUNNING') this.#running.delete(id);
    else if (!this.#running.has(id)) this.#running.set(id, this.#clock.now());
  }

  #lift(clusters: ReadonlySet<string>): string[] {
    const lifted: string[] = [];
    for (const [key, hold] of this.#holds) {
      if (hold.lifted || !clusters.has(hold.cluster)) continue;
      this.#holds.set(key, { ...hold, lifted: true });
      lifted.push(key);
    }
    return lifted;
  }
}

/** The cluster in which something may fit now that did not before. A session names only the host: all clusters. */
function clusterWithMoreRoom({ collection, parts, after }: Change): string | undefined {
  const [cluster] = parts;
  if (collection === 'hosts' && after) return cluster;
  if (collection === 'tasks' && !after) return cluster;
  if (collection !== 'taskStatus' || !after) return undefined;
  return (after.value as TaskStatusRecord).lastStatus === 'STOPPED' ? cluster : undefined;
}
