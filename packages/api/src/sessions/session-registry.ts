// The sessions of one kind that this replica holds, and their records in the store. A host or proxy has
// one session in the whole cluster: the newest connection wins, whichever replica holds the older.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope, type Scope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { SessionRecord } from '@berth/model/generated/messages.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import type { ChangeBatch, StateCache, Stored } from '@berth/store/state.ts';
import type { Guard, Put, Store } from '@berth/store/store.ts';

import type { LeasedRecords, Terms } from './leased-records.ts';
import type { ReplicaLease } from './replica-lease.ts';

export interface SessionDeps {
  readonly store: Store;
  readonly cache: StateCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lease: ReplicaLease;
  readonly records: LeasedRecords;
  /** Where this replica serves gRPC, for other replicas. */
  readonly replicaAddress: () => string;
}

export interface Session {
  readonly id: string;
  readonly record: SessionRecord;
  readonly scope: Scope;
  readonly signal: AbortSignal;
  /** Holds while this is the present session of its host or proxy. @throws BerthError Unavailable while that is not known */
  guard(): Guard;
}

/** What is written together with a session's record. */
export interface Company {
  readonly guards: readonly Guard[];
  readonly puts: readonly Put[];
}

const ATTEMPTS = 5;
/** The session ends because its client has closed its side. */
export const CLOSED = new BerthError('Cancelled', 'The client has ended its session.');

export class SessionRegistry<S extends Session> {
  readonly #deps: SessionDeps;
  readonly #kind: SessionRecord['kind'];
  readonly #sessions = new Map<string, S>();

  constructor(deps: SessionDeps, kind: SessionRecord['kind']) {
    this.#deps = deps;
    this.#kind = kind;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): S | undefined {
    return this.#sessions.get(id);
  }

  all(): Iterable<S> {
    return this.#sessions.values();
  }

  /** To be called for each batch of the cache: ends the sessions that have been superseded at another replica. */
  observe(batch: ChangeBatch): void {
    for (const { collection, parts, after } of batch.changes) {
      if (collection !== 'sessions' || parts[0] !== this.#kind || !after) continue;
      const session = this.#sessions.get(parts[1] ?? '');
      if (session && this.#isNewer(after as Stored<SessionRecord>, session)) supersede(session);
    }
  }

  /**
   * Write the session's record, with what `company` adds on each attempt, and wait until the view shows it: nothing older
   * than the session can be told to its client. Then it is this replica's session, until `end`.
   * @throws BerthError ConflictException when a newer session came first, Unavailable, or what `company` throws
   */
  async begin(
    id: string,
    context: CallContext,
    company: () => Company,
    make: (session: Session) => S,
  ): Promise<S> {
    const { cache, records, replicaAddress, clock, random } = this.#deps;
    const record: SessionRecord = {
      id,
      kind: this.#kind,
      replicaAddress: replicaAddress(),
      connectedAt: clock.now(),
      peer: context.peer,
      connectionId: drawHexId(random, 16),
    };
    const standing = await this.#commit(record, company, context.signal);
    const scope = childScope(context.signal);
    const session = make({ id, record, scope, signal: scope.signal, guard: () => this.#guard(id) });
    const terms = this.#terms(session);
    try {
      if (!records.adopt(collections.sessions, [this.#kind, id], record, terms, standing)) {
        supersede(session);
      }
      await cache.reached(standing.modRevision, session.signal);
      const seen = cache.get(collections.sessions, this.#kind, id);
      if (seen && this.#isNewer(seen, session)) supersede(session);
      session.signal.throwIfAborted();
    } catch (error) {
      this.end(session);
      throw error;
    }
    const older = this.#sessions.get(id);
    if (older) supersede(older);
    this.#sessions.set(id, session);
    return session;
  }

  /** End all sessions for this reason; their clients dial anew. */
  endAll(reason: BerthError): void {
    for (const { scope } of this.#sessions.values()) scope.abort(reason);
  }

  /** The session is over; its record goes unless a newer one has taken its place. */
  end(session: S): void {
    session.scope.abort(CLOSED);
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
    this.#deps.records.remove(keyOf(collections.sessions, this.#kind, session.id), session.record);
  }

  async #commit(
    record: SessionRecord,
    company: () => Company,
    signal: AbortSignal,
  ): Promise<{ modRevision: number; lease: string }> {
    const { store, cache, lease } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const leaseId = lease.id;
      const put = putRecord(collections.sessions, [this.#kind, record.id], record, leaseId);
      const { guards, puts } = company();
      const result = await store
        .commit({ guards, puts: [put, ...puts], deletes: [] }, signal)
        .catch((error: unknown) => {
          // Perhaps it has happened: nobody must take the host or proxy for connected.
          this.#deps.records.disown(put);
          throw error;
        });
      if (result.committed) return { modRevision: result.revision, lease: leaseId };
      await cache.reached(result.revision, signal);
    }
    throw new BerthError(
      'Unavailable',
      `The session of ${this.#kind} ${record.id} could not be written: what it depends on has changed ${ATTEMPTS} times.`,
    );
  }

  /** The record is renewed as long as no newer connection has taken its place. */
  #terms(session: Session): Terms {
    const key = keyOf(collections.sessions, this.#kind, session.id);
    return {
      guards: () => {
        const seen = this.#deps.cache.get(collections.sessions, this.#kind, session.id);
        if (seen && seen.value.connectionId !== session.record.connectionId) {
          if (this.#isNewer(seen, session)) supersede(session);
          throw new BerthError('Unavailable', `${key} is another connection's.`);
        }
        return [{ key, modRevision: seen?.modRevision ?? 0 }];
      },
    };
  }

  #isNewer(seen: Stored<SessionRecord>, session: Session): boolean {
    const written = this.#deps.records.written(seen.key)?.modRevision ?? 0;
    return seen.value.connectionId !== session.record.connectionId && seen.modRevision > written;
  }

  #guard(id: string): Guard {
    const key = keyOf(collections.sessions, this.#kind, id);
    const written = this.#deps.records.written(key);
    if (written) return { key, modRevision: written.modRevision };
    throw new BerthError(
      'Unavailable',
      `The session record of ${this.#kind} ${id} is not written.`,
    );
  }
}

function supersede({ record, scope }: Session): void {
  scope.abort(
    new BerthError(
      'ConflictException',
      `A newer session of ${record.kind} ${record.id} has begun.`,
    ),
  );
}
