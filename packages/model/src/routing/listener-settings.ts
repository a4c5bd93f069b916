// What a proxy reads from the attributes of a listener, defaults filled in. Source: ALB reference, section 1.6.
import type { ListenerRecord } from '../generated/messages.ts';

import { AttributeReader } from './attribute-reader.ts';
import { type Block, parseBlock } from './address.ts';
import { definitionsAt, familyOf } from './attributes.ts';
import { type RateLimits, rateLimits } from './rate-settings.ts';

export interface ListenerSettings {
  /** Of TCP and TLS listeners: silence in both directions. */
  readonly tcpIdleTimeoutMs: number;
  /** Headers that the proxy adds for targets, by their usual name in lower case; only those with another name. */
  readonly renamedHeaders: ReadonlyMap<string, string>;
  readonly sendServer: boolean;
  /** Set in each answer, in place of what the target says. Names in lower case. */
  readonly responseHeaders: readonly (readonly [name: string, value: string])[];
  readonly proxyProtocol: 'off' | 'optional' | 'required';
  /** Whose PROXY protocol header is believed; none: everybody's. */
  readonly proxyProtocolSources: readonly Block[];
  /** 0 is no limit. */
  readonly connectionsPerClient: number;
  readonly h2c: boolean;
  readonly pathNormalization: 'off' | 'reject' | 'normalize';
  readonly rates: RateLimits;
}

const RENAMED = /^routing\.http\.request\.(.+)\.header_name$/;
const SET = /^routing\.http\.response\.(.+)\.header_value$/;

/** Pure and total. */
export function listenerSettings(
  record: Pick<ListenerRecord, 'protocol' | 'attributes'>,
): ListenerSettings {
  const place = { scope: 'listener', family: familyOf(record.protocol) } as const;
  const read = new AttributeReader(place, record.attributes);
  const renamed = new Map<string, string>();
  const set: [string, string][] = [];
  for (const key of definitionsAt(place).keys()) {
    const value = read.text(key);
    const header = (RENAMED.exec(key) ?? SET.exec(key))?.[1]?.replaceAll('_', '-');
    if (header === undefined || value === '') continue;
    if (SET.test(key)) set.push([header, value]);
    else renamed.set(header, value);
  }
  return {
    tcpIdleTimeoutMs: 1000 * (read.number('tcp.idle_timeout.seconds') || 350),
    renamedHeaders: renamed,
    sendServer: record.attributes['routing.http.response.server.enabled'] !== 'false',
    responseHeaders: set,
    proxyProtocol: read.word('berth.proxy_protocol.mode', 'off', 'optional', 'required'),
    proxyProtocolSources: read
      .text('berth.proxy_protocol.trusted_sources')
      .split(',')
      .flatMap((text) => parseBlock(text.trim()) ?? []),
    connectionsPerClient: read.number('berth.connections.per_client'),
    h2c: read.flag('berth.h2c.enabled'),
    pathNormalization: read.word('berth.path.normalization', 'off', 'reject', 'normalize'),
    rates: rateLimits(read),
  };
}
