// Which kind of connections a target gets, by the protocol of its group.
import type { Clock } from '@berth/control/clock.ts';
import type { GroupSettings } from '@berth/model/routing/group-settings.ts';

import type { TargetPool } from './exchange-sides.ts';
import { SessionPool } from './http2/session-pool.ts';
import type { ProxySettings } from './settings.ts';
import { TcpPool } from './tcp/tcp-pool.ts';
import { UpstreamPool } from './upstream-pool.ts';

export interface PoolPlace {
  readonly address: string;
  readonly port: number;
  readonly group: Pick<GroupSettings, 'protocol' | 'version' | 'connectTimeoutMs'>;
  readonly settings: ProxySettings;
  readonly clock: Clock;
}

export function createPool({ address, port, group, settings, clock }: PoolPlace): TargetPool {
  const { protocol, version } = group;
  const connectTimeoutMs = settings.connectTimeoutMs ?? group.connectTimeoutMs;
  const secure = protocol === 'HTTPS' || protocol === 'TLS';
  if (protocol === 'TCP' || protocol === 'TLS') {
    return new TcpPool({ address, port, secure, connectTimeoutMs });
  }
  if (version !== 'HTTP1') {
    return new SessionPool({ address, port, secure, connectTimeoutMs, clock });
  }
  return new UpstreamPool({ address, port, secure, connectTimeoutMs, settings, clock });
}
