// Users, keys, policies, roles and sessions as their callers see them.
import assert from 'node:assert/strict';

import { type ErrorCode, isBerthError } from '@berth/model/errors.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { collections, keyOf } from '@berth/store/keys.ts';

import { AccessBench } from './testing.ts';

const ALL = { Effect: 'Allow', Action: '*', Resource: '*' };
const document = (...statements: object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
const trust = (principal: unknown): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' },
  });

describe('access', () => {
  let bench: AccessBench;

  beforeEach(async () => {
    bench = await AccessBench.start();
  });
  afterEach(() => bench.stop());

  async function refused(
    act: Promise<unknown>,
    code: ErrorCode,
    message: string | RegExp,
  ): Promise<void> {
    const error = await act.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(isBerthError(error, code), `expected ${code}, got ${String(error)}`);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
  }

  it('gives a key once, and keeps its secret sealed', async () => {
    const { user } = await bench.ask('Access', 'CreateUser', { userName: 'Ada', path: '/team/' });
    assert.equal(user?.arn, 'arn:aws:iam::000000000000:user/team/Ada');
    assert.match(user.userId, /^AIDA[A-Z2-7]{17}$/);
    const { accessKey } = await bench.ask('Access', 'CreateAccessKey', { userName: 'ada' });
    assert.match(accessKey?.accessKeyId ?? '', /^AKIA[A-Z2-7]{16}$/);
    assert.equal(accessKey?.secretAccessKey?.length, 40);
    const { accessKeys } = await bench.ask('Access', 'ListAccessKeys', { userName: 'Ada' });
    assert.deepEqual(
      accessKeys.map(({ secretAccessKey, status }) => [secretAccessKey, status]),
      [[undefined, 'Active']],
    );
    const stored = bench.cache.get(collections.accessKeys, accessKey.accessKeyId)?.value;
    const bytes = Buffer.from(stored?.sealedSecret ?? []).toString('latin1');
    assert.ok(!bytes.includes(accessKey.secretAccessKey ?? ''));
    const { secretAccessKey, principal } = await bench.credentials(accessKey.accessKeyId);
    assert.equal(secretAccessKey, accessKey.secretAccessKey);
    assert.equal(principal.arn, user.arn);
    assert.ok(!JSON.stringify(bench.sink.lines).includes(secretAccessKey));
  });

  it('lets keys be rotated: two at a time, inactive ones are nobody’s', async () => {
    await bench.ask('Access', 'CreateUser', { userName: 'ada' });
    const make = async (): Promise<string> => {
      const { accessKey } = await bench.ask('Access', 'CreateAccessKey', { userName: 'ada' });
      return accessKey?.accessKeyId ?? '';
    };
    const [first] = [await make(), await make()];
    await refused(make(), 'LimitExceeded', 'Cannot exceed quota for AccessKeysPerUser: 2');
    const update = { userName: 'ada', accessKeyId: first, status: 'Inactive' } as const;
    await bench.ask('Access', 'UpdateAccessKey', update);
    assert.equal(await bench.access.door.credentials(first, undefined), undefined);
    await bench.ask('Access', 'UpdateAccessKey', { ...update, status: 'Active' });
    await bench.credentials(first);
    await refused(
      bench.ask('Access', 'DeleteUser', { userName: 'ada' }),
      'DeleteConflict',
      'Cannot delete entity, must delete access keys first.',
    );
    await bench.ask('Access', 'DeleteAccessKey', { userName: 'ada', accessKeyId: first });
    await refused(
      bench.ask('Access', 'DeleteAccessKey', { userName: 'ada', accessKeyId: first }),
      'NoSuchEntity',
      `The Access Key with id ${first} cannot be found.`,
    );
  });

  it('makes no more than two keys, however many ask at once', async () => {
    await bench.ask('Access', 'CreateUser', { userName: 'ada' });
    const asked = Array.from({ length: 5 }, () =>
      bench.ask('Access', 'CreateAccessKey', { userName: 'ada' }),
    );
    await Promise.allSettled(asked);
    assert.equal([...bench.cache.list(collections.accessKeys)].length, 2);
  });

  it('knows a key that another replica made, at once', async () => {
    await bench.ask('Access', 'CreateUser', { userName: 'ada' });
    const other = await AccessBench.start(bench.sealer, bench.store.peer());
    try {
      const { accessKey } = await bench.ask('Access', 'CreateAccessKey', { userName: 'ada' });
      await other.credentials(accessKey?.accessKeyId ?? '');
    } finally {
      await other.stop();
    }
  });

  it('lets nobody take the name of a policy that comes with Berth, in whatever case', async () => {
    const policy = { policyName: 'administratoraccess', document: document(ALL) };
    await refused(
      bench.ask('Access', 'CreatePolicy', policy),
      'EntityAlreadyExists',
      'A policy called administratoraccess already exists. Duplicate names are not allowed.',
    );
  });

  it('attaches what it asked the permission for, also where such a policy is there already', async () => {
    const name = 'administratoraccess';
    await bench.put(collections.policies, [name], { name, path: '/', document: document(ALL) });
    const ada = await bench.user('ada', {
      Effect: 'Allow',
      Action: 'iam:AttachUserPolicy',
      Resource: '*',
      Condition: { ArnLike: { 'iam:PolicyARN': 'arn:aws:iam::000000000000:policy/*' } },
    });
    const attach = { policy: 'AdministratorAccess', userName: 'ada' };
    await refused(
      bench.ask('Access', 'AttachPolicy', attach, ada),
      'AccessDeniedException',
      /not authorized to perform: iam:AttachUserPolicy/,
    );
  });

  it('refuses names and documents as IAM does', async () => {
    await bench.ask('Access', 'CreateUser', { userName: 'ada' });
    await refused(
      bench.ask('Access', 'CreateUser', { userName: 'ADA' }),
      'EntityAlreadyExists',
      'User with name ADA already exists.',
    );
    for (const userName of ['', 'a b', 'a/b', 'x'.repeat(65)]) {
      await refused(
        bench.ask('Access', 'CreateUser', { userName }),
        'ValidationError',
        /userName is/,
      );
    }
    await refused(
      bench.ask('Access', 'GetUser', { userName: 'bob' }),
      'NoSuchEntity',
      'The user with name bob cannot be found.',
    );
    await refused(
      bench.ask('Access', 'CreatePolicy', { policyName: 'p', document: '{' }),
      'MalformedPolicyDocument',
      /no JSON: line 1, column 2/,
    );
    await refused(
      bench.ask('Access', 'CreatePolicy', {
        policyName: 'AdministratorAccess',
        document: document(ALL),
      }),
      'EntityAlreadyExists',
      /already exists/,
    );
    await refused(
      bench.ask('Access', 'UpdatePolicy', { policy: 'ReadOnlyAccess', document: document(ALL) }),
      'UnmodifiableEntity',
      /comes with Berth/,
    );
  });

  it('attaches policies, and deletes none that is attached', async () => {
    await bench.ask('Access', 'CreateUser', { userName: 'ada' });
    const { policy } = await bench.ask('Access', 'CreatePolicy', {
      policyName: 'p',
      document: document(ALL),
    });
    const attach = { policy: policy?.arn ?? '', userName: 'ada' };
    await bench.ask('Access', 'AttachPolicy', attach);
    await bench.ask('Access', 'AttachPolicy', attach);
    await bench.ask('Access', 'AttachPolicy', { policy: 'ReadOnlyAccess', userName: 'ada' });
    const { user } = await bench.ask('Access', 'GetUser', { userName: 'ada' });
    assert.deepEqual(user?.attachedPolicyArns, [
      'arn:aws:iam::000000000000:policy/p',
      'arn:aws:iam::aws:policy/ReadOnlyAccess',
    ]);
    await refused(
      bench.ask('Access', 'DeletePolicy', { policy: 'p' }),
      'DeleteConflict',
      'Cannot delete a policy attached to entities.',
    );
    await refused(
      bench.ask('Access', 'DeleteUser', { userName: 'ada' }),
      'DeleteConflict',
      'Cannot delete entity, must detach all policies first.',
    );
    await bench.ask('Access', 'DetachPolicy', attach);
    await bench.ask('Access', 'DeletePolicy', { policy: 'p' });
    await refused(bench.ask('Access', 'DetachPolicy', attach), 'NoSuchEntity', /not found/);
  });

  it('lists users, policies and roles in pages', async () => {
    for (const userName of ['c', 'a', 'b']) await bench.ask('Access', 'CreateUser', { userName });
    const first = await bench.ask('Access', 'ListUsers', { maxResults: 2 });
    assert.deepEqual(
      first.users.map(({ userName }) => userName),
      ['a', 'b'],
    );
    const next = await bench.ask('Access', 'ListUsers', {
      maxResults: 2,
      nextToken: first.nextToken,
    });
    assert.deepEqual(
      [next.users.map(({ userName }) => userName), next.nextToken],
      [['c'], undefined],
    );
    const own = await bench.ask('Access', 'ListPolicies', { builtIn: true });
    assert.ok(
      own.policies.some(({ arn }) => arn === 'arn:aws:iam::aws:policy/AdministratorAccess'),
    );
    assert.deepEqual((await bench.ask('Access', 'ListPolicies')).policies, []);
  });

  describe('sessions', () => {
    it('of a role have its policies, narrowed by their own, until it is gone', async () => {
      const ada = await bench.user('ada', {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Resource: 'arn:aws:iam::000000000000:role/ops*',
      });
      const roleName = 'ops';
      await bench.ask('Access', 'CreateRole', {
        roleName,
        assumeRolePolicyDocument: trust({ AWS: 'arn:aws:iam::000000000000:user/ada' }),
      });
      await bench.ask('Access', 'AttachPolicy', { policy: 'AdministratorAccess', roleName });
      const assume = (more: object, call = ada): Promise<Record<string, unknown>> =>
        bench.ask(
          'Access',
          'AssumeRole',
          {
            roleArn: 'arn:aws:iam::000000000000:role/ops',
            roleSessionName: 'deploy',
            ...more,
          },
          call,
        ) as unknown as Promise<Record<string, unknown>>;
      const narrowed = await assume({
        policy: document({ Effect: 'Allow', Action: 'ecs:List*', Resource: '*' }),
      });
      const given = narrowed['credentials'] as { accessKeyId: string; sessionToken: string };
      assert.match(given.accessKeyId, /^ASIA/);
      assert.equal(narrowed['assumedRoleArn'], 'arn:aws:sts::000000000000:assumed-role/ops/deploy');
      const credentials = await bench.credentials(given.accessKeyId, given.sessionToken);
      assert.equal(credentials.expiresAt, bench.clock.now() + 3_600_000);
      const session = bench.caller(credentials);
      await bench.ask('Ecs', 'ListClusters', {}, session);
      await refused(
        bench.ask('Ecs', 'DeleteCluster', { cluster: 'x' }, session),
        'AccessDeniedException',
        /assumed-role\/ops\/deploy is not authorized .* because no session policy allows/,
      );
      const bob = await bench.user('bob', ALL);
      await refused(
        assume({}, bob),
        'AccessDeniedException',
        /sts:AssumeRole on resource: \S+role\/ops$/,
      );
      // Of the role that does not trust him he learns nothing.
      await refused(
        assume({ durationSeconds: 43_200 }, bob),
        'AccessDeniedException',
        /role\/ops$/,
      );
      await refused(assume({ durationSeconds: 60 }), 'ValidationError', /durationSeconds is 60/);
      const { door } = bench.access;
      assert.equal(await door.credentials('ASIAAAAAAAAAAAAAAAAA', given.sessionToken), undefined);
      const forged = `${given.sessionToken.slice(0, -6)}AAAAA=`;
      assert.equal(await door.credentials(given.accessKeyId, forged), undefined);
      await bench.ask('Access', 'DetachPolicy', { policy: 'AdministratorAccess', roleName });
      await bench.ask('Access', 'DeleteRole', { roleName });
      assert.equal(await door.credentials(given.accessKeyId, given.sessionToken), undefined);
      await refused(
        bench.ask('Ecs', 'ListClusters', {}, session),
        'AccessDeniedException',
        /has been deactivated or deleted/,
      );
    });

    it('of a user are the user, and can not make further ones', async () => {
      const ada = await bench.user('ada', ALL);
      const { credentials } = await bench.ask('Access', 'GetSessionToken', {}, ada);
      const { accessKeyId = '', sessionToken = '' } = credentials ?? {};
      const session = bench.caller(await bench.credentials(accessKeyId, sessionToken));
      const who = await bench.ask('Access', 'GetCallerIdentity', {}, session);
      assert.equal(who.arn, 'arn:aws:iam::000000000000:user/ada');
      await refused(
        bench.ask('Access', 'GetSessionToken', {}, session),
        'AccessDeniedException',
        /with session credentials/,
      );
      assert.ok(!JSON.stringify(bench.sink.lines).includes(sessionToken));
    });
  });

  it('simulates what policies would say, and which statement decides', async () => {
    const cluster = 'arn:aws:ecs:us-east-1:000000000000:cluster/prod';
    await bench.user(
      'ada',
      { ...ALL, Sid: 'all' },
      {
        Sid: 'notProd',
        Effect: 'Deny',
        Action: 'ecs:Delete*',
        Resource: '*',
        Condition: { StringEquals: { 'aws:ResourceTag/env': 'prod' } },
      },
    );
    const ask = async (context: Record<string, string>) =>
      (
        await bench.ask('Access', 'SimulatePolicy', {
          userName: 'ada',
          action: 'ecs:DeleteCluster',
          resources: [cluster],
          context,
        })
      ).decisions[0];
    const denied = await ask({ 'aws:ResourceTag/env': 'prod' });
    assert.deepEqual(
      [denied?.decision, denied?.policy, denied?.statement, denied?.sid],
      ['explicitDeny', 'of-ada', 2, 'notProd'],
    );
    const allowed = await ask({});
    assert.deepEqual(
      [allowed?.decision, allowed?.sid, allowed?.missingContextKeys, allowed?.nearMisses],
      [
        'allowed',
        'all',
        ['aws:ResourceTag/env'],
        ['of-ada, statement 2 (notProd): StringEquals aws:ResourceTag/env'],
      ],
    );
  });

  it('seals anew what an older key sealed, and says at start which key is missing', async () => {
    await bench.user('ada', ALL);
    const oidc = {
      issuer: 'i',
      sealedClientSecret: bench.seal('s', keyOf(collections.listeners, 'l1')),
    };
    await bench.put(collections.listeners, ['l1'], {
      id: 'l1',
      defaultActions: [{ type: 'authenticate-oidc', authenticateOidc: oidc }] as never,
    });
    const rotated = await AccessBench.start(bench.sealer.rotated(), bench.store.peer());
    const answer = await rotated.ask('Access', 'ResealSecrets');
    assert.deepEqual([answer.resealed, answer.already, answer.unreadable], [2, 0, []]);
    const again = await rotated.ask('Access', 'ResealSecrets');
    assert.deepEqual([again.resealed, again.already], [0, 2]);
    const pruned = await AccessBench.start(rotated.sealer.pruned(), bench.store.peer());
    const [key] = [...pruned.cache.list(collections.accessKeys)];
    await pruned.credentials(key?.value.id ?? '');
    const stranger = await AccessBench.start(KeyRing.create(), bench.store.peer());
    const said = stranger.logger.lines.filter(({ level }) => level === 'error');
    assert.deepEqual(
      said.map(({ fields }) => [fields['sealKey'], fields['records']]),
      [[rotated.sealer.keyIds[0], 2]],
    );
    for (const replica of [rotated, pruned, stranger]) await replica.stop();
  });
});
