// Commands on task sets and on the alarms of deployments.
import { CLUSTER, JSON_FLAG, TAGS, WATCH, YES, command, flag } from './build.mjs';

const SERVICE = { SERVICE: 'service' };
const SCALE = flag('scale', 'PERCENT', 'of the desired count of the service, 0 to 100 (default 0)');

export const taskSetCommands = [
  command('task-set create SERVICE', 'Add a task set to a service made with --external', {
    flags: [
      flag('task-definition', 'FAMILY[:REVISION]', 'what to run', { complete: 'task-definition' }),
      SCALE,
      flag(
        'load-balancer',
        'GROUP:CONTAINER:PORT',
        'register this port of the tasks in a target group',
        {
          multiple: true,
        },
      ),
      flag('external-id', 'TEXT', 'what your own deployment controller calls it'),
      TAGS,
      CLUSTER,
      JSON_FLAG,
    ],
    complete: SERVICE,
    examples: [
      'berth task-set create shop --task-definition shop:7 --scale 25 --load-balancer green:app:80',
    ],
  }),
  command('task-set list SERVICE', 'List the task sets of a service, the primary one first', {
    flags: [WATCH, CLUSTER, JSON_FLAG],
    complete: SERVICE,
  }),
  command('task-set update SERVICE SET', 'Scale a task set', {
    flags: [
      { ...SCALE, help: 'of the desired count of the service, 0 to 100' },
      CLUSTER,
      JSON_FLAG,
    ],
    complete: SERVICE,
    details: 'SET is the id of a task set, or the beginning of its digits.',
    examples: ['berth task-set update shop 3294 --scale 100'],
  }),
  command('task-set primary SERVICE SET', 'Say which task set serves', {
    flags: [CLUSTER, JSON_FLAG],
    complete: SERVICE,
    details: 'SET is the id of a task set, or the beginning of its digits.',
  }),
  command('task-set delete SERVICE SET', 'Drain a task set and delete it', {
    flags: [flag('force', '', 'even if it is scaled above 0'), YES, CLUSTER, JSON_FLAG],
    complete: SERVICE,
    details: 'SET is the id of a task set, or the beginning of its digits.',
  }),
  command('alarm list', 'List the alarms that somebody has told of', {
    flags: [
      flag('state', 'STATE', 'only those in this state', {
        complete: ['OK', 'ALARM', 'INSUFFICIENT_DATA'],
      }),
      WATCH,
      JSON_FLAG,
    ],
  }),
  command('alarm show NAME', 'Show an alarm', { flags: [WATCH, JSON_FLAG] }),
  command(
    'alarm set NAME STATE',
    'Say in which state an alarm is: OK, ALARM or INSUFFICIENT_DATA',
    {
      flags: [flag('reason', 'TEXT', 'why, for those who read of it'), JSON_FLAG],
      complete: { STATE: ['OK', 'ALARM', 'INSUFFICIENT_DATA'] },
      details:
        'Deployments of services with --alarm NAME fail and are taken back when it goes into ALARM. ' +
        'Prometheus’s Alertmanager can say it too: docs/alarms.md.',
      examples: ['berth alarm set web-errors ALARM --reason "5 % of requests fail"'],
    },
  ),
  command('alarm delete NAME', 'Forget an alarm', { flags: [YES, JSON_FLAG] }),
];
