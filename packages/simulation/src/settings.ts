// What the simulated cluster is set to: as `berth server` has it by default.
export const CLUSTER = 'default';
export const GROUP_DELAY_MS = 20_000;
export const HOST_LOST_AFTER_MS = 20_000;
export const PROXY_LOST_AFTER_MS = 20_000;
export const LEASE_SECONDS = 10;
export const LEADER_LEASE_SECONDS = 3;
export const REALM = { region: 'local', account: '000000000000' } as const;
/** Few, so that they are used again soon. */
export const PORTS = { first: 20_000, last: 20_011 } as const;
export const API_PORT = 7400;
export const SCHEDULER_PORT = 7401;
/** Services of families that begin so have two target groups, and deployments that shift traffic. */
export const SHIFTING = 'web-shift';
/** The service of deployment controller EXTERNAL: it has task sets. */
export const EXTERNAL = 'web-sets';
