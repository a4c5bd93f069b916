// One registration of a target, as this proxy sees it: its health, what is in flight on it, how it has answered of late, and its connections. A
// target that is registered anew, even at the same address, is a new one of these.
import type { Clock } from '@berth/control/clock.ts';
import type { TargetRecord } from '@berth/model/generated/messages.ts';
import { ErrorWindow } from '@berth/model/routing/anomaly.ts';
import { type Drain, REGISTERED } from '@berth/model/routing/drain.ts';
import { INLIER, type Outlier } from '@berth/model/routing/ejection.ts';
import { REGISTERING, type TargetHealth } from '@berth/model/routing/target-health.ts';

import type { TargetPool } from './exchange-sides.ts';
import { addressOf } from './requests/facts.ts';
import type { ProxySettings } from './settings.ts';
import { type PoolPlace, createPool } from './upstream-pools.ts';

export class Target {
  /** GROUP/ID */
  readonly key: string;
  /** ADDRESS:PORT */
  readonly place: string;
  readonly pool: TargetPool;
  record: TargetRecord;
  health: TargetHealth = REGISTERING;
  /** Wall time of the last change of what is reported. */
  since: number;
  /** Connections to it have failed; it is passed over. Changed by `PassiveHealth` only. */
  unreachable = false;
  /** Failures in a row, and what followed from them. Changed by `PassiveHealth` only. */
  outlier: Outlier = INLIER;
  /** What it answered in the last half minute. */
  readonly answers = new ErrorWindow();
  /** Its errors stand out from those of its peers. */
  anomalous = false;
  /** Its chance of being chosen at random, from 1 down to a tenth. */
  weight = 1;
  drain: Drain = REGISTERED;
  /** Requests and tunnels that were given to it and have not ended. Changed by its group only. */
  inFlight = 0;
  /** It may take requests now. Changed by its group only, as what follows. */
  eligible = false;
  /** It is healthy, and was when the group looked last. */
  settled = false;
  /** It has been healthy before. */
  recovering = false;
  /** Monotonic milliseconds when its slow start began; undefined: it has its full share. */
  slowSince: number | undefined;
  share = 1;
  credit = 0;
  /** It is no longer in the table. */
  retired = false;

  constructor(
    record: TargetRecord,
    group: PoolPlace['group'],
    settings: ProxySettings,
    clock: Clock,
  ) {
    this.key = `${record.group}/${record.id}`;
    this.place = addressOf(record);
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

  /** It is passed over while there are others. */
  get ejected(): boolean {
    return this.unreachable || this.outlier.ejectedUntil !== undefined;
  }

  get registeredAt(): number {
    return this.record.registeredAt;
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
