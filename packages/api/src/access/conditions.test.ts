// What condition keys know of a caller and of its session.
import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import type { CallContext } from '@berth/rpc/api.ts';

import { AccessBench } from './testing.ts';

const ALL = { Effect: 'Allow', Action: '*', Resource: '*' };
const ROLE = 'arn:aws:iam::000000000000:role/deploy';

describe('conditions on callers', () => {
  let bench: AccessBench;

  beforeEach(async () => {
    bench = await AccessBench.start();
  });
  afterEach(() => bench.stop());

  const deny = (Condition: object): object => ({ ...ALL, Effect: 'Deny', Condition });

  async function isAllowed(act: Promise<unknown>): Promise<boolean> {
    try {
      await act;
      return true;
    } catch (error) {
      assert.ok(isBerthError(error, 'AccessDeniedException'), String(error));
      return false;
    }
  }
  const mayList = (call: CallContext): Promise<boolean> =>
    isAllowed(bench.ask('Ecs', 'ListClusters', {}, call));

  it('tell requests over TLS from others', async () => {
    const ada = await bench.user('ada', ALL, deny({ Bool: { 'aws:SecureTransport': 'false' } }));
    const { identity } = ada;
    assert.ok(identity.role === 'user');
    assert.equal(await mayList({ ...ada, identity: { ...identity, secure: true } }), true);
    assert.equal(await mayList({ ...ada, identity: { ...identity, secure: false } }), false);
    assert.equal(await mayList(ada), false);
  });

  it('end the sessions that were begun before a time, of users and of roles', async () => {
    const ada = await bench.user('ada', ALL);
    const trust = {
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' },
    };
    await bench.ask('Access', 'CreateRole', {
      roleName: 'deploy',
      assumeRolePolicyDocument: JSON.stringify(trust),
    });
    await bench.ask('Access', 'AttachPolicy', { policy: 'of-ada', roleName: 'deploy' });
    const sessions = async (): Promise<CallContext[]> => {
      const own = await bench.ask('Access', 'GetSessionToken', {}, ada);
      const role = { roleArn: ROLE, roleSessionName: 'one' };
      const assumed = await bench.ask('Access', 'AssumeRole', role, ada);
      const given = [own.credentials, assumed.credentials];
      return Promise.all(
        given.map(async (item) =>
          bench.caller(await bench.credentials(item?.accessKeyId ?? '', item?.sessionToken)),
        ),
      );
    };
    const older = await sessions();
    await bench.clock.advance(60_000);
    const turn = new Date(bench.clock.now()).toISOString();
    await bench.clock.advance(60_000);
    const newer = await sessions();
    for (const session of [...older, ...newer]) assert.equal(await mayList(session), true);
    const revoked = deny({ DateLessThan: { 'aws:TokenIssueTime': turn } });
    await bench.ask('Access', 'UpdatePolicy', {
      policy: 'of-ada',
      document: JSON.stringify({ Version: '2012-10-17', Statement: [ALL, revoked] }),
    });
    for (const session of older) assert.equal(await mayList(session), false);
    for (const session of [...newer, ada]) assert.equal(await mayList(session), true);
  });

  it('of a trust policy know what the session is to be called', async () => {
    const ada = await bench.user('ada', ALL);
    const trust = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' },
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 'sts:AssumeRole',
          Condition: { StringEquals: { 'sts:RoleSessionName': 'root' } },
        },
      ],
    };
    await bench.ask('Access', 'CreateRole', {
      roleName: 'deploy',
      assumeRolePolicyDocument: JSON.stringify(trust),
    });
    const assume = (roleSessionName: string): Promise<boolean> =>
      isAllowed(bench.ask('Access', 'AssumeRole', { roleArn: ROLE, roleSessionName }, ada));
    assert.equal(await assume('ada'), true);
    assert.equal(await assume('root'), false);
  });
});
