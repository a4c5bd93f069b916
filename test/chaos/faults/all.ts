import type { Fault } from '../fault.ts';
import { engines } from './engines.ts';
import { etcd } from './etcd.ts';
import { hosts } from './hosts.ts';
import { leaders } from './leaders.ts';
import { planned } from './planned.ts';
import { storm } from './storm.ts';

/** In the order in which they are run. */
export const faults: readonly Fault[] = [
  ...leaders,
  ...etcd,
  ...hosts,
  ...engines,
  ...planned,
  ...storm,
];
