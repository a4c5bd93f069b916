// Commands that say why tasks run where they run, and what a change would move.
import { CLUSTER, JSON_FLAG, command, flag } from './build.mjs';
import { PLACEMENT } from './resources.mjs';

const WHATIF = {
  module: 'whatif',
  flags: [CLUSTER, JSON_FLAG],
  details:
    'Predicted by the real planners on a copy of the state, in which tasks are healthy as soon as they run. Nothing is changed.',
};

export const placementCommands = [
  command(
    'explain service SERVICE',
    'Say where one more task would go, and what stands in its way',
    {
      module: 'explain-placement',
      flags: [CLUSTER, JSON_FLAG],
      complete: { SERVICE: 'service' },
      details: 'Also what the deployment of the service waits for.',
      examples: ['berth explain service web'],
    },
  ),
  command(
    'explain task TASK|FAMILY[:REVISION]',
    'Say why a task is where it is, or where one would be started',
    {
      module: 'explain-placement',
      flags: [
        ...PLACEMENT,
        flag('group', 'NAME', 'the task’s group (default: family:FAMILY)'),
        CLUSTER,
        JSON_FLAG,
      ],
      complete: { 'TASK|FAMILY[:REVISION]': 'task' },
      details:
        'A task is looked at as if it were placed anew. A task definition, as if `berth task run` started it with these flags.',
      examples: [
        'berth explain task 3f2a',
        'berth explain task web:3 --constraint "attribute:stack == prod" --strategy binpack:memory',
      ],
    },
  ),
  command('whatif drain HOST', 'Predict what moves when a host is drained', {
    ...WHATIF,
    complete: { HOST: 'host' },
    examples: ['berth whatif drain host-3'],
  }),
  command('whatif host-loss HOST...', 'Predict what starts elsewhere when hosts are lost', {
    ...WHATIF,
    complete: { HOST: 'host' },
    examples: ['berth whatif host-loss host-3 host-4'],
  }),
  command('whatif scale SERVICE COUNT', 'Predict where tasks come and go with another count', {
    ...WHATIF,
    complete: { SERVICE: 'service' },
    examples: ['berth whatif scale web 20'],
  }),
  command('whatif deploy SERVICE FAMILY[:REVISION]', 'Predict the steps of a deployment', {
    ...WHATIF,
    complete: { SERVICE: 'service', 'FAMILY[:REVISION]': 'task-definition' },
    examples: ['berth whatif deploy web web:7'],
  }),
  command('whatif rebalance [SERVICE]', 'Predict what moves for the sake of balance', {
    ...WHATIF,
    flags: [
      ...WHATIF.flags,
      flag('onto-hosts', '', 'as if the controller ran with --rebalance-onto-hosts'),
    ],
    details:
      'Of a service that is named, as if its availabilityZoneRebalancing were ENABLED; else of all services whose is.',
    complete: { SERVICE: 'service' },
    examples: ['berth whatif rebalance', 'berth whatif rebalance web --onto-hosts'],
  }),
  command('replay DECISION', 'Make a decision of the scheduler again, and compare', {
    flags: [CLUSTER, JSON_FLAG],
    details:
      '`berth explain task` names the decision that placed a task. What it was made from is read from etcd as it was then, for as long as etcd keeps it (an hour, unless told otherwise).',
    examples: ['berth replay 01K9ZC4T5M3W8Q2R7V6X1Y0B4D'],
  }),
];
