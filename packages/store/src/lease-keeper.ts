// Keeps a lease alive and knows, by monotonic time alone, until when it can be relied on. It gives up
// before the store does, also when the store does not answer, so that whoever acts under the lease has stopped
// when its keys vanish.
import type { Clock } from '@berth/control/clock.ts';

import { leaseGone } from './failures.ts';
import type { Lease } from './store.ts';

/** Part of the lifetime by which the holder gives up before the store could. */
const MARGIN = 0.1;
const RETRY_MS = 500;

export interface KeptLease {
  readonly clock: Clock;
  readonly id: string;
  readonly ttlMs: number;
  /** Monotonic time at which the grant was asked for. */
  readonly askedAt: number;
  /** Renews once. @returns false when the store says that the lease has ended; throws when it can't be asked */
  renew(signal: AbortSignal): Promise<boolean>;
  /** Ends it at the store. */
  revoke(): Promise<void>;
  /** When aborted, the lease is given up: it expires at the store. */
  readonly closed: AbortSignal;
}

/** Starts to keep the lease. */
export function keepLease(of: KeptLease): Lease {
  const lost = new AbortController();
  const giveUp = (): void => {
    of.closed.removeEventListener('abort', giveUp);
    lost.abort(leaseGone(of.id));
  };
  of.closed.addEventListener('abort', giveUp, { once: true });
  if (of.closed.aborted) giveUp();
  const good = Math.floor(of.ttlMs * (1 - MARGIN));
  const until = { time: of.askedAt + good };
  void guard(of.clock, until, lost.signal).then(giveUp);
  void renewals(of, until, good, lost.signal).then(giveUp);
  return {
    id: of.id,
    lost: lost.signal,
    revoke: async () => {
      giveUp();
      await of.revoke().catch(() => undefined); // then it expires
    },
  };
}

/** Resolves when the time is over, which renewals push back. */
async function guard(clock: Clock, until: { time: number }, signal: AbortSignal): Promise<void> {
  try {
    for (let left = until.time - clock.monotonic(); left > 0;) {
      await clock.sleep(left, signal);
      left = until.time - clock.monotonic();
    }
  } catch {
    // Given up meanwhile.
  }
}

/** Renews three times a lifetime. Resolves when the store says that the lease has ended. */
async function renewals(
  of: KeptLease,
  until: { time: number },
  good: number,
  signal: AbortSignal,
): Promise<void> {
  const pause = Math.floor(of.ttlMs / 3);
  let wait = pause;
  while (!signal.aborted) {
    try {
      await of.clock.sleep(wait, signal);
      const asked = of.clock.monotonic();
      if (!(await of.renew(signal))) return;
      until.time = asked + good;
      wait = pause;
    } catch {
      wait = Math.min(RETRY_MS, Math.floor(pause / 4));
    }
  }
}
