// Cuts routing updates so that each part is well below the limit of a message, whatever its records hold. A proxy puts the parts
// together again before it applies any. Pure.
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { emptyUpdate } from '@berth/model/routing/records.ts';

/** Of a part, in the same unit as the weights: bytes. Messages may have 64 MiB. */
const LIMIT = 32 * 1024 * 1024;
const KIB = 1024;

/** The most that an item of each list can take, generously. */
const WEIGHTS = {
  listeners: 64 * KIB,
  rules: 32 * KIB,
  targetGroups: 32 * KIB,
  targets: 4 * KIB,
  removedListeners: KIB,
  removedRules: KIB,
  removedTargetGroups: KIB,
  removedTargets: KIB,
  loadBalancers: 32 * KIB,
  removedLoadBalancers: KIB,
  certificates: 320 * KIB,
  removedCertificates: KIB,
  trustStores: 1024 * KIB,
  removedTrustStores: KIB,
  cookieKeys: KIB,
  acmeChallenges: 4 * KIB,
} as const satisfies Partial<Record<keyof RoutingUpdate, number>>;

type ListName = keyof typeof WEIGHTS;
const NAMES = Object.keys(WEIGHTS) as ListName[];

/** One or more updates that together say the same. */
export function partsOf(update: RoutingUpdate, limit = LIMIT): RoutingUpdate[] {
  const parts: Record<string, unknown>[] = [];
  let room = 0;
  const begin = (): Record<string, unknown> => {
    const part = { ...emptyUpdate(update.revision, update.snapshot), more: true };
    parts.push(part);
    room = limit;
    return part;
  };
  let part = begin();
  for (const name of NAMES) {
    const items: readonly unknown[] = update[name];
    for (let from = 0; from < items.length;) {
      const fits = Math.floor(room / WEIGHTS[name]);
      if (fits < 1 && room < limit) {
        part = begin();
        continue;
      }
      const some = items.slice(from, from + Math.max(1, fits));
      part[name] = [...(part[name] as unknown[]), ...some];
      from += some.length;
      room -= some.length * WEIGHTS[name];
    }
  }
  const all = parts as unknown as RoutingUpdate[];
  return all.map((each, index) =>
    index === all.length - 1 ? { ...each, more: false, acmeChanged: update.acmeChanged } : each,
  );
}
