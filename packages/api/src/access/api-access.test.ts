// Over real sockets: keys that admins make, calls of users through the handlers that the AWS endpoint is given, and the file
// of the audit log.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isBerthError } from '@berth/model/errors.ts';
import { startLineWriter } from '@berth/process/line-writer.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import { type Replica, TestCluster } from '../testing/cluster.ts';

describe('access to the api', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-audit-'));
  const file = join(directory, 'audit.log');
  let cluster: TestCluster;
  let replica: Replica;

  before(async () => {
    cluster = new TestCluster();
    const sink = startLineWriter({ to: { file }, onTrouble: assert.ifError });
    replica = await cluster.replica(10, { sink, reads: true });
  });
  after(async () => {
    await cluster.close();
    rmSync(directory, { recursive: true });
  });

  function lines(): Record<string, unknown>[] {
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('is with a key that another replica made, as far as its policies go, and is told', async () => {
    const other = await cluster.replica();
    const admin = await cluster.client('Access', other);
    await admin.CreateUser({ userName: 'ada' });
    const document = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Action: 'ecs:CreateCluster', Resource: '*' },
    });
    await admin.CreatePolicy({ policyName: 'creators', document });
    const { accessKey } = await admin.CreateAccessKey({ userName: 'ada' });
    const id = accessKey?.accessKeyId ?? '';
    const credentials = await replica.access.credentials(id, undefined);
    assert.equal(credentials?.secretAccessKey, accessKey?.secretAccessKey);
    assert.ok(credentials);
    const { principal } = credentials;
    const call: CallContext = {
      identity: { role: 'user', name: principal.name, principal },
      peer: '192.0.2.7:4711',
      requestId: 'request-1',
      metadata: new Map([['user-agent', 'aws-cli']]),
      signal: new AbortController().signal,
    };
    const create = (clusterName: string): Promise<unknown> =>
      replica.handlers.Ecs.CreateCluster(complete('CreateClusterRequest', { clusterName }), call);
    await assert.rejects(create('one'), (error) => isBerthError(error, 'AccessDeniedException'));
    await admin.AttachPolicy({ userName: 'ada', policy: 'creators' });
    await create('one');
    const told = lines().at(-1);
    assert.deepEqual(
      [told?.['eventName'], told?.['sourceIPAddress'], told?.['userAgent'], told?.['errorCode']],
      ['CreateCluster', '192.0.2.7', 'aws-cli', undefined],
    );
    await admin.UpdateAccessKey({ userName: 'ada', accessKeyId: id, status: 'Inactive' });
    await assert.rejects(create('two'), (error) => isBerthError(error, 'AccessDeniedException'));
    assert.equal(lines().at(-1)?.['errorCode'], 'AccessDeniedException');
  });

  it('tells of admins and of streams, by certificate', async () => {
    const operations = await cluster.client('Operations', replica, 'admin', 'me');
    await operations.GetInfo({});
    for await (const event of operations.WatchEvents({ cluster: 'one', limit: 0 })) {
      assert.ok(event);
    }
    const ecs = await cluster.client('Ecs', replica, 'admin', 'me');
    await ecs.CreateCluster({ clusterName: 'three' });
    const mine = lines().filter(({ userIdentity }) =>
      JSON.stringify(userIdentity).includes('admin/me'),
    );
    assert.deepEqual(
      mine.map(({ eventName, readOnly }) => [eventName, readOnly]),
      [
        ['GetInfo', true],
        ['WatchEvents', true],
        ['CreateCluster', false],
      ],
    );
  });

  it('is not for hosts and proxies', async () => {
    const access = await cluster.client('Access', replica, 'host', 'ab'.repeat(16));
    await assert.rejects(access.ListUsers({}), (error) =>
      isBerthError(error, 'AccessDeniedException'),
    );
  });
});
