// A request that has ended, for tests of those who are told of it.
import type { LoadBalancerRecord } from '@berth/model/generated/messages.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import * as records from '@berth/model/routing/testing.ts';

import type { ClientInfo } from '../exchange-sides.ts';
import type { RequestHead } from '../request-head.ts';
import { RequestSummary } from '../request-summary.ts';
import { DEFAULT_SETTINGS } from '../settings.ts';
import { Target } from '../target.ts';
import { realClock } from '@berth/process/real-clock.ts';

const PLAIN = { protocol: 'HTTP', version: 'HTTP1', connectTimeoutMs: 2_000 } as const;

export interface SummaryParts {
  readonly head?: Partial<RequestHead> | 'none';
  readonly client?: Partial<ClientInfo>;
  readonly protocol?: RequestSummary['protocol'];
  readonly upgrade?: boolean;
  readonly balancer?: Readonly<Record<string, string>>;
}

const GROUP_ARN =
  'arn:aws:elasticloadbalancing:local:000000000000:targetgroup/web/0123456789abcdef';

/** GET http://www.example.com/a?b=1 at 2026-01-02T03:04:05.138Z, sent by the rule of priority 5 to 10.0.0.1:80, and answered 200. */
export function summaryOf(parts: SummaryParts = {}): RequestSummary {
  const loadBalancer: LoadBalancerRecord = {
    name: 'web',
    id: '50dc6c495c0c9188',
    type: 'application',
    scheme: 'internet-facing',
    ipAddressType: 'ipv4',
    vpcId: '',
    availabilityZones: [],
    securityGroups: [],
    attributes: parts.balancer ?? {},
    createdAt: 1,
    tags: [],
  };
  const table = updateTable(
    EMPTY_TABLE,
    records.update(7, {
      snapshot: true,
      loadBalancers: [loadBalancer],
      listeners: [{ ...records.listener(80, records.fixed('404'), 'l1'), loadBalancer: 'web' }],
      rules: [
        records.rule(
          'l1',
          5,
          [records.condition('path-pattern', ['/a'])],
          records.forward(GROUP_ARN),
        ),
      ],
    }),
  );
  const listener = table.listeners.get(80);
  const head: RequestHead | undefined =
    parts.head === 'none'
      ? undefined
      : {
          view: records.request({ host: 'www.example.com', path: '/a', query: 'b=1' }),
          target: '/a?b=1',
          authority: 'www.example.com',
          bodyLength: 0,
          ambiguous: false,
          lines: 'Accept: */*\r\nUser-Agent: curl/8.5\r\nX-Request-Id: mine\r\n',
          forwardedFor: undefined,
          trace: undefined,
          trailers: false,
          oddNames: false,
          desync: undefined,
          ...parts.head,
        };
  const summary = new RequestSummary(
    { address: '203.0.113.9', port: 2817, ...parts.client },
    parts.protocol ?? 'http/1.1',
    head,
    listener,
    80,
    Date.UTC(2026, 0, 2, 3, 4, 5, 138),
    1_000,
    parts.upgrade ?? false,
  );
  summary.receivedBytes = 312;
  summary.sentBytes = 57;
  summary.endedAt = 1_049.25;
  if (head === undefined) {
    summary.status = 400;
    return summary;
  }
  const record = { ...records.target('web', 't1'), address: '10.0.0.1', port: 80 };
  const target = new Target(record, PLAIN, DEFAULT_SETTINGS, realClock);
  summary.route = listener?.routes[0];
  summary.routingRevision = 7;
  summary.act('forward');
  summary.group = 'web';
  summary.target = target;
  summary.attempt({ target, reused: true, outcome: 'answered' });
  summary.status = 200;
  summary.targetStatus = 200;
  summary.chosenAt = 1_000.125;
  summary.connectedAt = 1_000.5;
  summary.sentAt = 1_001;
  summary.answeredAt = 1_049;
  summary.trace = 'Root=1-58337281-1d84f3d73c47ec4e58577259';
  return summary;
}
