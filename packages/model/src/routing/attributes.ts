// The attributes of load balancers, listeners, target groups and rules: the one list of their keys, with what each may be, what
// it is when nobody has said anything, and what it means. Records hold only what differs from the default. Keys that begin
// with `berth.` are Berth's own; they are off, or generous, until somebody sets them.
// Source: ALB reference, sections 1.6 and 3.2; AWS's lists of attributes of network load balancers.
import {
  type AttributeKind,
  blocks,
  flag,
  offOrWhole,
  only,
  rate,
  text,
  whole,
  wordOffOrWhole,
  words,
} from './attribute-kinds.ts';

export type AttributeScope = 'load-balancer' | 'listener' | 'target-group' | 'rule';

/** `application` speaks HTTP; `network` passes TCP and TLS through. */
export type Family = 'application' | 'network';

/** Where attributes are: which keys there are, and their defaults, follow from it. */
export interface AttributePlace {
  readonly scope: AttributeScope;
  readonly family: Family;
  /** Of a load balancer whose scheme is `internal`. */
  readonly internal?: boolean;
}

export interface AttributeDefinition extends AttributeKind {
  readonly key: string;
  readonly scope: AttributeScope;
  readonly families: readonly Family[];
  /** The default where the load balancer is internal, if it is another. */
  readonly internalDefault?: string;
  /** One line, for people. */
  readonly meaning: string;
}

type Row = readonly [key: string, kind: AttributeKind, meaning: string];

const BOTH: readonly Family[] = ['application', 'network'];
const APPLICATION: readonly Family[] = ['application'];
const NETWORK: readonly Family[] = ['network'];

function rows(
  scope: AttributeScope,
  families: readonly Family[],
  list: readonly Row[],
): AttributeDefinition[] {
  return list.map(([key, kind, meaning]) => ({ key, scope, families, ...kind, meaning }));
}

const HTTP_TOKEN = /^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,128}$/;
const HEADER_NAME = text(HTTP_TOKEN, 'the name of a header, at most 128 characters');
const HEADER_VALUE = text(/^[ -~]{1,1024}$/, 'at most 1024 printable ASCII characters');
const PLACE_NAME = text(/^[!-~]{1,255}$/, 'a name of at most 255 visible ASCII characters');
const TARGETS = 1_000_000;
const DAY = 86_400;
const WEEK = 7 * DAY;

const loadBalancer: readonly AttributeDefinition[] = [
  ...rows('load-balancer', BOTH, [
    [
      'access_logs.s3.enabled',
      flag(false),
      "Write an access log, kept under the bucket and prefix in the proxy's directory of logs.",
    ],
    ['access_logs.s3.bucket', PLACE_NAME, 'First folder of the access log.'],
    ['access_logs.s3.prefix', PLACE_NAME, 'Folder below the bucket.'],
    ['deletion_protection.enabled', flag(false), 'Refuse to delete the load balancer.'],
    ['zonal_shift.config.enabled', only('false'), 'Berth has no zonal shift.'],
  ]),
  {
    key: 'ipv6.deny_all_igw_traffic',
    scope: 'load-balancer',
    families: BOTH,
    ...flag(false),
    internalDefault: 'true',
    meaning: 'Kept and shown only: Berth has no internet gateways.',
  },
  ...rows('load-balancer', NETWORK, [
    [
      'load_balancing.cross_zone.enabled',
      flag(false),
      "Send to targets of all zones, not only of the proxy's own.",
    ],
    [
      'dns_record.client_routing_policy',
      only('any_availability_zone'),
      'Berth makes no DNS records a zone.',
    ],
    ['secondary_ips.auto_assigned.per_subnet', only('0'), 'Berth assigns no addresses.'],
  ]),
  ...rows('load-balancer', APPLICATION, [
    [
      'load_balancing.cross_zone.enabled',
      only('true'),
      'Always on for application load balancers; a target group can switch it off for itself.',
    ],
    ['connection_logs.s3.enabled', only('false'), 'Berth writes no log of connections.'],
    ['connection_logs.s3.bucket', PLACE_NAME, 'Kept and shown only.'],
    ['connection_logs.s3.prefix', PLACE_NAME, 'Kept and shown only.'],
    [
      'health_check_logs.s3.enabled',
      only('false'),
      'Berth writes no log of health checks; changes of health are in the log of the proxy.',
    ],
    ['health_check_logs.s3.bucket', PLACE_NAME, 'Kept and shown only.'],
    ['health_check_logs.s3.prefix', PLACE_NAME, 'Kept and shown only.'],
    [
      'client_keep_alive.seconds',
      whole(3600, 60, 604_800, 'seconds'),
      "Age at which a client's connection is closed after one more request.",
    ],
    [
      'idle_timeout.timeout_seconds',
      whole(60, 1, 4000, 'seconds'),
      'Silence after which either side of an exchange is given up.',
    ],
    [
      'routing.http.desync_mitigation_mode',
      words('defensive', 'monitor', 'defensive', 'strictest'),
      'What becomes of requests that others might frame otherwise.',
    ],
    [
      'routing.http.drop_invalid_header_fields.enabled',
      flag(false),
      'Remove request headers whose name has other characters than letters, digits and -.',
    ],
    [
      'routing.http.preserve_host_header.enabled',
      flag(false),
      'Send Host to targets byte for byte.',
    ],
    [
      'routing.http.x_amzn_tls_version_and_cipher_suite.enabled',
      flag(false),
      "Tell targets the client's TLS version and cipher.",
    ],
    [
      'routing.http.xff_client_port.enabled',
      flag(false),
      "Append the client's port in X-Forwarded-For.",
    ],
    [
      'routing.http.xff_header_processing.mode',
      words('append', 'append', 'preserve', 'remove'),
      'What becomes of X-Forwarded-For.',
    ],
    ['routing.http2.enabled', flag(true), 'Offer HTTP/2 on HTTPS listeners.'],
    ['waf.fail_open.enabled', only('false'), 'Berth has no web application firewall.'],
    [
      'berth.request_id.response_header.enabled',
      flag(false),
      'Tell clients the id of their request in X-Request-Id: berth explain request ID.',
    ],
    [
      'berth.trace_context.mode',
      words('pass', 'pass', 'create'),
      'Make a traceparent for requests without one, of the same trace as X-Amzn-Trace-Id.',
    ],
  ]),
  ...rows('load-balancer', BOTH, [
    [
      'berth.access_log.format',
      words('alb', 'alb', 'json'),
      'Lines of the access log: as ALB writes them, or JSON objects.',
    ],
    [
      'berth.quotas.rules',
      whole(100, 1, 20_000, 'rules'),
      'How many rules its listeners may have in all, without default rules.',
    ],
    [
      'berth.quotas.targets',
      whole(1000, 1, 100_000, 'targets'),
      'How many targets may be registered by hand with its target groups in all.',
    ],
  ]),
];

const RENAMED_HEADERS = [
  'x_amzn_mtls_clientcert_serial_number',
  'x_amzn_mtls_clientcert_issuer',
  'x_amzn_mtls_clientcert_subject',
  'x_amzn_mtls_clientcert_validity',
  'x_amzn_mtls_clientcert_leaf',
  'x_amzn_mtls_clientcert',
  'x_amzn_tls_version',
  'x_amzn_tls_cipher_suite',
] as const;

const SET_HEADERS = [
  'strict_transport_security',
  'access_control_allow_origin',
  'access_control_allow_methods',
  'access_control_allow_headers',
  'access_control_allow_credentials',
  'access_control_expose_headers',
  'access_control_max_age',
  'content_security_policy',
  'x_content_type_options',
  'x_frame_options',
] as const;

/** `x_frame_options` is X-Frame-Options. */
function headerOf(word: string): string {
  return word
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('-');
}

const RATES: readonly Row[] = [
  [
    'berth.rate_limit.requests_per_second',
    rate(1_000_000, 'requests a second'),
    'Requests of all clients together that a proxy takes; 429 beyond.',
  ],
  [
    'berth.rate_limit.burst',
    offOrWhole(0, 1, 1_000_000, 'requests'),
    "Requests taken at once before the rate counts; 0 is one second's worth.",
  ],
  [
    'berth.client_rate_limit.requests_per_second',
    rate(1_000_000, 'requests a second'),
    'Requests of one client address (IPv6: its /64) that a proxy takes; 429 beyond.',
  ],
  [
    'berth.client_rate_limit.burst',
    offOrWhole(0, 1, 1_000_000, 'requests'),
    "Requests of one client taken at once before the rate counts; 0 is one second's worth.",
  ],
];

const listener: readonly AttributeDefinition[] = [
  ...rows('listener', NETWORK, [
    [
      'tcp.idle_timeout.seconds',
      whole(350, 60, 6000, 'seconds'),
      'Silence in both directions after which a connection is closed.',
    ],
  ]),
  ...rows(
    'listener',
    APPLICATION,
    RENAMED_HEADERS.map((word): Row => [
      `routing.http.request.${word}.header_name`,
      HEADER_NAME,
      `Another name for the header ${headerOf(word)} towards targets.`,
    ]),
  ),
  ...rows('listener', APPLICATION, [
    ['routing.http.response.server.enabled', flag(true), 'Send the header Server to clients.'],
  ]),
  ...rows(
    'listener',
    APPLICATION,
    SET_HEADERS.map((word): Row => [
      `routing.http.response.${word}.header_value`,
      HEADER_VALUE,
      `Sent as ${headerOf(word)} with each answer, instead of the target's own.`,
    ]),
  ),
  ...rows('listener', BOTH, [
    [
      'berth.proxy_protocol.mode',
      words('off', 'off', 'optional', 'required'),
      'Whether connections begin with a PROXY protocol header (version 1 or 2) that names the client.',
    ],
    [
      'berth.proxy_protocol.trusted_sources',
      blocks(32),
      'Peers whose PROXY protocol header is believed; nothing: all of them.',
    ],
    [
      'berth.connections.per_client',
      offOrWhole(0, 1, 1_000_000, 'connections'),
      'Open connections of one client address that a proxy takes.',
    ],
  ]),
  ...rows('listener', APPLICATION, [
    ['berth.h2c.enabled', flag(false), 'Take HTTP/2 with prior knowledge on an HTTP listener.'],
    [
      'berth.path.normalization',
      words('off', 'off', 'reject', 'normalize'),
      'Paths with //, dot segments or encoded slashes: as they are, refused with 400, or made plain before rules see them.',
    ],
    ...RATES,
  ]),
];

const FAILOVER = 'target_group_health.dns_failover.minimum_healthy_targets';
const FAIL_OPEN = 'target_group_health.unhealthy_state_routing.minimum_healthy_targets';

const targetGroup: readonly AttributeDefinition[] = [
  ...rows('target-group', BOTH, [
    [
      'deregistration_delay.timeout_seconds',
      whole(300, 0, 3600, 'seconds'),
      'How long what is open on a deregistered target may go on.',
    ],
    [
      'load_balancing.cross_zone.enabled',
      words('use_load_balancer_configuration', 'true', 'false', 'use_load_balancer_configuration'),
      "Send to targets of all zones, not only of the proxy's own.",
    ],
    ['stickiness.enabled', flag(false), 'Keep a client on its target.'],
    [
      `${FAILOVER}.count`,
      wordOffOrWhole('1', TARGETS, 'targets'),
      'With fewer healthy targets the group counts as unhealthy for DNS.',
    ],
    [
      `${FAILOVER}.percentage`,
      wordOffOrWhole('off', 100, 'percent'),
      'The same as a share of the targets.',
    ],
    [
      `${FAIL_OPEN}.count`,
      whole(1, 1, TARGETS, 'targets'),
      'With fewer healthy targets all of them are used.',
    ],
    [
      `${FAIL_OPEN}.percentage`,
      wordOffOrWhole('off', 100, 'percent'),
      'The same as a share of the targets.',
    ],
  ]),
  ...rows('target-group', APPLICATION, [
    [
      'load_balancing.algorithm.type',
      words('round_robin', 'round_robin', 'least_outstanding_requests', 'weighted_random'),
      'How a target is chosen.',
    ],
    [
      'load_balancing.algorithm.anomaly_mitigation',
      words('off', 'on', 'off'),
      'Send less to targets that answer with more errors than their peers; with weighted_random only.',
    ],
    [
      'slow_start.duration_seconds',
      offOrWhole(0, 30, 900, 'seconds'),
      'How long a target takes to its full share after it has become healthy; with round_robin only.',
    ],
    ['stickiness.type', words('lb_cookie', 'lb_cookie', 'app_cookie'), 'Whose cookie decides.'],
    [
      'stickiness.lb_cookie.duration_seconds',
      whole(DAY, 1, WEEK, 'seconds'),
      'How long a client stays on its target.',
    ],
    [
      'stickiness.app_cookie.duration_seconds',
      whole(DAY, 1, WEEK, 'seconds'),
      'How long a client stays on its target after its last request.',
    ],
    [
      'stickiness.app_cookie.cookie_name',
      text(HTTP_TOKEN, 'the name of a cookie, at most 128 characters'),
      "The application's cookie; for app_cookie.",
    ],
    [
      'berth.retries.attempts',
      whole(3, 0, 10, 'attempts'),
      'How many other targets a request may be tried on; once something was sent one, and only if the request may be repeated.',
    ],
    [
      'berth.retries.budget_percent',
      whole(20, 0, 100, 'percent'),
      'Tries again at the same time, as a share of the open requests of the group in a proxy.',
    ],
    [
      'berth.retries.budget_minimum',
      whole(3, 0, 1000, 'attempts'),
      'Tries again at the same time that are always allowed.',
    ],
    [
      'berth.retries.try_timeout_ms',
      offOrWhole(0, 50, 4_000_000, 'milliseconds'),
      'Silence of a target before the first byte of its answer after which another is tried, if the request may be repeated.',
    ],
    [
      'berth.timeouts.connect_ms',
      whole(2000, 50, 60_000, 'milliseconds'),
      'How long a connection to a target may take to stand.',
    ],
    [
      'berth.timeouts.request_ms',
      offOrWhole(0, 50, 4_000_000, 'milliseconds'),
      'From the head of a request to the head of its answer, all tries together; 504 beyond.',
    ],
    [
      'berth.concurrency.per_target',
      offOrWhole(0, 1, 100_000, 'requests'),
      'Requests in flight on one target, from one proxy.',
    ],
    [
      'berth.concurrency.queue_length',
      whole(100, 0, 100_000, 'requests'),
      'Requests that wait while all targets have their most; 503 with Retry-After beyond.',
    ],
    [
      'berth.concurrency.queue_timeout_ms',
      whole(1000, 1, 60_000, 'milliseconds'),
      'How long a request waits for a target; 503 with Retry-After then.',
    ],
    [
      'berth.ejection.consecutive_failures',
      offOrWhole(5, 1, 1000, 'failures'),
      'Gateway failures (no connection, broken off, 502, 503, 504) in a row after which a target is passed over.',
    ],
    [
      'berth.ejection.base_seconds',
      whole(10, 1, 3600, 'seconds'),
      'How long it is passed over; as often longer as it has happened before.',
    ],
    [
      'berth.ejection.maximum_seconds',
      whole(300, 1, 86_400, 'seconds'),
      'The longest that it is passed over.',
    ],
    [
      'berth.ejection.maximum_percent',
      whole(50, 0, 100, 'percent'),
      'Share of a group that may be passed over; never its last target.',
    ],
    [
      'berth.request.max_body_bytes',
      offOrWhole(0, 1, 1_099_511_627_776, 'bytes'),
      'The longest body of a request; 413 beyond.',
    ],
  ]),
  ...rows('target-group', NETWORK, [
    [
      'stickiness.type',
      words('source_ip', 'source_ip'),
      'Clients are kept on their target by their address.',
    ],
    [
      'deregistration_delay.connection_termination.enabled',
      flag(false),
      'Close what is open on a deregistered target when its delay is over.',
    ],
    [
      'preserve_client_ip.enabled',
      only('false'),
      "Targets see the proxy's address; use the PROXY protocol to tell them the client's.",
    ],
    [
      'proxy_protocol_v2.enabled',
      flag(false),
      'Begin connections to targets with a PROXY protocol header (version 2) that names the client.',
    ],
    [
      'target_health_state.unhealthy.connection_termination.enabled',
      flag(true),
      'Close connections to a target that has become unhealthy.',
    ],
    [
      'target_health_state.unhealthy.draining_interval_seconds',
      whole(0, 0, 360_000, 'seconds'),
      'How long they may go on; only where they are not closed at once.',
    ],
    [
      'berth.timeouts.connect_ms',
      whole(2000, 50, 60_000, 'milliseconds'),
      'How long a connection to a target may take to stand.',
    ],
  ]),
  ...rows('target-group', BOTH, [
    [
      'berth.deregistration_delay.early_completion.enabled',
      flag(true),
      'A deregistered target with nothing open on it is done at once; else, as on AWS, when its delay is over.',
    ],
    [
      'berth.quotas.targets',
      whole(1000, 1, 20_000, 'targets'),
      'How many targets may be registered with it by hand.',
    ],
  ]),
];

const rule: readonly AttributeDefinition[] = rows('rule', APPLICATION, [
  ...RATES,
  [
    'berth.timeouts.request_ms',
    offOrWhole(0, 50, 4_000_000, 'milliseconds'),
    "From the head of a request to the head of its answer, instead of the target group's.",
  ],
  [
    'berth.request.max_body_bytes',
    offOrWhole(0, 1, 1_099_511_627_776, 'bytes'),
    "The longest body of a request, instead of the target group's; 413 beyond.",
  ],
  [
    'berth.mirror.target_group',
    text(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?$/, 'the name of a target group'),
    'Gets a copy of requests; its answers are thrown away.',
  ],
  ['berth.mirror.percent', whole(100, 1, 100, 'percent'), 'Share of the requests that are copied.'],
  [
    'berth.mirror.max_body_bytes',
    whole(102_400, 0, 1_048_576, 'bytes'),
    'Requests with a longer body are not copied.',
  ],
]);

/** All of them, in the order in which they are shown. */
export const ATTRIBUTES: readonly AttributeDefinition[] = [
  ...loadBalancer,
  ...listener,
  ...targetGroup,
  ...rule,
];

const index = new Map<string, ReadonlyMap<string, AttributeDefinition>>();
for (const scope of ['load-balancer', 'listener', 'target-group', 'rule'] as const) {
  for (const family of BOTH) {
    const own = ATTRIBUTES.filter((a) => a.scope === scope && a.families.includes(family));
    index.set(`${scope} ${family}`, new Map(own.map((a) => [a.key, a])));
  }
}

/** Those that there are at a place, by key. */
export function definitionsAt(place: AttributePlace): ReadonlyMap<string, AttributeDefinition> {
  return index.get(`${place.scope} ${place.family}`) ?? new Map();
}

/** The value where nobody has said anything. */
export function defaultAt(place: AttributePlace, definition: AttributeDefinition): string {
  return place.internal === true
    ? (definition.internalDefault ?? definition.default)
    : definition.default;
}

/** HTTP and HTTPS are application; TCP and TLS network. Of listeners and target groups. */
export function familyOf(protocol: string): Family {
  return protocol === 'TCP' || protocol === 'TLS' ? 'network' : 'application';
}

/** Every attribute of a place with its value in force, in the order of the list. Pure. */
export function attributesOf(
  place: AttributePlace,
  stored: Readonly<Record<string, string>>,
): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [key, definition] of definitionsAt(place)) {
    all[key] = stored[key] ?? defaultAt(place, definition);
  }
  return all;
}

/** `changes` laid over `stored`, without what has its default value. Pure. */
export function mergedAttributes(
  place: AttributePlace,
  stored: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string>>,
): Record<string, string> {
  const definitions = definitionsAt(place);
  return Object.fromEntries(
    Object.entries({ ...stored, ...changes }).filter(([key, value]) => {
      const definition = definitions.get(key);
      return definition === undefined || defaultAt(place, definition) !== value;
    }),
  );
}
