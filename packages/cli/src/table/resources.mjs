// Commands on clusters, hosts, task definitions and tasks.
import { CLUSTER, JSON_FLAG, TAGS, TIMEOUT, WATCH, YES, command, flag } from './build.mjs';

export const PLACEMENT = [
  flag(
    'strategy',
    'TYPE[:FIELD]',
    'placement strategy, in order: spread:instanceId, binpack:memory, random ...',
    { multiple: true },
  ),
  flag(
    'constraint',
    'EXPRESSION',
    'distinctInstance, or an expression of the cluster query language',
    { multiple: true },
  ),
];

export const resourceCommands = [
  command('cluster create [NAME]', 'Create a cluster', { flags: [TAGS, JSON_FLAG] }),
  command('cluster list', 'List clusters', { flags: [WATCH, JSON_FLAG] }),
  command('cluster show [NAME]', 'Show a cluster', {
    flags: [JSON_FLAG],
    complete: { NAME: 'cluster' },
  }),
  command('cluster delete NAME', 'Delete an empty cluster', {
    flags: [YES, JSON_FLAG],
    complete: { NAME: 'cluster' },
  }),

  command('host list', 'List the machines of a cluster', {
    flags: [
      flag('status', 'STATUS', 'ACTIVE or DRAINING only', { complete: ['ACTIVE', 'DRAINING'] }),
      flag('filter', 'EXPRESSION', 'hosts that match an expression of the cluster query language'),
      WATCH,
      CLUSTER,
      JSON_FLAG,
    ],
    examples: ["berth host list --filter 'attribute:zone == a'"],
  }),
  command('host show HOST', 'Show a host, its resources and its tasks', {
    flags: [CLUSTER, JSON_FLAG],
    complete: { HOST: 'host' },
  }),
  command('host drain HOST...', 'Move the tasks of a host elsewhere and place no more on it', {
    flags: [CLUSTER, JSON_FLAG],
    complete: { HOST: 'host' },
  }),
  command('host activate HOST...', 'Let a drained host take tasks again', {
    flags: [CLUSTER, JSON_FLAG],
    complete: { HOST: 'host' },
  }),
  command('host set-attribute HOST NAME=VALUE...', 'Set attributes that constraints can ask for', {
    flags: [CLUSTER, JSON_FLAG],
    complete: { HOST: 'host' },
  }),
  command('host remove-attribute HOST NAME...', 'Take attributes away that people gave it', {
    flags: [CLUSTER, JSON_FLAG],
    complete: { HOST: 'host' },
  }),
  command('host remove HOST', 'Remove a host from its cluster', {
    flags: [
      flag('force', '', 'even if tasks run on it; they are replaced elsewhere'),
      YES,
      CLUSTER,
      JSON_FLAG,
    ],
    complete: { HOST: 'host' },
  }),

  command('task-definition register FILE', 'Register a revision from an ECS JSON file', {
    flags: [JSON_FLAG],
    complete: { FILE: 'file' },
    details:
      'FILE holds the input of ECS’s RegisterTaskDefinition; - reads standard input. Nothing is registered if any member is unknown or wrong.',
    examples: [
      'berth task-definition register web.json',
      'jq .taskDefinition old.json | berth task-definition register -',
    ],
  }),
  command('task-definition list', 'List task definitions, newest revision first', {
    flags: [
      flag('family', 'NAME', 'of this family only', { complete: 'family' }),
      flag('status', 'STATUS', 'ACTIVE (default) or INACTIVE', {
        complete: ['ACTIVE', 'INACTIVE'],
      }),
      WATCH,
      JSON_FLAG,
    ],
  }),
  command('task-definition show FAMILY[:REVISION]', 'Show a revision as ECS JSON', {
    flags: [JSON_FLAG],
    complete: { 'FAMILY:REVISION': 'task-definition' },
  }),
  command('task-definition deregister FAMILY:REVISION...', 'Make revisions INACTIVE', {
    flags: [YES, JSON_FLAG],
    complete: { 'FAMILY:REVISION': 'task-definition' },
  }),

  command('task run FAMILY[:REVISION] -- [COMMAND...]', 'Run tasks that belong to no service', {
    flags: [
      flag('count', 'N', 'how many, 1 to 10 (default 1)'),
      flag('container', 'NAME', 'whose command and environment to override (default: the first)'),
      flag('env', 'NAME=VALUE', 'a variable for that container; may be repeated', {
        multiple: true,
        short: 'e',
      }),
      ...PLACEMENT,
      flag('group', 'NAME', 'the tasks’ group (default: family:FAMILY)'),
      flag('started-by', 'WORD', 'a mark to find the tasks by'),
      flag('wait', '', 'wait until they have stopped; the exit code is that of the first to fail'),
      TIMEOUT,
      TAGS,
      CLUSTER,
      JSON_FLAG,
    ],
    complete: { 'FAMILY:REVISION': 'task-definition' },
    examples: ['berth task run hello --wait -- /bin/sh -c "echo done"'],
  }),
  command('task list', 'List tasks', {
    flags: [
      flag('service', 'NAME', 'of this service only', { complete: 'service' }),
      flag('family', 'NAME', 'of this family only', { complete: 'family' }),
      flag('host', 'HOST', 'on this host only', { complete: 'host' }),
      flag('started-by', 'WORD', 'with this mark only'),
      flag('stopped', '', 'those that have stopped, or are to stop'),
      WATCH,
      CLUSTER,
      JSON_FLAG,
    ],
  }),
  command('task show TASK', 'Show a task, its containers and why it stopped', {
    flags: [CLUSTER, JSON_FLAG],
    complete: { TASK: 'task' },
  }),
  command('task protect TASK...', 'Keep a service from stopping these tasks of its own accord', {
    flags: [
      flag('minutes', 'N', 'for how long, 1 to 2880 (default 120)'),
      flag('off', '', 'end the protection'),
      CLUSTER,
      JSON_FLAG,
    ],
    complete: { TASK: 'task' },
    details:
      'Scaling in and deployments pass protected tasks over; sick ones are replaced all the same.',
  }),
  command('task stop TASK...', 'Stop tasks; a service replaces its own', {
    flags: [flag('reason', 'TEXT', 'kept as the stopped reason'), YES, CLUSTER, JSON_FLAG],
    complete: { TASK: 'task' },
  }),
];
