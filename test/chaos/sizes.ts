import type { LabOptions } from '@berth/cli/lab/plan.ts';

export const HOST_LOST_AFTER_MS = 8_000;

/** As small as all faults still show something. */
export const REDUCED: Partial<LabOptions> = {
  hosts: 3,
  servers: 3,
  etcd: 3,
  proxies: 2,
  serverFlags: [`--host-lost-after=${HOST_LOST_AFTER_MS}ms`],
};
