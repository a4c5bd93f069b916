import assert from 'node:assert/strict';

import { type ErrorCode, isBerthError } from '@berth/model/errors.ts';
import type { Client } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import { complete } from '@berth/rpc/codec.ts';
import { transaction } from '@berth/store/transaction.ts';

import { TestCluster } from '../../testing/cluster.ts';

const URL = 'https://ops.example.com/events';

describe('event sinks', () => {
  let cluster: TestCluster;
  let client: Client<'Operations'>;

  beforeEach(async () => {
    cluster = new TestCluster();
    client = await cluster.client('Operations', await cluster.replica());
    await cluster.put(collections.clusters, ['default'], { name: 'default', status: 'ACTIVE' });
  });
  afterEach(() => cluster.close());

  const create = (more: Partial<Parameters<typeof client.CreateEventSink>[0]> = {}) =>
    client.CreateEventSink({ name: 'ops', kind: 'webhook', url: URL, ...more });
  const refused = (code: ErrorCode, problem: RegExp) => (error: unknown) =>
    isBerthError(error, code) && problem.test(error.message);

  it('are kept with what was asked for, and never show the values of their headers', async () => {
    const made = await create({ headers: [{ name: 'Authorization', value: 'Bearer T' }] });
    assert.deepEqual(made.headerNames, ['Authorization']);
    assert.deepEqual([made.format, made.mostTries, made.timeoutSeconds], ['cloudevents', 10, 10]);
    const { sinks } = await client.DescribeEventSinks({});
    assert.ok(!JSON.stringify(sinks).includes('Bearer T'));
    const { json } = await client.GetState({ key: 'event-sinks/ops' });
    assert.ok(!json.includes('Bearer T'), 'sealed at rest');
    await assert.rejects(create(), refused('ConflictException', /ops already/));
    await client.DeleteEventSink({ name: 'ops' });
    await assert.rejects(
      client.DescribeEventSinks({ names: ['ops'] }),
      refused('ResourceNotFoundException', /no event sink "ops"/),
    );
  });

  for (const [what, more, problem] of [
    ['no URL', { url: undefined }, /url is needed/],
    ['a URL of another kind', { url: 'ftp://x/' }, /must begin with http/],
    ['a password in its URL', { url: 'http://a:b@x/' }, /must not hold a password/],
    ['a name that is none', { name: 'a b' }, /name must be 1 to 64/],
    ['a header that is none', { headers: [{ name: 'a b', value: '' }] }, /no name of a header/],
    ['a header of the sender', { headers: [{ name: 'Host', value: 'x' }] }, /set by the sender/],
    ['a pattern that is none', { pattern: '{' }, /no JSON/],
    ['too many tries', { mostTries: 101 }, /mostTries must be 1 to 100/],
    ['a file with a URL', { kind: 'file' as const }, /url is of webhooks/],
  ] as const) {
    it(`with ${what} are refused, and nothing is kept`, async () => {
      await assert.rejects(create(more), refused('InvalidParameterException', problem));
      assert.deepEqual((await client.DescribeEventSinks({})).sinks, []);
    });
  }

  it('say how many events wait, to the event, and begin where they were told to', async () => {
    const puts = ['01', '02', '03'].map((id) =>
      putRecord(collections.events, ['default', id], complete('EventRecord', { id })),
    );
    const signal = new AbortController().signal;
    const { revision } = await cluster.store.commit(transaction({ puts }), signal);
    assert.equal((await create()).waiting, 0, 'from now on');
    assert.equal((await create({ name: 'all', startAfter: 0 })).waiting, 3);
    const half = await create({ name: 'half', startAfter: revision * 1_000 });
    assert.equal(half.waiting, 2, 'of one commit');
    const done = await create({ name: 'done', startAfter: revision * 1_000 + 2 });
    assert.equal(done.waiting, 0);
  });

  it('are asked once to send their dead letters again, however often one asks', async () => {
    await create();
    const [first, second] = [
      await client.RedriveEventSink({ name: 'ops' }),
      await client.RedriveEventSink({ name: 'ops' }),
    ];
    assert.ok(first.redriving && second.redriving);
    const { json } = await client.GetState({ key: 'event-sinks/ops' });
    assert.equal((JSON.parse(json) as { redrives: number }).redrives, 1);
  });
});
