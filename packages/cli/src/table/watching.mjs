// Commands that look at a running cluster, and those of the tool itself.
import { CLUSTER, JSON_FLAG, WATCH, command, flag } from './build.mjs';

const FOLLOW = flag('follow', '', 'go on with what is new', { short: 'f' });

export const watchingCommands = [
  command('status', 'Show a cluster at a glance: roles, hosts, services', {
    flags: [WATCH, CLUSTER, JSON_FLAG],
  }),
  command('events', 'Show what happened in a cluster', {
    flags: [
      FOLLOW,
      flag('service', 'NAME', 'of this service only', { complete: 'service' }),
      flag('limit', 'N', 'how many past events (default 50)', { short: 'n' }),
      flag('after', 'N', 'all events after the one of this number, without a gap'),
      CLUSTER,
      JSON_FLAG,
    ],
  }),
  command('logs TASK|SERVICE', 'Show what a task, or all tasks of a service, printed', {
    flags: [
      FOLLOW,
      flag('container', 'NAME', 'of this container only', { short: 'c' }),
      flag('tail', 'N', 'only the last lines of each container', { short: 'n' }),
      flag('since', 'DURATION|TIME', 'only what is newer: 10m, 2026-01-31T12:00:00Z'),
      flag('timestamps', '', 'begin each line with its time', { short: 't' }),
      CLUSTER,
      JSON_FLAG,
    ],
    complete: { 'TASK|SERVICE': 'task-or-service' },
    examples: ['berth logs --follow hello', 'berth logs 3f2a --tail 20'],
  }),
  command('requests', 'Show requests that went through the proxies', {
    flags: [
      FOLLOW,
      flag('status', 'STATUS', 'only those answered so: 404, or 5xx'),
      flag('target-group', 'NAME', 'only those sent to this group', { complete: 'target-group' }),
      flag('limit', 'N', 'how many recent ones first (default 20)', { short: 'n' }),
      JSON_FLAG,
    ],
    details: 'Each proxy remembers its last few thousand requests.',
    examples: [
      'berth requests --follow --status 5xx',
      'berth requests --target-group hello -n 100',
    ],
  }),
  command('explain request ID', 'Say what became of a request, and why', {
    flags: [JSON_FLAG],
    details:
      'ID is what `berth requests` shows, the root of an X-Amzn-Trace-Id, or the X-Request-Id that the client sent.',
    examples: ['berth explain request 1-58337281-1d84f3d73c47ec4e58577259'],
  }),
  command('exec TASK -- COMMAND...', 'Run a command in a container', {
    flags: [
      flag('interactive', '', 'pass our input on', { short: 'i' }),
      flag('tty', '', 'with a terminal', { short: 't' }),
      flag('container', 'NAME', 'which container (default: the only one)', { short: 'c' }),
      CLUSTER,
    ],
    complete: { TASK: 'task' },
    details: 'Ends with the exit code of the command.',
    examples: ['berth exec -it 3f2a -- /bin/sh'],
  }),
  command('state get KEY', 'Print a record of etcd as JSON', {
    flags: [JSON_FLAG],
    complete: { KEY: 'state' },
    examples: ['berth state get services/default/hello'],
  }),
  command('state ls [PREFIX]', 'List the keys that etcd holds', {
    flags: [flag('limit', 'N', 'at most this many (default 1000)', { short: 'n' }), JSON_FLAG],
    complete: { PREFIX: 'state' },
  }),

  command('env', 'Print shell exports for the running cluster', {
    flags: [JSON_FLAG],
    examples: ['eval "$(berth env)"'],
  }),
  command('version', 'Show the versions of the command and of the api', { flags: [JSON_FLAG] }),
  command('completion SHELL', 'Print a completion script for bash, zsh or fish', {
    complete: { SHELL: ['bash', 'zsh', 'fish'] },
    examples: ['source <(berth completion bash)', 'berth completion fish | source'],
    local: true,
  }),
];
