// Fenced leadership. The election of the etcd3 package is not used: it can declare two leaders, or none
// for ever. Here a term is one key under one lease of its own; its create revision is the epoch. A leader
// stops acting by its own clock before etcd can give its key away, and what it still sends is refused by the guard.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { complete } from '@berth/rpc/codec.ts';

import { collections, keyOf } from './keys.ts';
import { guardAbsent, putRecord } from './record.ts';
import type { Guard, Lease, Store } from './store.ts';
import { transaction } from './transaction.ts';

/** Between attempts after a failure, so that an etcd in trouble is not made busier. */
const RETRY_MS = 1_000;

/** A term of office. Every transaction of a leader carries `guard`: a deposed leader's writes are refused by etcd. */
export interface Leadership {
  /** The create revision of the leader key: grows with every term. */
  readonly epoch: number;
  readonly guard: Guard;
  /** Aborted when the term ends, before another can begin. */
  readonly signal: AbortSignal;
}

export interface CampaignOptions {
  readonly store: Store;
  readonly role: 'scheduler' | 'controller';
  /** Who leads, for people: host name and process id. */
  readonly holder: string;
  /** Where the leader serves gRPC; empty where it serves none. */
  readonly address: string;
  readonly leaseSeconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Lead = (leadership: Leadership) => Promise<void>;

/**
 * Stand for election until `signal` is aborted; run `lead` for each term won. When a term ends, `lead` is
 * awaited, then a new campaign begins with a new lease. When `signal` is aborted during a term,
 * `lead` is awaited and the key is given up, so that the next candidate follows within milliseconds. Never rejects: what
 * fails is logged and tried again.
 */
export async function campaign(
  options: CampaignOptions,
  lead: Lead,
  signal: AbortSignal,
): Promise<void> {
  const { clock, role } = options;
  const logger = options.logger.child({ role, holder: options.holder });
  while (!signal.aborted) {
    try {
      await vacancy(options, signal);
      await standOnce({ ...options, logger }, lead, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'the election failed and is tried again');
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
  }
}

/** Resolves when nobody leads. */
async function vacancy(options: CampaignOptions, signal: AbortSignal): Promise<void> {
  const { store } = options;
  const key = leaderKey(options);
  const { entries, revision } = await store.list(key, signal);
  const leads = entries.some((entry) => entry.key === key);
  if (leads) await deletion(store, key, revision + 1, signal);
}

/** Resolves when the key is deleted at `fromRevision` or later. @throws BerthError Unavailable when the watch ends */
async function deletion(
  store: Store,
  key: string,
  fromRevision: number,
  signal: AbortSignal,
): Promise<void> {
  for await (const { events } of store.watch(key, fromRevision, signal)) {
    if (events.some((event) => event.key === key && !event.entry)) return;
  }
  signal.throwIfAborted();
  throw new Error(`watching ${key} ended without a reason`);
}

/** Try to create the key under a new lease; on success serve one term. */
async function standOnce(options: CampaignOptions, lead: Lead, signal: AbortSignal): Promise<void> {
  const lease = await options.store.lease(options.leaseSeconds, signal);
  try {
    const epoch = await created(options, lease, signal);
    if (epoch !== undefined) await serveTerm(options, lead, lease, epoch, signal);
  } finally {
    // Also right when the key's creation has an unknown outcome: it vanishes, or can't come to be any more.
    await lease.revoke();
  }
}

/** The epoch that begins; undefined when another was first. */
async function created(
  { store, role, holder, address, clock }: CampaignOptions,
  lease: Lease,
  signal: AbortSignal,
): Promise<number | undefined> {
  const record = complete('LeaderRecord', { role, holder, address, since: clock.now() });
  const result = await store.commit(
    transaction({
      guards: [guardAbsent(collections.leader, role)],
      puts: [putRecord(collections.leader, [role], record, lease.id)],
    }),
    AbortSignal.any([signal, lease.lost]),
  );
  return result.committed ? result.revision : undefined;
}

async function serveTerm(
  options: CampaignOptions,
  lead: Lead,
  lease: Lease,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const { logger, clock } = options;
  const over = new AbortController();
  const term = AbortSignal.any([signal, lease.lost, over.signal]);
  const watching = noticeRemoval(options, epoch, over, term);
  logger.info({ epoch }, 'leads');
  try {
    await lead({ epoch, guard: { key: leaderKey(options), createRevision: epoch }, signal: term });
  } catch (error) {
    if (!term.aborted) {
      logger.error({ err: error, epoch }, 'the work of the leader failed; its term ends');
      await clock.sleep(RETRY_MS, term).catch(() => undefined);
    }
  } finally {
    const reason = lease.lost.aborted ? 'lease lost' : signal.aborted ? 'stopping' : 'given up';
    over.abort(new Error('the term is over'));
    await watching;
    logger.info({ epoch, reason }, 'leads no more');
  }
}

/** Ends the term when the key is taken away, by a person or by a restored backup: its writes would all be refused. */
async function noticeRemoval(
  options: CampaignOptions,
  epoch: number,
  over: AbortController,
  term: AbortSignal,
): Promise<void> {
  const { store, clock } = options;
  const key = leaderKey(options);
  while (!term.aborted) {
    try {
      const { entries, revision } = await store.list(key, term);
      const mine = entries.find((entry) => entry.key === key)?.createRevision === epoch;
      if (mine) await deletion(store, key, revision + 1, term);
      over.abort(new Error('the leader key was removed'));
    } catch {
      await clock.sleep(RETRY_MS, term).catch(() => undefined);
    }
  }
}

function leaderKey({ role }: CampaignOptions): string {
  return keyOf(collections.leader, role);
}
