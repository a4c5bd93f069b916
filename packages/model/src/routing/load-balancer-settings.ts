// What a proxy reads from a load balancer's record, defaults filled in. Source: ALB reference, section 1.6.
import type { LoadBalancerRecord } from '../generated/messages.ts';

import { AttributeReader } from './attribute-reader.ts';

export interface AccessLogSettings {
  readonly enabled: boolean;
  readonly bucket: string;
  readonly prefix: string;
  readonly format: 'alb' | 'json';
}

export interface LoadBalancerSettings {
  readonly idleTimeoutMs: number;
  /** Age of a client's connection from which its next answer is the last. */
  readonly clientKeepAliveMs: number;
  readonly desyncMitigation: 'monitor' | 'defensive' | 'strictest';
  readonly dropInvalidHeaders: boolean;
  readonly preserveHost: boolean;
  /** X-Amzn-Tls-Version and -Cipher-Suite go to targets. */
  readonly tlsHeaders: boolean;
  readonly forwardedFor: 'append' | 'preserve' | 'remove';
  readonly forwardedForPort: boolean;
  readonly http2: boolean;
  readonly crossZone: boolean;
  /** Answers of targets carry the id of their request. */
  readonly sendRequestId: boolean;
  /** Requests without a traceparent get one. */
  readonly createTraceContext: boolean;
  readonly accessLog: AccessLogSettings;
}

/** Pure and total. */
export function loadBalancerSettings(
  record: Pick<LoadBalancerRecord, 'type' | 'scheme' | 'attributes'>,
): LoadBalancerSettings {
  const read = new AttributeReader(
    {
      scope: 'load-balancer',
      family: record.type === 'network' ? 'network' : 'application',
      internal: record.scheme === 'internal',
    },
    record.attributes,
  );
  return {
    idleTimeoutMs: 1000 * (read.number('idle_timeout.timeout_seconds') || 60),
    clientKeepAliveMs: 1000 * (read.number('client_keep_alive.seconds') || 3600),
    desyncMitigation: read.word(
      'routing.http.desync_mitigation_mode',
      'defensive',
      'monitor',
      'strictest',
    ),
    dropInvalidHeaders: read.flag('routing.http.drop_invalid_header_fields.enabled'),
    preserveHost: read.flag('routing.http.preserve_host_header.enabled'),
    tlsHeaders: read.flag('routing.http.x_amzn_tls_version_and_cipher_suite.enabled'),
    forwardedFor: read.word(
      'routing.http.xff_header_processing.mode',
      'append',
      'preserve',
      'remove',
    ),
    forwardedForPort: read.flag('routing.http.xff_client_port.enabled'),
    http2: read.flag('routing.http2.enabled'),
    crossZone: read.flag('load_balancing.cross_zone.enabled'),
    sendRequestId: read.flag('berth.request_id.response_header.enabled'),
    createTraceContext: read.word('berth.trace_context.mode', 'pass', 'create') === 'create',
    accessLog: {
      enabled: read.flag('access_logs.s3.enabled'),
      bucket: read.text('access_logs.s3.bucket'),
      prefix: read.text('access_logs.s3.prefix'),
      format: read.word('berth.access_log.format', 'alb', 'json'),
    },
  };
}

/** Of a listener that belongs to no load balancer that is known. */
export const DEFAULT_LOAD_BALANCER_SETTINGS: LoadBalancerSettings = loadBalancerSettings({
  type: 'application',
  scheme: 'internet-facing',
  attributes: {},
});
