// One term of office of the scheduler: it has the ledgers, answers the calls one after the other, and
// ends, with everything that it knows, when leadership is lost or when it can't know any more what it has done.
import type { Clock, Random } from '@berth/control/clock.ts';
import { childScope } from '@berth/control/scope.ts';
import { ulidSource } from '@berth/control/ulid.ts';
import type { Logger } from '@berth/control/logger.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type {
  ExplainRequest,
  ExplainResponse,
  PlacementDecisionRecord,
  PlaceRequest,
  PlaceResponse,
} from '@berth/model/generated/messages.ts';
import { explainPlacement } from '@berth/model/placement/explain.ts';
import { smallestChange } from '@berth/model/placement/smallest-change.ts';
import type { Part } from '@berth/model/placement/parts.ts';
import type { Leadership } from '@berth/store/election.ts';
import { tokenOfOwner } from '@berth/model/resources/run-owner.ts';
import { collections } from '@berth/store/keys.ts';
import type { StateCache } from '@berth/store/state.ts';
import { putRecord } from '@berth/store/record.ts';
import type { Store } from '@berth/store/store.ts';

import type { SchedulerMetrics } from './metrics.ts';
import { type Mirror, openMirror } from './mirror.ts';
import { type Placed, placeTasks } from './place.ts';
import { checkRequest, partsIn } from './request.ts';
import { Turns } from './turns.ts';

/** Calls that wait for their turn beyond this many are refused. */
const MAX_WAITING = 1000;
/** Owners whose last refusal is remembered. */
const MAX_REFUSED = 10_000;

export interface TermOptions {
  readonly store: Store;
  /** Has reached the epoch: everything that earlier leaders wrote has been seen. */
  readonly cache: StateCache;
  readonly leadership: Leadership;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: SchedulerMetrics;
}

export class Term {
  readonly #options: TermOptions;
  readonly #mirror: Mirror;
  readonly #turns = new Turns(MAX_WAITING);
  readonly #over = new AbortController();
  /** Revisions of this term's last commits for an owner, while the cache may not show them yet. */
  readonly #recent = new Map<string, number>();
  readonly #nextDecisionId: () => string;
  /** The revision of this term's last commit. */
  #ownRevision = 0;
  /** What came out when last nothing was placed for an owner. */
  readonly #refused = new Map<string, string>();
  /** Aborted when the term is over, by loss of leadership or by itself. */
  readonly signal: AbortSignal;

  private constructor(options: TermOptions, mirror: Mirror) {
    this.#options = options;
    this.#mirror = mirror;
    this.#nextDecisionId = ulidSource(options.clock, options.random);
    this.signal = AbortSignal.any([options.leadership.signal, this.#over.signal]);
  }

  /** @throws the reason of the leadership's signal, when that is lost before the ledgers are there */
  static async begin(options: TermOptions): Promise<Term> {
    const { cache, clock, leadership } = options;
    return new Term(options, await openMirror(cache, clock, leadership.signal));
  }

  /**
   * Choose hosts for tasks and create them.
   * @throws BerthError StaleView when tasks were created for the owner that the caller's view does not show; what
   * `placeTasks`, `partsIn` and `checkRequest` throw
   */
  async place(request: PlaceRequest, signal: AbortSignal): Promise<PlaceResponse> {
    checkRequest(request);
    return this.#within(signal, async (until) => {
      await this.#options.cache.reached(request.viewRevision, until);
      return this.#turns.take(() => this.#placeNow(request), until);
    });
  }

  /**
   * Say for each host whether it would take one more task of the request, and why not; where none does, the smallest
   * change after which one would. Changes nothing.
   */
  async explain(
    request: PlaceRequest,
    withoutTask: ExplainRequest['withoutTask'],
    signal: AbortSignal,
  ): Promise<ExplainResponse> {
    const { cache, clock } = this.#options;
    checkRequest(request);
    await this.#within(signal, (until) => cache.reached(request.viewRevision, until));
    const ledger = this.#mirror.ledger(request.cluster);
    // A request for one task has one part: where the next one would go.
    const [{ spec }] = partsIn(cache, { ...request, count: 1 }) as [Part];
    return ledger.without(withoutTask, () => {
      const { hosts, unplaced } = explainPlacement(ledger, spec);
      const remedy = unplaced && smallestChange(ledger, spec, clock.now());
      return { hosts, unplaced, remedy };
    });
  }

  /** Ends the term: calls that wait are refused, the one at work is awaited. */
  async close(): Promise<void> {
    this.#over.abort(new BerthError('NotLeader', 'The term of this scheduler has ended.'));
    await this.#turns.idle();
    this.#mirror.close();
  }

  async #within<T>(signal: AbortSignal, work: (until: AbortSignal) => Promise<T>): Promise<T> {
    const scope = childScope(signal, this.signal);
    try {
      return await work(scope.signal);
    } finally {
      scope.abort();
    }
  }

  async #placeNow(request: PlaceRequest): Promise<PlaceResponse> {
    const { cache, clock, logger, metrics } = this.#options;
    const { cluster, owner, taskDefinition, count } = request;
    const started = clock.monotonic();
    this.#refuseStale(request);
    const parts = partsIn(cache, request);
    const before = [...cache.tasksByOwner(owner)].length;
    try {
      const placed: Placed[] = [];
      for (const part of parts) {
        placed.push(
          await placeTasks(part, before, {
            ...this.#options,
            ledger: this.#mirror.ledger(cluster),
            nextDecisionId: this.#nextDecisionId,
            ownRevision: () => this.#ownRevision,
            onNothing: (decision) => this.#keepRefusal(decision),
            onConflict: () => {
              metrics.conflict();
            },
            onDoubt: (error) => {
              this.#end(error);
            },
            onCommitted: (revision) => {
              this.#recent.set(intentionKey(request), revision);
              this.#ownRevision = revision;
              this.#refused.delete(owner);
            },
          }),
        );
      }
      const response = {
        tasks: placed.flatMap(({ tasks }) => tasks),
        unplaced: placed.flatMap(({ unplaced }) => unplaced),
        revision: Math.max(...placed.map(({ revision }) => revision)),
      };
      const [unplaced] = response.unplaced;
      metrics.placed(response.tasks.length, unplaced, (clock.monotonic() - started) / 1000);
      const { revision } = response;
      const seeds = placed.map(({ seed }) => seed);
      logger.info(
        { cluster, owner, taskDefinition, count, placed: response.tasks.length, revision, seeds },
        'placed tasks',
      );
      return response;
    } catch (error) {
      if (!isBerthError(error)) this.#end(error); // the ledger can't be trusted any more
      throw error;
    }
  }

  /** Services that wait for room ask again and again: a refusal like the one before is not kept. */
  async #keepRefusal(decision: PlacementDecisionRecord): Promise<void> {
    const { store, leadership, logger } = this.#options;
    const { id, cluster, owner, result } = decision;
    if (this.#refused.get(owner) === result) return;
    if (this.#refused.size >= MAX_REFUSED) this.#refused.clear();
    this.#refused.set(owner, result);
    const puts = [putRecord(collections.placementDecisions, [cluster, id], decision)];
    try {
      await store.commit({ guards: [leadership.guard], puts, deletes: [] }, leadership.signal);
    } catch (error) {
      logger.warn(
        { err: error, owner },
        'a refused placement could not be kept for later questions',
      );
    }
  }

  /** A repeated call must not place twice, so the caller has to have seen all that was placed for the owner. */
  #refuseStale(request: PlaceRequest): void {
    const { cache } = this.#options;
    const { cluster, owner, viewRevision } = request;
    for (const [key, revision] of this.#recent) {
      if (revision <= cache.revision) this.#recent.delete(key);
    }
    let newest = this.#recent.get(intentionKey(request)) ?? 0;
    const token = tokenOfOwner(owner);
    const tasks =
      token === undefined ? cache.tasksByOwner(owner) : cache.tasksByToken(cluster, token);
    for (const { value, createRevision } of tasks) {
      if (value.cluster === cluster) newest = Math.max(newest, createRevision);
    }
    if (newest > viewRevision) throw stale(request, 'tasks were created for it', newest);
    this.#refuseOutdated(request);
  }

  /** A late call, of a controller that was deposed meanwhile, must not start what a service no longer wants. */
  #refuseOutdated(request: PlaceRequest): void {
    const { cluster, service, viewRevision } = request;
    if (service === undefined) return;
    const wanted = this.#options.cache.get(collections.services, cluster, service);
    if (!wanted || wanted.modRevision <= viewRevision) return;
    throw stale(request, `service ${service} was changed`, wanted.modRevision);
  }

  #end(error: unknown): void {
    if (this.signal.aborted) return;
    this.#options.logger.warn(
      { err: error },
      'the scheduler starts a new term to be sure of its ledger',
    );
    this.#over.abort(new BerthError('NotLeader', 'The term of this scheduler has ended.'));
  }
}

function stale(request: PlaceRequest, what: string, revision: number): BerthError {
  const { cluster, owner, viewRevision } = request;
  return new BerthError(
    'StaleView',
    `Placement for ${owner} in cluster ${cluster} was decided on revision ${viewRevision}, but ${what} ` +
      `at revision ${revision}: catch up and decide anew.`,
    { details: { revision: String(revision) } },
  );
}

/** Calls with one client token are one intention, whatever their arguments: the api refuses the second. */
function intentionKey({ cluster, owner }: PlaceRequest): string {
  const token = tokenOfOwner(owner);
  return token === undefined ? `${cluster}/${owner}` : `${cluster}/run/${token}`;
}
