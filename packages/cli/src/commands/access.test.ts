// What the commands on users, keys, policies, roles and the key ring print and ask for.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { complete } from '@berth/rpc/codec.ts';

import { matchesGolden } from '../testing/golden.ts';
import { NOW, type TestTerminal, testContext } from '../testing/context.ts';
import { handlers as accessKey } from './access-key.ts';
import { handlers as policy } from './policy.ts';
import { handlers as role } from './role.ts';
import { handlers as secrets } from './secrets.ts';
import { handlers as user } from './user.ts';

const handlers = { ...accessKey, ...policy, ...role, ...secrets, ...user };
const IAM = 'arn:aws:iam::000000000000';
const DOCUMENT = JSON.stringify(
  { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'ecs:*', Resource: '*' }] },
  undefined,
  2,
);

const users = ['ada', 'ci'].map((userName) =>
  complete('User', {
    arn: `${IAM}:user/${userName}`,
    userName,
    userId: 'AIDAQWERTYQWERTYQWERT',
    path: '/',
    createdAt: NOW - 86_400_000,
    attachedPolicyArns: [
      'arn:aws:iam::aws:policy/AmazonECS_FullAccess',
      `${IAM}:policy/team/deploy`,
    ],
    tags: [{ key: 'team', value: 'web' }],
  }),
);
const accessKeys = [
  complete('AccessKey', {
    accessKeyId: 'AKIAQWERTYQWERTYQWER',
    userName: 'ada',
    status: 'Active',
    createdAt: NOW - 86_400_000,
    lastUsedAt: NOW - 60_000,
    lastUsedService: 'ecs',
  }),
  complete('AccessKey', {
    accessKeyId: 'AKIA7777777777777777',
    userName: 'ada',
    status: 'Inactive',
    createdAt: NOW - 3_600_000,
  }),
];
const policies = [
  complete('Policy', {
    arn: `${IAM}:policy/team/deploy`,
    policyName: 'deploy',
    document: DOCUMENT,
    description: 'Deploy the services of the team and look at what they do',
    version: 3,
    updatedAt: NOW - 7_200_000,
    attachmentCount: 2,
  }),
  complete('Policy', { policyName: 'ReadOnlyAccess', version: 1, builtIn: true }),
];
const roles = [
  complete('AccessRole', {
    arn: `${IAM}:role/app`,
    roleName: 'app',
    roleId: 'AROAQWERTYQWERTYQWERT',
    assumeRolePolicyDocument: DOCUMENT,
    maxSessionDuration: 3600,
    createdAt: NOW - 3_600_000,
    attachedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  }),
];

/** Answers, and keeps what it was asked. */
function fakeApi() {
  const asked: (readonly [string, unknown])[] = [];
  const answers: Readonly<Record<string, object>> = {
    ListUsers: { users },
    GetUser: { user: users[0] },
    ListAccessKeys: { accessKeys },
    CreateAccessKey: { accessKey: { ...accessKeys[0], secretAccessKey: 'its/secret' } },
    ListPolicies: { policies },
    GetPolicy: { policy: policies[0] },
    UpdatePolicy: { policy: policies[0] },
    ListRoles: { roles },
    GetRole: { role: roles[0] },
    ResealSecrets: { resealed: 3, already: 4, unreadable: [] },
    SimulatePolicy: {
      decisions: [
        {
          action: 'ecs:StopTask',
          resource: '*',
          decision: 'explicitDeny',
          policy: 'deploy',
          statement: 2,
          sid: 'notProd',
          missingContextKeys: [],
          nearMisses: [],
        },
        {
          action: 'ecs:StopTask',
          resource: 'arn:x',
          decision: 'implicitDeny',
          missingContextKeys: ['aws:ResourceTag/env'],
          nearMisses: ['deploy, statement 1: StringEquals aws:ResourceTag/env'],
        },
      ],
    },
  };
  const access = new Proxy<object>(
    {},
    {
      get: (_, name: string) => (request: unknown) => {
        asked.push([name, request]);
        return Promise.resolve(answers[name] ?? {});
      },
    },
  );
  return { asked, api: { access } };
}

async function run(args: readonly string[], given = fakeApi()): Promise<TestTerminal> {
  const context = testContext(args, given.api);
  const handler = handlers[args.slice(0, 2).join(' ')];
  assert.ok(handler, args.join(' '));
  assert.equal((await handler(context)) ?? 0, 0);
  return context.terminal;
}

describe('commands on access', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-access-'));
  const file = join(directory, 'policy.json');
  before(() => writeFileSync(file, DOCUMENT));
  after(() => rmSync(directory, { recursive: true }));

  it('print what they should, in 80 columns', async () => {
    const shown = [
      ['user', 'list'],
      ['user', 'show', 'ada'],
      ['access-key', 'create', 'ada'],
      ['access-key', 'list'],
      ['access-key', 'revoke', 'AKIAQWERTYQWERTYQWER'],
      ['access-key', 'activate', 'AKIA7777777777777777'],
      ['policy', 'list', '--built-in'],
      ['policy', 'show', 'deploy'],
      ['policy', 'attach', 'deploy', '--user', 'ada'],
      ['policy', 'simulate', '--user', 'ada', '--action', 'ecs:StopTask'],
      ['role', 'list'],
      ['role', 'show', 'app'],
      ['secrets', 'reseal'],
    ];
    const texts: string[] = [];
    for (const args of shown) {
      texts.push(`$ berth ${args.join(' ')}\n${(await run(args)).output()}`);
    }
    for (const line of texts.join('\n').split('\n')) assert.ok(line.length <= 80, line);
    matchesGolden('access-commands.txt', texts.join('\n'));
  });

  it('ask the api for what they are told', async () => {
    const given = fakeApi();
    await run(['user', 'create', 'ci', '--policy', 'deploy', '--tag', 'a=b'], given);
    await run(['policy', 'create', 'p', file, '--path', '/team/'], given);
    await run(['role', 'create', 'app', file, '--max-session', '7200'], given);
    await run(['access-key', 'revoke', 'AKIAQWERTYQWERTYQWER', '--delete', '--yes'], given);
    await run(['user', 'delete', 'ada', '--force', '--yes'], given);
    const calls = given.asked.map(([name, request]) => [
      name,
      JSON.parse(JSON.stringify(request)) as unknown,
    ]);
    assert.deepEqual(calls, [
      ['CreateUser', { userName: 'ci', tags: [{ key: 'a', value: 'b' }] }],
      ['AttachPolicy', { userName: 'ci', policy: 'deploy' }],
      ['CreatePolicy', { policyName: 'p', document: DOCUMENT, path: '/team/', tags: [] }],
      [
        'CreateRole',
        {
          roleName: 'app',
          assumeRolePolicyDocument: DOCUMENT,
          maxSessionDuration: 7200,
          tags: [],
        },
      ],
      ['ListAccessKeys', { all: true }],
      ['DeleteAccessKey', { userName: 'ada', accessKeyId: 'AKIAQWERTYQWERTYQWER' }],
      ['GetUser', { userName: 'ada' }],
      ['ListAccessKeys', { userName: 'ada' }],
      ['DeleteAccessKey', { userName: 'ada', accessKeyId: 'AKIAQWERTYQWERTYQWER' }],
      ['DeleteAccessKey', { userName: 'ada', accessKeyId: 'AKIA7777777777777777' }],
      ['DetachPolicy', { userName: 'ada', policy: 'arn:aws:iam::aws:policy/AmazonECS_FullAccess' }],
      ['DetachPolicy', { userName: 'ada', policy: `${IAM}:policy/team/deploy` }],
      ['DeleteUser', { userName: 'ada' }],
    ]);
  });

  it('want one holder, and a key that there is', async () => {
    await assert.rejects(run(['policy', 'attach', 'p']), /give one of --user NAME and --role/);
    await assert.rejects(
      run(['policy', 'attach', 'p', '--user', 'a', '--role', 'b']),
      /give one of --user NAME and --role/,
    );
    await assert.rejects(
      run(['access-key', 'activate', 'AKIAX']),
      /there is no access key "AKIAX"/,
    );
  });

  it('make, turn and prune the ring of keys', async () => {
    const path = join(directory, 'secrets.key');
    const ring = async (verb: string, ...flags: string[]): Promise<string> =>
      (await run(['secrets', verb, ...flags, '--secrets-key', path])).output();
    const keys = (): number => readFileSync(path, 'utf8').trim().split('\n').length - 2;
    assert.match(await ring('init'), /wrote .*secrets\.key with key [0-9a-f]{16}/);
    await assert.rejects(ring('init'), /secrets would be lost|they seal would be lost/);
    await assert.rejects(ring('rotate', '--finish'), /has one key only/);
    assert.match(await ring('rotate', '--prepare'), /also opens what/);
    assert.match(await ring('rotate', '--finish'), /also opens what/);
    await ring('rotate');
    assert.equal(keys(), 3);
    assert.doesNotMatch(await ring('prune', '--yes'), /also opens/);
    assert.equal(keys(), 1);
  });
});
