// The sessions of proxies that are connected to this replica: each gets the whole routing table and then
// its changes, acknowledges what it has applied, and reports the health of targets and what it has counted.
import { Latch } from '@berth/control/latch.ts';
import { abortable, withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  GroupTraffic,
  ProxyCounts,
  ProxyHello,
  ProxyMessage,
  RoutingUpdate,
  TargetHealthRecord,
  TrafficCounters,
  TrafficReport,
} from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
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
import { CountsBook, type Run } from './target-counts.ts';
import { sumOf, type TrafficSource } from './traffic.ts';
import { partsOf } from './update-parts.ts';

const DESCRIPTION_LIMIT = 1024;
/** A proxy whose workers are busy may take a while. */
const REPORT_WITHIN_MS = 1_500;

interface ProxySession extends Session {
  readonly news: Latch;
  readonly changes: RoutingChanges;
  /** What it reported of each target that it has reported on, by the record's key. */
  readonly health: Map<string, TargetHealthRecord>;
  readonly traffic: Map<string, GroupTraffic>;
  /** Revisions of the newest update sent to it, and of the newest that it routes by. */
  sent: number;
  applied: number;
  /** What this run of the proxy has counted. */
  readonly run: Run;
  /** The newest order to report that is wanted, that was sent, and that was answered. */
  reportWanted: number;
  reportSent: number;
  reported: number;
  readonly reports: Set<() => void>;
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
  readonly #counts: CountsBook;

  constructor(deps: SessionDeps, secrets: ProxySecrets, observer: ProxyObserver) {
    this.#deps = deps;
    this.#observer = observer;
    this.#source = {
      ...secrets,
      unreadable: (key, err) => deps.logger.error({ err, key }, 'a secret can not be opened'),
    };
    this.#sessions = new SessionRegistry(deps, 'proxy');
    this.#counts = new CountsBook(deps.clock);
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

  /**
   * What the proxies have counted of the targets of these groups. Those that are connected are asked first, so that what ended before
   * the call is in; those that do not answer in time are not `fresh`.
   */
  async countTargets(groups: readonly string[], signal: AbortSignal): Promise<ProxyCounts[]> {
    const fresh = new Set<Run>();
    await Promise.all(
      Array.from(this.#sessions.all(), async (session) => {
        if (await this.#askForReport(session, signal)) fresh.add(session.run);
      }),
    );
    return this.#counts.of(new Set(groups), fresh);
  }

  /** @returns whether it came in time */
  async #askForReport(session: ProxySession, signal: AbortSignal): Promise<boolean> {
    session.reportWanted += 1;
    const order = session.reportWanted;
    session.news.set();
    let look: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      look = () => {
        if (session.reported >= order) resolve();
      };
    });
    session.reports.add(look);
    try {
      const ended = abortable(answered, session.signal);
      await withDeadline(ended, REPORT_WITHIN_MS, this.#deps.clock, signal, 'A report of traffic');
      return true;
    } catch {
      return session.run.last;
    } finally {
      session.reports.delete(look);
    }
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
      this.#counts.end(session.run);
      this.#sessions.end(session);
      for (const [key, record] of session.health) this.#deps.records.remove(key, record);
      const reason: unknown = session.signal.reason;
      log.info(reason === CLOSED ? {} : { err: reason }, 'proxy session ended');
    }
  }

  async #begin({ proxyId, startedAt }: ProxyHello, context: CallContext): Promise<ProxySession> {
    if (proxyId !== context.identity.name) {
      throw new BerthError(
        'AccessDeniedException',
        `The certificate of ${context.identity.name} does not speak for proxy ${proxyId}.`,
      );
    }
    const run = this.#counts.begin(proxyId, startedAt);
    const begun = this.#sessions.begin(
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
        run,
        reportWanted: 0,
        reportSent: 0,
        reported: 0,
        reports: new Set(),
      }),
    );
    begun.catch(() => this.#counts.end(run));
    return await begun;
  }

  /** A snapshot, then what has changed since the update before. Ends by throwing the reason why the session is over. */
  async *#updates(session: ProxySession): AsyncGenerator<RoutingUpdate, void, undefined> {
    const { cache } = this.#deps;
    yield* this.#sent(session, routingSnapshot(cache, this.#source));
    for (;;) {
      await session.news.take(session.signal);
      if (session.reportWanted > session.reportSent) {
        session.reportSent = session.reportWanted;
        yield complete('RoutingUpdate', {
          revision: session.sent,
          reportOrder: session.reportSent,
        });
      }
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
        if (traffic) this.#take(session, traffic);
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

  #take(session: ProxySession, report: TrafficReport): void {
    for (const group of report.groups) this.#count(session, group);
    this.#counts.take(session.run, report);
    if (report.order === undefined) return;
    session.reported = Math.max(session.reported, report.order);
    for (const look of session.reports) look();
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
