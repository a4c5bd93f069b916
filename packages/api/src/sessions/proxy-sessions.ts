// The sessions of proxies that are connected to this replica: each gets the whole routing table and then
// its changes, acknowledges what it has applied, and reports the health of targets and what it has counted.
import { Latch } from '@berth/control/latch.ts';
import { abortable } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  GroupTraffic,
  ProxyHello,
  ProxyMessage,
  RoutingUpdate,
  TargetHealthRecord,
  TrafficCounters,
} from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { unknownWords } from '@berth/rpc/words.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardPresent } from '@berth/store/record.ts';
import type { ChangeBatch } from '@berth/store/state.ts';

import { firstMessage } from './hello.ts';
import type { Terms } from './leased-records.ts';
import {
  noteRoutingChanges,
  routingDifference,
  routingSnapshot,
  type RoutingChanges,
  type RoutingSource,
} from './routing.ts';
import { CLOSED, SessionRegistry, type Session, type SessionDeps } from './session-registry.ts';
import { sumOf, type TrafficSource } from './traffic.ts';
import { partsOf } from './update-parts.ts';

const DESCRIPTION_LIMIT = 1024;

interface ProxySession extends Session {
  readonly news: Latch;
  readonly changes: RoutingChanges;
  /** What it reported of each target that it has reported on, by the record's key. */
  readonly health: Map<string, TargetHealthRecord>;
  readonly traffic: Map<string, GroupTraffic>;
  /** Revisions of the newest update sent to it, and of the newest that it routes by. */
  sent: number;
  applied: number;
}

export interface ProxyObserver {
  update(kind: 'snapshot' | 'difference'): void;
  /** A proxy has begun a session. */
  came(): void;
}

/** How routing updates get their secrets. */
export type ProxySecrets = Pick<RoutingSource, 'sealer' | 'realm'>;

export class ProxySessions implements TrafficSource {
  readonly #deps: SessionDeps;
  readonly #observer: ProxyObserver;
  readonly #source: RoutingSource;
  readonly #sessions: SessionRegistry<ProxySession>;

  constructor(deps: SessionDeps, secrets: ProxySecrets, observer: ProxyObserver) {
    this.#deps = deps;
    this.#observer = observer;
    this.#source = {
      ...secrets,
      unreadable: (key, err) => deps.logger.error({ err, key }, 'a secret can not be opened'),
    };
    this.#sessions = new SessionRegistry(deps, 'proxy');
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** How many proxies do not yet route by the newest update that was sent to them. */
  get behind(): number {
    let count = 0;
    for (const { sent, applied } of this.#sessions.all()) if (applied < sent) count += 1;
    return count;
  }

  groups(): Iterable<string> {
    return new Set(Array.from(this.#sessions.all(), ({ traffic }) => [...traffic.keys()]).flat());
  }

  counters(group: string): TrafficCounters {
    const reports = Array.from(this.#sessions.all(), ({ traffic }) => traffic.get(group));
    return sumOf(reports.filter((report) => report !== undefined));
  }

  /** To be called when this replica can't stand for its sessions any more. */
  endAll(reason: BerthError): void {
    this.#sessions.endAll(reason);
  }

  /** To be called for each batch of the cache. */
  observe(batch: ChangeBatch): void {
    this.#sessions.observe(batch);
    for (const session of this.#sessions.all()) {
      const { realm } = this.#source;
      if (noteRoutingChanges(batch.changes, realm, session.changes)) session.news.set();
    }
    for (const { collection, parts, after } of batch.changes) {
      if (after) continue;
      if (collection === 'targets') this.#forgetTarget(parts);
      if (collection === 'targetGroups') this.#forgetGroup(parts[0] ?? '');
    }
  }

  /** The handler of `Proxies.Session`. */
  async *serve(
    messages: AsyncIterable<ProxyMessage>,
    context: CallContext,
  ): AsyncGenerator<RoutingUpdate, void, undefined> {
    const { clock, logger } = this.#deps;
    const input = messages[Symbol.asyncIterator]();
    const hello = await firstMessage(
      input,
      (message) => message.hello,
      'hello',
      clock,
      context.signal,
    );
    const session = await this.#begin(hello, context);
    const log = logger.child({ proxyId: session.id });
    log.info({ version: hello.version, peer: context.peer }, 'proxy session began');
    this.#observer.came();
    try {
      void this.#read(input, session);
      yield* this.#updates(session);
    } catch (error) {
      if (error !== CLOSED) throw error;
    } finally {
      this.#sessions.end(session);
      for (const [key, record] of session.health) this.#deps.records.remove(key, record);
      const reason: unknown = session.signal.reason;
      log.info(reason === CLOSED ? {} : { err: reason }, 'proxy session ended');
    }
  }

  #begin({ proxyId }: ProxyHello, context: CallContext): Promise<ProxySession> {
    if (proxyId !== context.identity.name) {
      throw new BerthError(
        'AccessDeniedException',
        `The certificate of ${context.identity.name} does not speak for proxy ${proxyId}.`,
      );
    }
    return this.#sessions.begin(
      proxyId,
      context,
      () => ({ guards: [], puts: [] }),
      (session) => ({
        ...session,
        news: new Latch(),
        changes: new Map(),
        health: new Map(),
        traffic: new Map(),
        sent: 0,
        applied: 0,
      }),
    );
  }

  /** A snapshot, then what has changed since the update before. Ends by throwing the reason why the session is over. */
  async *#updates(session: ProxySession): AsyncGenerator<RoutingUpdate, void, undefined> {
    const { cache } = this.#deps;
    yield* this.#sent(session, routingSnapshot(cache, this.#source));
    for (;;) {
      await session.news.take(session.signal);
      if (session.changes.size === 0) continue;
      const update = routingDifference(cache, session.changes, this.#source);
      session.changes.clear();
      yield* this.#sent(session, update);
    }
  }

  #sent(session: ProxySession, update: RoutingUpdate): readonly RoutingUpdate[] {
    session.sent = update.revision;
    this.#observer.update(update.snapshot ? 'snapshot' : 'difference');
    return partsOf(update);
  }

  async #read(input: AsyncIterator<ProxyMessage>, session: ProxySession): Promise<void> {
    try {
      for (;;) {
        const step = await abortable(input.next(), session.signal);
        if (step.done) break;
        const { appliedRevision, health, traffic } = step.value;
        if (appliedRevision !== undefined) {
          session.applied = Math.max(session.applied, appliedRevision);
        }
        for (const record of health?.targets ?? []) this.#report(session, record);
        for (const group of traffic?.groups ?? []) this.#count(session, group);
      }
      session.scope.abort(CLOSED);
    } catch (error) {
      session.scope.abort(error);
    }
  }

  /** Store what a proxy says of a target, if it says anything new of one that exists. */
  #report(session: ProxySession, report: TargetHealthRecord): void {
    const { cache, records } = this.#deps;
    const target = cache.get(collections.targets, report.group, report.target);
    if (!target || unknownWords('TargetHealthRecord', report).length > 0) return;
    const parts = [report.group, report.target, session.id];
    const key = keyOf(collections.targetHealth, ...parts);
    const known = session.health.get(key);
    const record = {
      ...report,
      proxy: session.id,
      description: report.description?.slice(0, DESCRIPTION_LIMIT),
    };
    if (known && saysTheSame(known, record)) return;
    session.health.set(key, record);
    records.set(collections.targetHealth, parts, record, this.#terms(session, record));
  }

  /** Only the proxy's present session writes, and only of a target that exists. */
  #terms(session: ProxySession, { group, target }: TargetHealthRecord): Terms {
    return {
      guards: () => {
        const present = this.#deps.cache.get(collections.targets, group, target);
        if (!present || session.signal.aborted) return undefined;
        return [session.guard(), guardPresent(present)];
      },
    };
  }

  #count(session: ProxySession, group: GroupTraffic): void {
    // Names that are no target groups would only take room.
    if (this.#deps.cache.get(collections.targetGroups, group.group)) {
      session.traffic.set(group.group, group);
    }
  }

  #forgetGroup(group: string): void {
    for (const { traffic } of this.#sessions.all()) traffic.delete(group);
  }

  #forgetTarget(parts: readonly string[]): void {
    for (const session of this.#sessions.all()) {
      const key = keyOf(collections.targetHealth, ...parts, session.id);
      if (session.health.delete(key)) this.#deps.records.remove(key);
    }
  }
}

function saysTheSame(a: TargetHealthRecord, b: TargetHealthRecord): boolean {
  return a.state === b.state && a.reason === b.reason && a.description === b.description;
}
