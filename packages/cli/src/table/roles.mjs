// Commands that start the roles, and the one-machine cluster.
import { JSON_FLAG, YES, command, flag } from './build.mjs';

const env = (name) => ({ env: name });

const TLS = [
  flag(
    'tls-dir',
    'DIRECTORY',
    'has ca.crt and NAME.crt, NAME.key of this role',
    env('BERTH_TLS_DIR'),
  ),
];
const ADMIN = [
  flag(
    'admin',
    'HOST:PORT',
    'serve /metrics, /healthz and /readyz here (default 127.0.0.1:7404)',
    env('BERTH_ADMIN'),
  ),
  flag('log-level', 'LEVEL', 'debug, info (default), warn or error', {
    complete: ['debug', 'info', 'warn', 'error'],
    env: 'BERTH_LOG_LEVEL',
  }),
  flag('check-config', '', 'only check the configuration'),
];
const STORE = [
  flag('etcd', 'HOST:PORT,...', 'members of etcd (default 127.0.0.1:7402)', env('BERTH_ETCD')),
  flag(
    'lease',
    'SECONDS',
    'how long the sessions of a dead api are remembered (default 10)',
    env('BERTH_LEASE'),
  ),
  flag(
    'leader-lease',
    'SECONDS',
    'how long a dead scheduler or controller keeps its leadership (default 3)',
    env('BERTH_LEADER_LEASE'),
  ),
];
const SERVE = (port, what) => [
  flag(
    'listen',
    'HOST:PORT',
    `where ${what} serves gRPC (default 127.0.0.1:${port})`,
    env('BERTH_LISTEN'),
  ),
  flag(
    'advertise',
    'HOST:PORT',
    'the address that others reach it by (default: that of --listen)',
    env('BERTH_ADVERTISE'),
  ),
];
const REALM = [
  flag('region', 'NAME', 'in ARNs (default us-east-1)', env('BERTH_REGION')),
  flag('account', 'ID', 'in ARNs (default 000000000000)', env('BERTH_ACCOUNT')),
  flag(
    'dns-suffix',
    'DOMAIN',
    'of load balancers (default REGION.elb.berth)',
    env('BERTH_DNS_SUFFIX'),
  ),
];
const AUDIT = [
  flag(
    'audit-log',
    'FILE',
    'who did what, a JSON line a call; or stdout, or off (default: /var/log/berth/audit.log)',
    env('BERTH_AUDIT_LOG'),
  ),
  flag('audit-writes-only', '', 'leave out of it calls that only read'),
];
const AWS = [
  flag(
    'aws-listen',
    'HOST:PORT',
    'serve the APIs of ECS and its companions here, or off (default 127.0.0.1:7406)',
    env('BERTH_AWS_LISTEN'),
  ),
  flag(
    'aws-tls-cert',
    'FILE',
    'the certificate and its chain, PEM: with it that is HTTPS',
    env('BERTH_AWS_TLS_CERT'),
  ),
  flag('aws-tls-key', 'FILE', 'the key of that certificate, PEM', env('BERTH_AWS_TLS_KEY')),
];
const EVENT_FILES = [
  flag(
    'event-dir',
    'DIR',
    'where event sinks of kind file write while this controller leads (default: nowhere)',
    env('BERTH_EVENT_DIR'),
  ),
];
const SECRETS = [
  flag(
    'secrets-key',
    'FILE',
    'the keys that seal secrets at rest (default: secrets.key in the TLS directory)',
    env('BERTH_SECRETS_KEY'),
  ),
];
const CONTROLLER = [
  flag(
    'host-lost-after',
    'DURATION',
    'replace the tasks of a host that is gone this long (default 20s)',
    env('BERTH_HOST_LOST_AFTER'),
  ),
  flag(
    'rebalance-onto-hosts',
    '',
    'move tasks of services that are spread over hosts onto hosts that join',
    env('BERTH_REBALANCE_ONTO_HOSTS'),
  ),
  flag(
    'proxy-lost-after',
    'DURATION',
    'wait this long for a proxy that is gone (default 20s)',
    env('BERTH_PROXY_LOST_AFTER'),
  ),
];
const SCHEDULER_PORT = [
  flag(
    'scheduler-listen',
    'HOST:PORT',
    'where the scheduler serves gRPC (default 127.0.0.1:7401)',
    env('BERTH_SCHEDULER_LISTEN'),
  ),
  flag(
    'scheduler-advertise',
    'HOST:PORT',
    'the address that others reach it by',
    env('BERTH_SCHEDULER_ADVERTISE'),
  ),
];
const SESSION = [
  flag('api', 'HOST:PORT,...', 'replicas of the api (default 127.0.0.1:7400)', env('BERTH_API')),
];

const role = (usage, summary, flags) =>
  command(usage, summary, { module: 'roles', flags, local: true });

export const roleCommands = [
  command('dev', 'Run a one-machine cluster with a sample service behind a proxy', {
    flags: [
      flag('keep', '', 'leave the cluster running in the background'),
      flag('stop', '', 'stop the cluster that runs on the data directory'),
      flag('fresh', '', 'forget the stored state first'),
      flag('no-sample', '', 'do not deploy the sample service'),
      flag('plain', '', 'print lines instead of the live view'),
      flag('http-port', 'PORT', 'the proxy’s listener (default 8080)', env('BERTH_HTTP_PORT')),
      flag(
        'port-base',
        'PORT',
        'first of seven ports on 127.0.0.1: api, scheduler, etcd (2), metrics, console, AWS (default 7400)',
        env('BERTH_PORT_BASE'),
      ),
      flag(
        'data-dir',
        'DIRECTORY',
        'its state (default: .berth/dev in the checkout)',
        env('BERTH_DATA_DIR'),
      ),
    ],
    details:
      'Uses the Docker Engine that answers (DOCKER_HOST, then the default socket), else starts one of its own. Ctrl-C stops everything that it started; the next start goes on from the stored state.',
    examples: [
      'berth dev',
      'berth dev --keep; eval "$(berth env)"; berth status; berth dev --stop',
    ],
    local: true,
  }),
  role('server', 'Run a control plane: api, scheduler and controller', [
    ...SERVE(7400, 'the api'),
    ...SCHEDULER_PORT,
    ...STORE,
    ...REALM,
    ...CONTROLLER,
    ...AUDIT,
    ...AWS,
    ...SECRETS,
    ...EVENT_FILES,
    ...TLS,
    ...ADMIN,
  ]),
  role('api', 'Run an api replica', [
    ...SERVE(7400, 'it'),
    ...STORE,
    ...REALM,
    ...AUDIT,
    ...AWS,
    ...SECRETS,
    ...TLS,
    ...ADMIN,
  ]),
  role('scheduler', 'Run a scheduler', [...SERVE(7401, 'it'), ...STORE, ...TLS, ...ADMIN]),
  role('controller', 'Run a service controller', [
    ...CONTROLLER,
    ...STORE,
    ...REALM,
    ...SECRETS,
    ...EVENT_FILES,
    ...TLS,
    ...ADMIN,
  ]),
  role('agent', 'Run the agent of a host', [
    ...SESSION,
    flag('cluster', 'NAME', 'the cluster to join (default: default)', env('BERTH_CLUSTER')),
    flag('name', 'NAME', 'the host’s name (default: the machine’s)', env('BERTH_HOST_NAME')),
    flag(
      'address',
      'ADDRESS',
      'where its tasks’ ports are reached (default: the machine’s)',
      env('BERTH_HOST_ADDRESS'),
    ),
    flag('attribute', 'NAME=VALUE', 'an attribute of the host; may be repeated', {
      multiple: true,
      env: 'BERTH_HOST_ATTRIBUTES',
    }),
    flag(
      'gpu',
      'ID=DEVICE',
      'a GPU or other device that one task at a time may have, such as card0=/dev/dri/card0; may be repeated, also for ' +
        'more devices of one. auto: those of NVIDIA’s driver (default); none',
      { multiple: true, env: 'BERTH_HOST_GPUS' },
    ),
    flag(
      'docker',
      'URL',
      'the Docker Engine (default unix:///var/run/docker.sock)',
      env('DOCKER_HOST'),
    ),
    flag(
      'ports',
      'FIRST-LAST',
      'dynamic host ports (default 20000-29999)',
      env('BERTH_HOST_PORTS'),
    ),
    flag(
      'data-dir',
      'DIRECTORY',
      'its memory (default /var/lib/berth/agent)',
      env('BERTH_DATA_DIR'),
    ),
    ...TLS,
    ...ADMIN,
  ]),
  role('proxy', 'Run a proxy', [
    ...SESSION,
    flag('id', 'NAME', 'the proxy’s name (default: the machine’s)', env('BERTH_PROXY_ID')),
    flag(
      'bind',
      'ADDRESS',
      'where its listeners listen (default 0.0.0.0)',
      env('BERTH_PROXY_BIND'),
    ),
    flag(
      'workers',
      'N',
      'processes that requests pass through (default: one a core)',
      env('BERTH_PROXY_WORKERS'),
    ),
    flag(
      'access-log',
      'FILE|stdout',
      'write a line a request (default: only where a load balancer asks for it)',
      env('BERTH_ACCESS_LOG'),
    ),
    flag(
      'availability-zone',
      'ZONE',
      'where it is: groups that are not cross-zone send to hosts with this ecs.availability-zone',
      env('BERTH_AVAILABILITY_ZONE'),
    ),
    flag('access-log-format', 'FORMAT', 'alb (default) or json', {
      complete: ['alb', 'json'],
      env: 'BERTH_ACCESS_LOG_FORMAT',
    }),
    flag(
      'access-log-dir',
      'DIRECTORY',
      'the access logs that load balancers ask for (default: access-logs in --data-dir)',
      env('BERTH_ACCESS_LOG_DIR'),
    ),
    flag(
      'certificates',
      'DIRECTORY',
      'has NAME.pem, chain and key, of the certificates that listeners call file:NAME',
      env('BERTH_PROXY_CERTIFICATES'),
    ),
    flag(
      'data-dir',
      'DIRECTORY',
      'its memory (default /var/lib/berth/proxy)',
      env('BERTH_DATA_DIR'),
    ),
    ...TLS,
    ...ADMIN,
  ]),
  command('proxy reload', 'Replace the workers of a running proxy without breaking a request', {
    module: 'proxy-reload',
    flags: [
      flag(
        'data-dir',
        'DIRECTORY',
        'that of the proxy (default /var/lib/berth/proxy)',
        env('BERTH_DATA_DIR'),
      ),
    ],
    details:
      'The new workers run the program as it is on disk now. The same as SIGHUP to the proxy; how it went is in its log.',
    local: true,
  }),
  command('certificate create-authority', 'Create the authority of a cluster', {
    flags: [...TLS],
    details:
      'Writes ca.crt and ca.key. The key signs every identity: keep it where nobody else reads it.',
    local: true,
  }),
  command('certificate issue ROLE NAME', 'Issue a certificate that names its holder', {
    flags: [
      flag('san', 'NAME', 'a DNS name or address that it serves; may be repeated', {
        multiple: true,
      }),
      flag('days', 'N', 'how long it is valid (default 365)'),
      flag('out', 'FILE', 'without extension (default: ROLE in the TLS directory)'),
      ...TLS,
    ],
    complete: { ROLE: ['admin', 'control', 'host', 'proxy'] },
    details: 'Writes FILE.crt and FILE.key, signed by ca.key of the TLS directory.',
    examples: ['berth certificate issue host web-1 --out /tmp/web-1/host --tls-dir /etc/berth/tls'],
    local: true,
  }),
  command('secrets init', 'Make the file of keys that seals secrets at rest', {
    flags: [...SECRETS, ...TLS],
    details:
      'Every process with an api needs the same file. Whoever loses it loses the secrets: keep a copy elsewhere.',
    local: true,
  }),
  command('secrets rotate', 'Seal with a new key from now on', {
    flags: [
      flag('prepare', '', 'only add the new key: it opens, and seals nothing yet'),
      flag('finish', '', 'seal with the key that --prepare added'),
      ...SECRETS,
      ...TLS,
    ],
    details:
      'Changes the file; processes read it when they start. With one api: rotate, restart it, then berth secrets reseal. With several, so that each can always open what another sealed: --prepare, copy the file to all and restart them one by one; --finish, copy and restart again; then berth secrets reseal.',
    local: true,
  }),
  command('secrets reseal', 'Seal with the first key what older ones still seal', {
    flags: [JSON_FLAG],
  }),
  command('secrets prune', 'Forget all keys but the one that seals', {
    flags: [YES, ...SECRETS, ...TLS],
    details:
      'Only after berth secrets reseal has said that nothing needs the older keys. Backups of etcd from before still do.',
    local: true,
  }),
];
