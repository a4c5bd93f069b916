import type { Fault } from '../fault.ts';
import { leaders } from './leaders.ts';

/** In the order in which they are run. */
export const faults: readonly Fault[] = [...leaders];
