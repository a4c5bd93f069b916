// Commands on services.
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
];
