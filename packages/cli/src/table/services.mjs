// Commands on services and on what the proxies route.
import { CLUSTER, DETACH, JSON_FLAG, TAGS, TIMEOUT, WATCH, YES, command, flag } from './build.mjs';
import { PLACEMENT } from './resources.mjs';

const DEPLOYMENT = [
  flag('min-healthy-percent', 'N', 'healthy tasks never fall below this part of the count'),
  flag('max-percent', 'N', 'tasks never exceed this part of the count'),
  flag('circuit-breaker', 'MODE', 'off, on, or rollback to undo a deployment that fails', {
    complete: ['off', 'on', 'rollback'],
  }),
  flag('grace-period', 'SECONDS', 'ignore failing health checks this long after a start'),
  flag(
    'load-balancer',
    'GROUP:CONTAINER:PORT',
    'register this port of the tasks in a target group; may be repeated',
    { multiple: true },
  ),
  ...PLACEMENT,
];

const FILE = flag('file', 'FILE', 'an ECS JSON file (- for standard input); flags win over it', {
  short: 'f',
  complete: 'file',
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
];

export const serviceCommands = [
  command('service create [NAME]', 'Create a service and follow its first deployment', {
    flags: [
      FILE,
      flag('task-definition', 'FAMILY[:REVISION]', 'what to run', { complete: 'task-definition' }),
      flag('count', 'N', 'how many tasks (default 1)'),
      flag('daemon', '', 'one task on every host instead of a count'),
      ...DEPLOYMENT,
      TAGS,
      DETACH,
      TIMEOUT,
      CLUSTER,
      JSON_FLAG,
    ],
    details: 'FILE holds the input of ECS’s CreateService.',
    examples: [
      'berth service create web --task-definition web:1 --count 3 --load-balancer web:app:8080',
      'berth service create -f service.json',
    ],
  }),
  command('service update SERVICE', 'Change a service and follow the deployment that this starts', {
    flags: [
      FILE,
      flag('task-definition', 'FAMILY[:REVISION]', 'run this instead', {
        complete: 'task-definition',
      }),
      flag('image', '[CONTAINER=]IMAGE', 'register a revision with this image, and run that', {
        multiple: true,
      }),
      flag('count', 'N', 'how many tasks'),
      flag('force-new-deployment', '', 'replace every task even if nothing else changes'),
      ...DEPLOYMENT,
      DETACH,
      TIMEOUT,
      CLUSTER,
      JSON_FLAG,
    ],
    complete: { SERVICE: 'service' },
    details:
      'Ends with exit code 0 when every old task is replaced, 5 when the deployment failed or made no headway. The old tasks go on serving until new ones are healthy.',
    examples: [
      'berth service update web --image web:1.4.2',
      'berth service update web --task-definition web:7 --circuit-breaker rollback',
    ],
  }),
  command('service scale SERVICE COUNT', 'Change how many tasks a service has', {
    flags: [DETACH, TIMEOUT, CLUSTER, JSON_FLAG],
    complete: { SERVICE: 'service' },
  }),
  command('service list', 'List services', { flags: [WATCH, CLUSTER, JSON_FLAG] }),
  command('service show SERVICE', 'Show a service, its deployments, tasks and last events', {
    flags: [WATCH, CLUSTER, JSON_FLAG],
    complete: { SERVICE: 'service' },
  }),
  command('service delete SERVICE', 'Delete a service and stop its tasks', {
    flags: [
      flag('force', '', 'even if its count is above zero'),
      YES,
      DETACH,
      TIMEOUT,
      CLUSTER,
      JSON_FLAG,
    ],
    complete: { SERVICE: 'service' },
  }),

  command('target-group create NAME', 'Create a target group', {
    flags: [
      flag('health-path', 'PATH', 'what the health check asks for (default /)'),
      flag('health-port', 'PORT', 'where (default: the port of the traffic)'),
      flag('health-interval', 'SECONDS', '5 to 300 (default 30)'),
      flag('health-timeout', 'SECONDS', '2 to 120 (default 5)'),
      flag('healthy-threshold', 'N', 'successes in a row to become healthy (default 5)'),
      flag('unhealthy-threshold', 'N', 'failures in a row to become unhealthy (default 2)'),
      flag('matcher', 'CODES', 'the HTTP codes of success: 200, 200-299 ... (default 200)'),
      flag('deregistration-delay', 'SECONDS', 'how long draining may take (default 300)'),
      flag('attribute', 'KEY=VALUE', 'any attribute of ELBv2; may be repeated', { multiple: true }),
      TAGS,
      JSON_FLAG,
    ],
  }),
  command('target-group list', 'List target groups', { flags: [WATCH, JSON_FLAG] }),
  command('target-group show NAME', 'Show a target group and its targets', {
    flags: [JSON_FLAG],
    complete: { NAME: 'target-group' },
  }),
  command('target-group health NAME', 'Show the health of the targets as the proxies see it', {
    flags: [WATCH, JSON_FLAG],
    complete: { NAME: 'target-group' },
  }),
  command('target-group delete NAME', 'Delete a target group that nothing uses', {
    flags: [YES, JSON_FLAG],
    complete: { NAME: 'target-group' },
  }),

  command('listener create PORT', 'Open a port on every proxy', {
    flags: [...ACTION, JSON_FLAG],
    details: 'Without an action the listener answers 404 to what no rule matches.',
    examples: ['berth listener create 80 --redirect "https://#{host}/#{path}?#{query}"'],
  }),
  command('listener list', 'List listeners', { flags: [WATCH, JSON_FLAG] }),
  command('listener show PORT', 'Show a listener and its rules', {
    flags: [JSON_FLAG],
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
      flag('path', 'PATTERN', 'path, with * and ?; may be repeated (any of them)', {
        multiple: true,
      }),
      flag('host', 'PATTERN', 'host header; may be repeated', { multiple: true }),
      flag('method', 'METHOD', 'request method; may be repeated', { multiple: true }),
      flag('header', 'NAME=PATTERN', 'a header; the same name may be repeated', { multiple: true }),
      flag('query', '[KEY=]PATTERN', 'query string; may be repeated', { multiple: true }),
      flag('source-ip', 'CIDR', 'client address; may be repeated', { multiple: true }),
      ...ACTION,
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
  command('rule delete RULE...', 'Delete rules', {
    flags: [YES, JSON_FLAG],
    complete: { RULE: 'rule' },
  }),
];
