// Commands on users, keys, policies and roles.
import { JSON_FLAG, TAGS, WATCH, YES, command, flag } from './build.mjs';

const PATH = flag('path', 'PATH', 'part of its ARN (default: /)');
const POLICIES = flag('policy', 'POLICY', 'attach it, by name or ARN; may be repeated', {
  multiple: true,
  complete: 'policy',
});
const HOLDER = [
  flag('user', 'NAME', 'the user', { complete: 'user' }),
  flag('role', 'NAME', 'the role', { complete: 'role' }),
];

export const accessCommands = [
  command('user create NAME', 'Create a user', {
    flags: [POLICIES, PATH, TAGS, JSON_FLAG],
    examples: ['berth user create ci --policy AmazonECS_FullAccess', 'berth access-key create ci'],
  }),
  command('user list', 'List users', { flags: [WATCH, JSON_FLAG] }),
  command('user show NAME', 'Show a user, its keys and its policies', {
    flags: [JSON_FLAG],
    complete: { NAME: 'user' },
  }),
  command('user delete NAME', 'Delete a user', {
    flags: [
      flag('force', '', 'its keys too, and detach its policies; else it may have none'),
      YES,
      JSON_FLAG,
    ],
    complete: { NAME: 'user' },
  }),

  command('access-key create USER', 'Make a key for a user, and show its secret this once', {
    flags: [JSON_FLAG],
    complete: { USER: 'user' },
    details:
      'A user has at most two keys: make the second, use it everywhere, revoke the first, and delete it when nothing misses it.',
  }),
  command('access-key list [USER]', 'List keys of a user, or of all', {
    flags: [WATCH, JSON_FLAG],
    complete: { USER: 'user' },
  }),
  command('access-key revoke KEY', 'Let nobody in with a key any more', {
    flags: [flag('delete', '', 'for good; else it can be activated again'), YES, JSON_FLAG],
    complete: { KEY: 'access-key' },
  }),
  command('access-key activate KEY', 'Let a revoked key in again', {
    flags: [JSON_FLAG],
    complete: { KEY: 'access-key' },
  }),

  command('policy create NAME FILE', 'Create a policy from a JSON document of IAM', {
    flags: [flag('description', 'TEXT', 'what it is for'), PATH, TAGS, JSON_FLAG],
    complete: { FILE: 'file' },
    details: '- reads standard input.',
  }),
  command('policy update NAME FILE', 'Give a policy another document', {
    flags: [JSON_FLAG],
    complete: { NAME: 'policy', FILE: 'file' },
  }),
  command('policy list', 'List policies', {
    flags: [flag('built-in', '', 'those that come with Berth too'), WATCH, JSON_FLAG],
  }),
  command('policy show NAME', 'Show the document of a policy', {
    flags: [JSON_FLAG],
    complete: { NAME: 'policy' },
  }),
  command('policy attach POLICY', 'Attach a policy to a user or a role', {
    flags: [...HOLDER, JSON_FLAG],
    complete: { POLICY: 'policy' },
    examples: ['berth policy attach ReadOnlyAccess --user ada'],
  }),
  command('policy detach POLICY', 'Take a policy from a user or a role', {
    flags: [...HOLDER, JSON_FLAG],
    complete: { POLICY: 'policy' },
  }),
  command('policy delete NAME', 'Delete a policy that is attached to nothing', {
    flags: [YES, JSON_FLAG],
    complete: { NAME: 'policy' },
  }),
  command('policy simulate', 'Show whether a user or role may do something, and why', {
    flags: [
      ...HOLDER,
      flag('action', 'SERVICE:NAME', 'for instance ecs:RunTask'),
      flag('resource', 'ARN', 'on what (default: *); may be repeated', { multiple: true }),
      flag('context', 'KEY=VALUE', 'a condition key of the request; may be repeated', {
        multiple: true,
      }),
      JSON_FLAG,
    ],
    examples: [
      'berth policy simulate --user ada --action ecs:StopTask --context aws:ResourceTag/env=prod',
    ],
  }),

  command('role create NAME FILE', 'Create a role from a trust policy', {
    flags: [
      POLICIES,
      flag('description', 'TEXT', 'what it is for'),
      flag('max-session', 'SECONDS', 'the longest session, 3600 (default) to 43200'),
      PATH,
      TAGS,
      JSON_FLAG,
    ],
    complete: { FILE: 'file' },
    details: 'FILE is a JSON document that names who may assume the role; - reads standard input.',
  }),
  command('role list', 'List roles', { flags: [WATCH, JSON_FLAG] }),
  command('role show NAME', 'Show a role, whom it trusts and its policies', {
    flags: [JSON_FLAG],
    complete: { NAME: 'role' },
  }),
  command('role delete NAME', 'Delete a role', {
    flags: [flag('force', '', 'detach its policies; else it may have none'), YES, JSON_FLAG],
    complete: { NAME: 'role' },
  }),
];
