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
  flag('shift', 'STRATEGY', 'rolling, blue-green, linear:PERCENT:EVERY or canary:PERCENT:FOR', {
    complete: ['rolling', 'blue-green', 'linear', 'canary'],
  }),
  flag('alternate-group', 'GROUP', 'shift traffic between this target group and the other'),
  flag('production-rule', 'RULE', 'the rule whose traffic is shifted', { complete: 'rule' }),
  flag('test-rule', 'RULE', 'a rule that leads to the new tasks first', { complete: 'rule' }),
  flag('bake', 'DURATION', 'how long the old tasks stay once all traffic is shifted'),
  flag('hook', 'STAGE=URL', 'ask this URL before going on; may be repeated', { multiple: true }),
  flag('pause', 'STAGE', 'wait for berth deployment continue; may be repeated', {
    multiple: true,
  }),
  flag('alarm', 'NAME', 'undo a deployment when this alarm goes off; may be repeated; off: none', {
    multiple: true,
  }),
  flag('progress-deadline', 'DURATION', 'a deployment without headway for so long fails'),
  ...PLACEMENT,
];

const FILE = flag('file', 'FILE', 'an ECS JSON file (- for standard input); flags win over it', {
  short: 'f',
  complete: 'file',
});

const DEPLOYMENT_NAMES =
  'DEPLOYMENT is the beginning of an id that berth deployment list shows; without it the newest is meant. ' +
  'SERVICE can also be CLUSTER/SERVICE/DEPLOYMENT, or the ARN of a service deployment.';
const HOOK = flag('hook', 'ID', 'which of the hooks that wait (default: the only one)');

export const serviceCommands = [
  command('service create [NAME]', 'Create a service and follow its first deployment', {
    flags: [
      FILE,
      flag('task-definition', 'FAMILY[:REVISION]', 'what to run', { complete: 'task-definition' }),
      flag('count', 'N', 'how many tasks (default 1)'),
      flag('daemon', '', 'one task on every host instead of a count'),
      flag('external', '', 'without a task definition: berth task-set says what runs'),
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
      'berth service create web --task-definition web:1 --load-balancer blue:app:8080 --alternate-group green --production-rule 0a1b2c3d --shift canary:5:10m --bake 5m',
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
  command('deployment list SERVICE', 'List the deployments of a service, the newest first', {
    flags: [WATCH, CLUSTER, JSON_FLAG],
    complete: { SERVICE: 'service' },
  }),
  command(
    'deployment show SERVICE [DEPLOYMENT]',
    'Show where a deployment is, what it waits for, and who gets the traffic',
    {
      flags: [WATCH, CLUSTER, JSON_FLAG],
      complete: { SERVICE: 'service' },
      details:
        'At its end the certificate of the deployment says what became of the requests meanwhile. ' +
        DEPLOYMENT_NAMES,
      examples: ['berth deployment show web --watch'],
    },
  ),
  command(
    'deployment continue SERVICE [DEPLOYMENT]',
    'Let a deployment go on that waits for somebody’s word',
    {
      flags: [HOOK, CLUSTER, JSON_FLAG],
      complete: { SERVICE: 'service' },
      details: DEPLOYMENT_NAMES,
    },
  ),
  command(
    'deployment rollback SERVICE [DEPLOYMENT]',
    'Send a deployment back that waits for somebody’s word',
    {
      flags: [HOOK, CLUSTER, JSON_FLAG],
      complete: { SERVICE: 'service' },
      details: DEPLOYMENT_NAMES,
    },
  ),
  command(
    'deployment stop SERVICE [DEPLOYMENT]',
    'Stop a deployment, and go back to the last that was complete',
    {
      flags: [YES, CLUSTER, JSON_FLAG],
      complete: { SERVICE: 'service' },
      details: DEPLOYMENT_NAMES,
    },
  ),
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
