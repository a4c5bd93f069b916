// Single requests, as the proxies saw them: of all proxies, whichever replica they are connected to. The caller's replica asks the
// others, which answer for their own proxies only.
import { Channel } from '@berth/control/channel.ts';
import { childScope, untilAborted } from '@berth/control/scope.ts';
import { messageChain } from '@berth/model/errors.ts';
import type {
  ExplainedRequest,
  ExplainRequestRequest,
  ExplainRequestResponse,
  RequestBatch,
  RequestRecord,
  WatchRequestsRequest,
} from '@berth/model/generated/messages.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import type { CallContext, Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { Stored } from '@berth/store/state.ts';

import { actingListener, actingRule } from '../views/traffic-weights.ts';
import type { RequestQuestion } from '../sessions/request-streams.ts';
import type { OwnOperationsDeps } from './deps-operations.ts';
import { isForwarded } from './replicas.ts';
import { invalid } from './resolve.ts';

const MOST_RECENT = 1_000;
const MOST_OF_ONE_ID = 20;
const REPLICA_MS = 5_000;
/** Batches that may wait for a slow reader; then those who bring them wait. */
const MOST_WAITING = 64;
const STATUS = /^(?:([1-9])xx|([1-9]\d\d))$/i;

/** @throws BerthError InvalidParameterException for a limit, status or group that can't be; LimitExceededException when too many ask */
export async function* watchRequests(
  deps: OwnOperationsDeps,
  request: WatchRequestsRequest,
  context: CallContext,
): AsyncGenerator<RequestBatch, void, undefined> {
  const { limit, follow } = request;
  if (limit < 0 || limit > MOST_RECENT) {
    throw invalid(`limit is ${limit}; expected 0 to ${MOST_RECENT}.`);
  }
  const filter = filterOf(request);
  if (isForwarded(context)) {
    yield* deps.requests.ask({ ...filter, limit, follow }, context.signal);
    return;
  }
  await deps.freshen(context.signal);
  const scope = childScope(context.signal);
  try {
    // Asked for before the past, so that none is lost between the two.
    const coming = follow ? new Following(deps, request, filter, scope.signal) : undefined;
    const seen = new Set<string>();
    if (limit > 0) {
      const past = await recent(deps, request, filter, scope.signal);
      const requests = past.requests.sort(byTime).slice(-limit);
      for (const record of requests) seen.add(keyOf(record));
      yield { requests, skipped: 0, missing: past.missing };
    }
    if (coming === undefined) return;
    for await (const batch of coming.batches()) {
      const requests = batch.requests.filter((record) => !seen.has(keyOf(record)));
      if (requests.length > 0 || batch.skipped > 0 || batch.missing.length > 0) {
        yield { ...batch, requests };
      }
    }
  } finally {
    scope.abort();
  }
}

/** @throws BerthError InvalidParameterException for no id */
export async function explainRequest(
  deps: OwnOperationsDeps,
  { requestId }: ExplainRequestRequest,
  { signal }: CallContext,
): Promise<Input<ExplainRequestResponse>> {
  if (requestId === '') throw invalid('requestId is empty; expected the id of a request.');
  await deps.freshen(signal);
  const scope = childScope(signal);
  try {
    const wish = { limit: MOST_OF_ONE_ID, follow: false, requestId };
    const { requests, missing } = await recent(deps, wish, { requestId }, scope.signal);
    const newest = requests.sort(byTime).reverse().slice(0, MOST_OF_ONE_ID);
    return { requests: newest.map((request) => explained(deps, request)), missing };
  } finally {
    scope.abort();
  }
}

function explained({ cache }: OwnOperationsDeps, request: RequestRecord): ExplainedRequest {
  const { listenerId, ruleId, targetGroup, target: at, routingRevision } = request;
  const listener = cache.get(collections.listeners, listenerId);
  const isDefault = ruleId === 'default';
  const rule =
    ruleId === undefined || isDefault
      ? undefined
      : cache.get(collections.rules, listenerId, ruleId);
  const since = (record: Stored<unknown> | undefined): boolean =>
    (record?.modRevision ?? 0) > routingRevision;
  const target =
    targetGroup === undefined
      ? undefined
      : Array.from(cache.list(collections.targets, targetGroup), ({ value }) => value).find(
          ({ address, port }) => `${address}:${port}` === at,
        );
  return {
    request,
    listener: listener && actingListener(cache, listener.value),
    rule: rule && actingRule(cache, rule.value),
    changed: since(isDefault ? listener : rule),
    target,
  };
}

function filterOf(
  request: WatchRequestsRequest,
): Pick<RequestQuestion, 'requestId' | 'targetGroup' | 'minimumStatus' | 'maximumStatus'> {
  const { status, targetGroup, requestId } = request;
  const group = targetGroup === undefined ? undefined : nameOf(targetGroup);
  if (status === undefined) return { requestId, targetGroup: group };
  const [, hundreds, exact] = STATUS.exec(status) ?? [];
  if (hundreds === undefined && exact === undefined) {
    throw invalid(`status is "${status}"; expected one status, as 404, or a class, as 5xx.`);
  }
  const minimumStatus = exact === undefined ? Number(hundreds) * 100 : Number(exact);
  const maximumStatus = exact === undefined ? minimumStatus + 99 : minimumStatus;
  return { requestId, targetGroup: group, minimumStatus, maximumStatus };
}

type Filter = ReturnType<typeof filterOf>;

/** The addresses of the other replicas that hold the session of a proxy. */
function peers({ cache, replicaAddress }: OwnOperationsDeps): string[] {
  const sessions = Array.from(cache.list(collections.sessions, 'proxy'), ({ value }) => value);
  const addresses = new Set(sessions.map((session) => session.replicaAddress));
  addresses.delete(replicaAddress());
  return [...addresses];
}

function remote(
  { replicas }: OwnOperationsDeps,
  address: string,
  wish: Input<WatchRequestsRequest>,
  signal: AbortSignal,
): AsyncIterable<RequestBatch> {
  return replicas.operations(address).WatchRequests(wish, replicas.forwarding(signal));
}

interface Past {
  readonly requests: RequestRecord[];
  readonly missing: string[];
}

async function recent(
  deps: OwnOperationsDeps,
  wish: Input<WatchRequestsRequest> & { readonly limit: number },
  filter: Filter,
  signal: AbortSignal,
): Promise<Past> {
  const past: Past = { requests: [], missing: [] };
  const gather = async (batches: AsyncIterable<RequestBatch>): Promise<void> => {
    for await (const { requests, missing } of batches) {
      past.requests.push(...requests);
      past.missing.push(...missing);
    }
  };
  const others = peers(deps).map(async (address) => {
    const scope = childScope(signal);
    try {
      const late = deps.clock.sleep(REPLICA_MS, scope.signal).then(() => {
        scope.abort(new Error(`no answer in ${REPLICA_MS} ms`));
      });
      late.catch(() => undefined);
      await gather(remote(deps, address, { ...wish, follow: false }, scope.signal));
    } catch (error) {
      signal.throwIfAborted();
      past.missing.push(`those connected to ${address}: ${messageChain(error)}`);
    } finally {
      scope.abort();
    }
  });
  const own = gather(deps.requests.ask({ ...filter, limit: wish.limit, follow: false }, signal));
  await Promise.all([own, ...others]);
  return past;
}

/** What comes from now on, of this replica's proxies and of the others'. */
class Following {
  readonly #out = new Channel<RequestBatch>(MOST_WAITING);
  readonly #signal: AbortSignal;

  constructor(
    deps: OwnOperationsDeps,
    request: WatchRequestsRequest,
    filter: Filter,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    const own = this.#pump(deps.requests.ask({ ...filter, limit: 0, follow: true }, signal));
    own.catch((error: unknown) => this.#out.fail(error as Error));
    for (const address of peers(deps)) {
      const wish = { ...request, limit: 0, follow: true };
      this.#pump(remote(deps, address, wish, signal)).catch((error: unknown) => {
        const why = `those connected to ${address}: ${messageChain(error)}`;
        this.#out.offer({ requests: [], skipped: 0, missing: [why] });
      });
    }
  }

  async #pump(batches: AsyncIterable<RequestBatch>): Promise<void> {
    for await (const batch of batches) {
      if (!(await this.#out.send(batch))) return;
    }
  }

  batches(): AsyncGenerator<RequestBatch, void, undefined> {
    return untilAborted(this.#out, this.#signal);
  }
}

const byTime = (a: RequestRecord, b: RequestRecord): number => a.at - b.at;
const keyOf = ({ proxy, requestId, at }: RequestRecord): string => `${proxy} ${requestId} ${at}`;
