// The one table of commands: parsing, help and shell completion all read it.
import { accessCommands } from './access.mjs';
import { API_FLAGS, COMMON_FLAGS } from './build.mjs';
import { eventCommands } from './events.mjs';
import { labCommands } from './lab.mjs';
import { placementCommands } from './placement.mjs';
import { resourceCommands } from './resources.mjs';
import { roleCommands } from './roles.mjs';
import { routingCommands } from './routing.mjs';
import { serviceCommands } from './services.mjs';
import { taskSetCommands } from './task-sets.mjs';
import { watchingCommands } from './watching.mjs';

export const commands = [
  ...roleCommands,
  ...watchingCommands,
  ...eventCommands,
  ...placementCommands,
  ...serviceCommands,
  ...taskSetCommands,
  ...routingCommands,
  ...resourceCommands,
  ...accessCommands,
  ...labCommands,
].map((command) => ({
  ...command,
  flags: [...command.flags, ...(command.local ? [] : API_FLAGS), ...COMMON_FLAGS],
}));

/** What the first words stand for, in the order and under the headings of `berth --help`. */
export const sections = [
  { title: 'Try it', names: ['dev', 'lab', 'status', 'env'] },
  {
    title: 'Deploy and look',
    names: [
      'service',
      'deployment',
      'task-set',
      'alarm',
      'task',
      'task-definition',
      'logs',
      'exec',
      'events',
      'event-sink',
    ],
  },
  {
    title: 'Route requests',
    names: [
      'load-balancer',
      'listener',
      'rule',
      'target-group',
      'route',
      'requests',
      'tls-certificate',
      'acme',
      'trust-store',
      'tag',
    ],
  },
  { title: 'Ask why, and what if', names: ['explain', 'whatif', 'replay'] },
  { title: 'Who may do what', names: ['user', 'access-key', 'policy', 'role'] },
  { title: 'Machines', names: ['cluster', 'host'] },
  {
    title: 'Run the parts of a cluster',
    names: ['server', 'agent', 'proxy', 'api', 'scheduler', 'controller', 'certificate', 'secrets'],
  },
  { title: 'Other', names: ['state', 'version', 'completion', 'help'] },
];

export const groupSummaries = {
  lab: 'Build a cluster of many hosts on this machine, and break it',
  service: 'Keep tasks running, update and scale them',
  deployment: 'Look at deployments, let them go on, send them back',
  'task-set': 'Deploy by a controller of your own: parts of a service',
  alarm: 'What ends a deployment when it goes wrong elsewhere',
  'event-sink': 'Send events to webhooks and files',
  task: 'Run, list and stop tasks',
  'task-definition': 'Register and list what tasks are made from',
  'load-balancer': 'Names and attributes that listeners share',
  listener: 'The ports of the proxies',
  rule: 'Which requests go where',
  'target-group': 'The tasks behind a rule, and their health',
  route: 'Which rule a request meets, and why',
  'tls-certificate': 'What HTTPS and TLS listeners show',
  acme: 'Where certificates are asked for',
  'trust-store': 'Whose client certificates listeners accept',
  tag: 'Tags of what routes requests',
  explain: 'Why a request was answered so, and why tasks run where they run',
  whatif: 'What a change would move, before it is made',
  user: 'Create, list and delete users',
  'access-key': 'Make, list and revoke the keys of users',
  policy: 'State who may do what, and see why',
  role: 'Permissions to be assumed for a while, or handed to tasks',
  cluster: 'Create and list clusters',
  host: 'List, drain and remove machines',
  certificate: 'The identities of roles that are started alone',
  secrets: 'The keys that seal secrets at rest',
  state: 'What etcd holds, as JSON',
  help: 'Show help on a command, or: exit-codes, environment',
};

/** @returns the command whose path begins the words, or undefined */
export function findCommand(words) {
  return (
    commands.find(
      ({ path }) => path.length === 2 && path[0] === words[0] && path[1] === words[1],
    ) ?? commands.find(({ path }) => path.length === 1 && path[0] === words[0])
  );
}

/** @returns the commands below a first word that is none by itself */
export function commandsOf(group) {
  return commands.filter(({ path }) => path.length === 2 && path[0] === group);
}
