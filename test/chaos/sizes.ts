import type { LabOptions } from '@berth/cli/lab/plan.ts';

/** Over all proxies. */
export const REQUESTS_PER_SECOND = 300;
/** In `npm test`, on machines that may have two slow cores for all of it. */
export const REDUCED_REQUESTS_PER_SECOND = 150;
const SHORT_LOST_AFTER_MS = 8_000;
const DEFAULT_LOST_AFTER_MS = 20_000;

/** When a lab's controllers count a host as lost. */
export function hostLostAfterMs({ serverFlags }: LabOptions): number {
  const given = serverFlags.map((flag) => /^--host-lost-after=(\d+)ms$/.exec(flag)?.[1]);
  return Number(given.find((ms) => ms !== undefined) ?? DEFAULT_LOST_AFTER_MS);
}

/** The default one of `npm run lab`. */
export const FULL: Partial<LabOptions> = { hosts: 5, servers: 3, etcd: 3, proxies: 2 };

/** As small as all faults still show something. */
export const REDUCED: Partial<LabOptions> = {
  hosts: 3,
  servers: 3,
  etcd: 3,
  proxies: 2,
  serverFlags: [`--host-lost-after=${SHORT_LOST_AFTER_MS}ms`],
};
