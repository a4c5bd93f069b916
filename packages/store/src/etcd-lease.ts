// Leases at etcd. Each renewal is a short stream of its own with a deadline, so that a frozen member costs
// one renewal and not the lease; how long the lease can be relied on is `lease-keeper.ts`'s business.
import type { Clock } from '@berth/control/clock.ts';
import { childScope } from '@berth/control/scope.ts';

import type { EtcdLink } from './etcd-link.ts';
import { keepLease } from './lease-keeper.ts';
import type { Lease } from './store.ts';

/** As `Store.lease`. @param closed when aborted, the lease is no longer renewed */
export async function grantLease(
  link: EtcdLink,
  clock: Clock,
  ttlSeconds: number,
  signal: AbortSignal,
  closed: AbortSignal,
): Promise<Lease> {
  let askedAt = clock.monotonic();
  const granted = await link.repeat(
    'granting a lease',
    (member, options) => {
      askedAt = clock.monotonic();
      return member.leases.leaseGrant({ TTL: ttlSeconds }, options);
    },
    signal,
  );
  const id = granted.ID;
  return keepLease({
    clock,
    id,
    ttlMs: Math.min(ttlSeconds, Number(granted.TTL)) * 1000,
    askedAt,
    renew: (until) => renewOnce(link, clock, id, renewWithinMs(link, Number(granted.TTL)), until),
    revoke: async () => {
      await link.repeat(
        'revoking a lease',
        (member, options) => member.leases.leaseRevoke({ ID: id }, options),
        closed,
      );
    },
    closed,
  });
}

/** So short that a short lease, too, is not lost to one member that does not answer: the next one is still asked in time. */
function renewWithinMs(link: EtcdLink, ttlSeconds: number): number {
  return Math.min(link.callWithinMs, (ttlSeconds * 1000) / 4);
}

/** @returns false when etcd says that the lease has ended */
async function renewOnce(
  link: EtcdLink,
  clock: Clock,
  id: string,
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const member = link.member;
  const scope = childScope(signal);
  const stream = await member.leases.leaseKeepAlive({ deadline: clock.now() + withinMs });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('the stream ended without an answer')));
      stream.on('data', ({ TTL }) => resolve(Number(TTL) > 0));
      scope.signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      stream.write({ ID: id });
    });
  } catch (error) {
    if (!signal.aborted) link.leave(member);
    throw error;
  } finally {
    scope.abort();
    stream.on('error', () => undefined);
    stream.cancel();
  }
}
