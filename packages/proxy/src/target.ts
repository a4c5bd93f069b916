// One registration of a target, as this proxy sees it: its health, what is in flight on it, and its connections. A target that
// is registered anew, even at the same address, is a new one of these.
import type { Clock } from '@berth/control/clock.ts';
import type { TargetRecord } from '@berth/model/generated/messages.ts';
import { type Drain, REGISTERED } from '@berth/model/routing/drain.ts';
import type { GroupSettings } from '@berth/model/routing/group-settings.ts';
import { REGISTERING, type TargetHealth } from '@berth/model/routing/target-health.ts';

import type { TargetPool } from './exchange-sides.ts';
import type { ProxySettings } from './settings.ts';
import { createPool } from './upstream-pools.ts';

export class Target {
  /** GROUP/ID */
  readonly key: string;
  readonly pool: TargetPool;
  record: TargetRecord;
  health: TargetHealth = REGISTERING;
  /** Wall time of the last change of what is reported. */
  since: number;
  /** Connections to it have failed; it is passed over. */
  ejected = false;
  drain: Drain = REGISTERED;
  /** Requests and tunnels that were given to it and have not ended. Changed by `Group.select` and `Group.release` only. */
  inFlight = 0;
  /** It is no longer in the table. */
  retired = false;

  constructor(
    record: TargetRecord,
    group: GroupSettings,
    settings: ProxySettings,
    clock: Clock,
  ) {
    this.key = `${record.group}/${record.id}`;
    this.record = record;
    this.since = clock.now();
    const { address, port } = record;
    this.pool = createPool({ address, port, group, settings, clock });
  }

  get draining(): boolean {
    return this.record.state === 'DRAINING';
  }

  get healthy(): boolean {
    return this.health.state === 'healthy';
  }

  /** True when `record` speaks of this registration, and not of a later one. */
  isOf(record: TargetRecord): boolean {
    const own = this.record;
    const back = own.state === 'DRAINING' && record.state === 'REGISTERED';
    return (
      !back &&
      own.address === record.address &&
      own.port === record.port &&
      own.registeredAt === record.registeredAt
    );
  }
}
