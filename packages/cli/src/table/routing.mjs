// Commands on what the proxies route: load balancers, listeners, rules, target groups, certificates.
import { JSON_FLAG, TAGS, TIMEOUT, WATCH, YES, command, flag } from './build.mjs';

const ATTRIBUTES = flag('attribute', 'KEY=VALUE', 'any attribute; may be repeated', {
  multiple: true,
});

const ACTION = [
  flag('target-group', 'NAME[=WEIGHT]', 'forward to it; may be repeated with weights', {
    multiple: true,
    complete: 'target-group',
  }),
  flag(
    'redirect',
    'URL',
    'redirect; #{protocol} #{host} #{port} #{path} #{query} stand for the request’s',
  ),
  flag('permanent', '', 'redirect with 301 instead of 302'),
  flag('fixed', 'STATUS[:BODY]', 'answer with this status and text'),
  flag('content-type', 'TYPE', 'of the fixed answer (default text/plain)'),
  flag('sticky', 'SECONDS', 'clients keep the target group that they got first'),
  flag('actions-file', 'FILE', 'JSON: {"actions": [...]}, for OIDC and JWT too; - is stdin', {
    complete: 'file',
  }),
];

const CONDITIONS = [
  flag('path', 'PATTERN', 'path, with * and ?; may be repeated (any of them)', { multiple: true }),
  flag('path-regex', 'REGEX', 'path, by regular expression; may be repeated', { multiple: true }),
  flag('host', 'PATTERN', 'host header; may be repeated', { multiple: true }),
  flag('host-regex', 'REGEX', 'host header; may be repeated', { multiple: true }),
  flag('method', 'METHOD', 'request method; may be repeated', { multiple: true }),
  flag('header', 'NAME=PATTERN', 'a header; the same name may be repeated', { multiple: true }),
  flag('header-regex', 'NAME=REGEX', 'a header; the same name may be repeated', {
    multiple: true,
  }),
  flag('query', '[KEY=]PATTERN', 'query string; may be repeated', { multiple: true }),
  flag('source-ip', 'CIDR', 'client address; may be repeated', { multiple: true }),
];

const TRANSFORMS = [
  flag('rewrite-url', 'REGEX=>TEXT', 'path and query towards the target; $1 is a group'),
  flag('rewrite-host', 'REGEX=>TEXT', 'host header towards the target'),
];

const TLS = [
  flag('protocol', 'PROTOCOL', 'HTTP, HTTPS, TCP or TLS (default: HTTP, or HTTPS with TLS)'),
  flag('certificate', 'ARN|file:NAME', 'the default one first; may be repeated', {
    multiple: true,
    complete: 'tls-certificate',
  }),
  flag('ssl-policy', 'NAME', 'TLS versions and ciphers, by the names of AWS'),
  flag('alpn-policy', 'NAME', 'of TLS listeners: HTTP2Optional ...'),
  flag('mutual-tls', 'MODE', 'off, passthrough, or verify=TRUST-STORE'),
  ATTRIBUTES,
];

const HEALTH = [
  flag('health-protocol', 'PROTOCOL', 'HTTP, HTTPS or TCP'),
  flag('health-path', 'PATH', 'what the health check asks for (default /)'),
  flag('health-port', 'PORT', 'where (default: the port of the traffic)'),
  flag('health-interval', 'SECONDS', '5 to 300 (default 30)'),
  flag('health-timeout', 'SECONDS', '2 to 120 (default 5)'),
  flag('healthy-threshold', 'N', 'successes in a row to become healthy (default 5)'),
  flag('unhealthy-threshold', 'N', 'failures in a row to become unhealthy (default 2)'),
  flag('matcher', 'CODES', 'the codes of success: 200, 200-299 ...; of gRPC 12, 0-99'),
  flag('deregistration-delay', 'SECONDS', 'how long draining may take (default 300)'),
  ATTRIBUTES,
];

export const routingCommands = [
  command('load-balancer create NAME', 'Create a load balancer', {
    flags: [
      flag('type', 'TYPE', 'application (HTTP) or network (TCP and TLS)', {
        complete: ['application', 'network'],
      }),
      flag('internal', '', 'mark it as internal'),
      ATTRIBUTES,
      TAGS,
      JSON_FLAG,
    ],
    details:
      'All load balancers are served by all proxies: a port belongs to one listener of one of them. ' +
      'Listeners that are created without one belong to the load balancer berth.',
  }),
  command('load-balancer list', 'List load balancers', { flags: [WATCH, JSON_FLAG] }),
  command('load-balancer show NAME', 'Show a load balancer, its listeners and attributes', {
    flags: [JSON_FLAG],
    complete: { NAME: 'load-balancer' },
  }),
  command('load-balancer modify NAME', 'Change attributes of a load balancer', {
    flags: [ATTRIBUTES, JSON_FLAG],
    complete: { NAME: 'load-balancer' },
    examples: ['berth load-balancer modify main --attribute idle_timeout.timeout_seconds=120'],
  }),
  command('load-balancer delete NAME', 'Delete a load balancer, its listeners and their rules', {
    flags: [YES, JSON_FLAG],
    complete: { NAME: 'load-balancer' },
  }),

  command('target-group create NAME', 'Create a target group', {
    flags: [
      flag('protocol', 'PROTOCOL', 'HTTP, HTTPS, TCP or TLS (default HTTP)'),
      flag('protocol-version', 'VERSION', 'HTTP1, HTTP2 or GRPC', {
        complete: ['HTTP1', 'HTTP2', 'GRPC'],
      }),
      flag('port', 'PORT', 'of targets that are registered without one'),
      flag('target-type', 'TYPE', 'instance or ip', { complete: ['instance', 'ip'] }),
      ...HEALTH,
      TAGS,
      JSON_FLAG,
    ],
  }),
  command('target-group list', 'List target groups', { flags: [WATCH, JSON_FLAG] }),
  command('target-group show NAME', 'Show a target group and its targets', {
    flags: [JSON_FLAG],
    complete: { NAME: 'target-group' },
  }),
  command('target-group modify NAME', 'Change health check and attributes of a target group', {
    flags: [...HEALTH, JSON_FLAG],
    complete: { NAME: 'target-group' },
  }),
  command('target-group health NAME', 'Show the health of the targets as the proxies see it', {
    flags: [WATCH, JSON_FLAG],
    complete: { NAME: 'target-group' },
  }),
  command('target-group register NAME TARGET...', 'Register targets that no service registers', {
    flags: [JSON_FLAG],
    complete: { NAME: 'target-group', TARGET: 'host' },
    details:
      'TARGET is a host (groups of type instance) or an address (ip), with :PORT or without.',
    examples: ['berth target-group register legacy 10.0.0.9:8080 10.0.0.10:8080'],
  }),
  command('target-group deregister NAME TARGET...', 'Drain targets that were registered by hand', {
    flags: [JSON_FLAG],
    complete: { NAME: 'target-group', TARGET: 'host' },
    details: 'TARGET without :PORT stands for all ports of it.',
  }),
  command('target-group delete NAME', 'Delete a target group that nothing uses', {
    flags: [YES, JSON_FLAG],
    complete: { NAME: 'target-group' },
  }),

  command('listener create PORT', 'Open a port on every proxy', {
    flags: [
      flag('load-balancer', 'NAME', 'that it belongs to (default berth)', {
        complete: 'load-balancer',
      }),
      ...TLS,
      ...ACTION,
      TAGS,
      JSON_FLAG,
    ],
    details: 'Without an action the listener answers 404 to what no rule matches.',
    examples: [
      'berth listener create 80 --redirect "https://#{host}/#{path}?#{query}"',
      'berth listener create 443 --certificate file:example --target-group web',
    ],
  }),
  command('listener list', 'List listeners', { flags: [WATCH, JSON_FLAG] }),
  command('listener show PORT', 'Show a listener and its rules', {
    flags: [JSON_FLAG],
    complete: { PORT: 'listener' },
  }),
  command('listener modify PORT', 'Change a listener', {
    flags: [flag('port', 'PORT', 'move it to this port'), ...TLS, ...ACTION, JSON_FLAG],
    details: 'What is not given stays. Certificates replace those that there are.',
    complete: { PORT: 'listener' },
  }),
  command('listener delete PORT', 'Close a listener and delete its rules', {
    flags: [YES, JSON_FLAG],
    complete: { PORT: 'listener' },
  }),

  command('rule create', 'Route requests of a listener', {
    flags: [
      flag('listener', 'PORT', 'the listener: its port, id or ARN', { complete: 'listener' }),
      flag('priority', 'N', '1 to 50000, the lowest is tried first (default: after the last)'),
      ...CONDITIONS,
      ...TRANSFORMS,
      ...ACTION,
      ATTRIBUTES,
      TAGS,
      JSON_FLAG,
    ],
    examples: [
      "berth rule create --listener 8080 --path '/api/*' --target-group api",
      "berth rule create --listener 8080 --host old.example.com --redirect 'https://example.com/#{path}'",
    ],
  }),
  command('rule list', 'List rules in the order in which they are tried', {
    flags: [
      flag('listener', 'PORT', 'of this listener only', { complete: 'listener' }),
      WATCH,
      JSON_FLAG,
    ],
  }),
  command('rule show RULE', 'Show a rule', { flags: [JSON_FLAG], complete: { RULE: 'rule' } }),
  command('rule modify RULE', 'Change a rule', {
    flags: [
      flag('priority', 'N', '1 to 50000'),
      ...CONDITIONS,
      ...TRANSFORMS,
      flag('no-rewrite', '', 'remove what rewrites URL and host'),
      ...ACTION,
      ATTRIBUTES,
      JSON_FLAG,
    ],
    details: 'What is not given stays; conditions are replaced together.',
    complete: { RULE: 'rule' },
  }),
  command('rule set-priorities RULE=N...', 'Give several rules new priorities at once', {
    flags: [JSON_FLAG],
    examples: ['berth rule set-priorities 0123456789abcdef=10 fedcba9876543210=20'],
  }),
  command('rule delete RULE...', 'Delete rules', {
    flags: [YES, JSON_FLAG],
    complete: { RULE: 'rule' },
  }),

  command('route test METHOD URL', 'Say which rule a request would meet, and why', {
    flags: [
      flag('header', 'NAME:VALUE', 'a header; may be repeated', { short: 'H', multiple: true }),
      flag('source-ip', 'ADDRESS', 'of the client (default 127.0.0.1)'),
      flag('listener', 'PORT', 'instead of the one on the URL’s port', { complete: 'listener' }),
      JSON_FLAG,
    ],
    examples: ['berth route test GET http://localhost:8080/api/users -H x-beta:1'],
  }),
  command('route problems', 'Find rules that nothing reaches, or that lead nowhere', {
    flags: [flag('listener', 'PORT', 'of this listener only', { complete: 'listener' }), JSON_FLAG],
  }),

  command('tls-certificate import', 'Import a certificate for HTTPS and TLS listeners', {
    flags: [
      flag('chain', 'FILE', 'PEM: the certificate, then those that it was issued by', {
        complete: 'file',
      }),
      flag('key', 'FILE', 'PEM: its private key, not encrypted', { complete: 'file' }),
      flag('replace', 'ID', 'put it in the place of this one', { complete: 'tls-certificate' }),
      TAGS,
      JSON_FLAG,
    ],
    details: 'The key is sealed before it is stored, and sent to proxies only.',
  }),
  command('tls-certificate request DOMAIN...', 'Ask the ACME authority for a certificate', {
    flags: [
      flag('wait', '', 'until it is issued, or an attempt has failed'),
      TIMEOUT,
      TAGS,
      JSON_FLAG,
    ],
    details:
      'The names must resolve to the proxies, with an HTTP listener on port 80 or an HTTPS or TLS listener on ' +
      'port 443. It is got by the controller, which tries again after failures, and renewed when a third of its ' +
      'time is left. Put it into a listener by its ARN, also before it is issued.',
    examples: ['berth tls-certificate request www.example.com example.com --wait'],
  }),
  command('tls-certificate list', 'List certificates of listeners', { flags: [WATCH, JSON_FLAG] }),
  command('tls-certificate show ID', 'Show a certificate', {
    flags: [JSON_FLAG],
    complete: { ID: 'tls-certificate' },
  }),
  command('tls-certificate delete ID', 'Delete a certificate that no listener has', {
    flags: [YES, JSON_FLAG],
    complete: { ID: 'tls-certificate' },
  }),

  command('acme configure', 'Say which ACME authority certificates are asked for at', {
    flags: [
      flag('directory', 'URL', 'of the authority’s directory (https)'),
      flag('email', 'ADDRESS', 'whom the authority may write to'),
      flag('challenge', 'TYPE', 'preferred where both are possible (default http-01)', {
        complete: ['http-01', 'tls-alpn-01'],
      }),
      flag(
        'authority',
        'FILE',
        'PEM: who signed the directory’s own certificate, if no public one',
        {
          complete: 'file',
        },
      ),
      flag('agree-to-terms', '', 'you agree to the authority’s terms of service'),
      JSON_FLAG,
    ],
    details:
      'Replaces what was set before. What is not issued yet is asked for at once; what is, is renewed there. ' +
      'http-01 needs an HTTP listener on port 80, tls-alpn-01 an HTTPS or TLS listener on port 443.',
    examples: [
      'berth acme configure --directory https://acme.example/directory --email ops@example.com --agree-to-terms',
    ],
  }),
  command('acme show', 'Show which ACME authority is set', { flags: [JSON_FLAG] }),

  command('trust-store create NAME', 'Create a trust store, by which listeners know clients', {
    flags: [
      flag('bundle', 'FILE', 'PEM: certificates of authorities', { complete: 'file' }),
      flag('revocations', 'FILE', 'PEM: what they have revoked; may be repeated', {
        multiple: true,
        complete: 'file',
      }),
      TAGS,
      JSON_FLAG,
    ],
  }),
  command('trust-store list', 'List trust stores', { flags: [WATCH, JSON_FLAG] }),
  command('trust-store show NAME', 'Show a trust store and its users', {
    flags: [JSON_FLAG],
    complete: { NAME: 'trust-store' },
  }),
  command('trust-store modify NAME', 'Replace the authorities of a trust store', {
    flags: [
      flag('bundle', 'FILE', 'PEM: certificates of authorities', { complete: 'file' }),
      JSON_FLAG,
    ],
    complete: { NAME: 'trust-store' },
  }),
  command('trust-store revoke NAME FILE...', 'Add lists of revoked certificates', {
    flags: [JSON_FLAG],
    complete: { NAME: 'trust-store', FILE: 'file' },
  }),
  command('trust-store unrevoke NAME REVOCATION...', 'Remove lists of revoked certificates', {
    flags: [YES, JSON_FLAG],
    complete: { NAME: 'trust-store' },
  }),
  command('trust-store delete NAME', 'Delete a trust store that no listener uses', {
    flags: [YES, JSON_FLAG],
    complete: { NAME: 'trust-store' },
  }),

  command('tag list ARN...', 'List tags of load balancers, target groups, listeners and rules', {
    flags: [WATCH, JSON_FLAG],
  }),
  command('tag add ARN TAG...', 'Add tags, KEY=VALUE', { flags: [JSON_FLAG] }),
  command('tag remove ARN KEY...', 'Remove tags', { flags: [JSON_FLAG] }),
];
