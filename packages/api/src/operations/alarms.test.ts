import assert from 'node:assert/strict';

import type { AlarmState } from '@berth/model/generated/messages.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import type { Input } from '@berth/rpc/api.ts';

import { deleteAlarm, describeAlarms, setAlarmStates } from './alarms.ts';
import type { OperationContext } from './deps.ts';
import { Bench, realm } from './testing.ts';
import { Turns } from './turns.ts';

const call: CallContext = {
  identity: { role: 'admin', name: 'ada' },
  peer: 'test',
  requestId: 'r',
  metadata: new Map(),
  signal: new AbortController().signal,
};

describe('alarms', () => {
  let bench: Bench;
  let on: OperationContext;

  beforeEach(async () => {
    bench = await Bench.start();
    const { store, cache, clock, random, sealer } = bench;
    on = { store, cache, clock, random, sealer, realm, turns: new Turns() } as unknown as typeof on;
  });
  afterEach(() => bench.stop());

  const set = async (...alarms: Input<AlarmState>[]) => {
    const request = complete('SetAlarmStatesRequest', { alarms });
    return (await setAlarmStates(on, request, call)).alarms[0];
  };
  const described = (names: string[] = [], more: object = {}) =>
    describeAlarms(on, complete('DescribeAlarmsRequest', { names, ...more }));

  it('come into being when somebody tells of them, and count how often they went off', async () => {
    const first = await set({ name: 'a/b', state: 'OK' });
    assert.equal(first?.entered, 0);
    assert.match(first.source, /ada/);
    await set({ name: 'a/b', state: 'ALARM', reason: 'too many' });
    await set({ name: 'a/b', state: 'ALARM', reason: 'still too many' });
    await set({ name: 'a/b', state: 'INSUFFICIENT_DATA' });
    const last = await set({ name: 'a/b', state: 'ALARM', reason: 'again' });
    assert.deepEqual([last?.entered, last?.reason], [2, 'again']);
    const { alarms, failures } = described(['a/b', 'none']);
    assert.deepEqual(alarms, [last]);
    assert.deepEqual(failures, [{ arn: 'none', reason: 'MISSING' }]);
  });

  it('are OK when none of their causes is left, or when somebody says so of the whole', async () => {
    await set({ name: 'a', state: 'ALARM', cause: 'x', reason: 'of x' });
    await set({ name: 'a', state: 'ALARM', cause: 'y', reason: 'of y' });
    const half = await set({ name: 'a', state: 'OK', cause: 'y' });
    assert.deepEqual([half?.state, half?.causes, half?.entered], ['ALARM', ['x'], 1]);
    assert.equal((await set({ name: 'a', state: 'OK', cause: 'x' }))?.state, 'OK');
    await set({ name: 'a', state: 'ALARM', cause: 'x' });
    assert.deepEqual((await set({ name: 'a', state: 'OK' }))?.causes, []);
  });

  it('are not written when nothing is new', async () => {
    await set({ name: 'a', state: 'ALARM', cause: 'x', reason: 'r' });
    const before = bench.cache.revision;
    await set({ name: 'a', state: 'ALARM', cause: 'x', reason: 'r' });
    assert.equal(bench.cache.revision, before);
  });

  it('are listed by name, in pages, by state', async () => {
    const names = Array.from({ length: 5 }, (_, at) => `n${at}`);
    await set(...names.map((name, at) => ({ name, state: at % 2 ? 'ALARM' : 'OK' }) as const));
    const first = described([], { maxResults: 3 });
    const rest = described([], { maxResults: 3, nextToken: first.nextToken });
    assert.deepEqual(
      [...first.alarms, ...rest.alarms].map(({ name }) => name),
      names,
    );
    assert.equal(rest.nextToken, undefined);
    assert.deepEqual(
      described([], { state: 'ALARM' }).alarms.map(({ name }) => name),
      ['n1', 'n3'],
    );
  });

  it('are forgotten when they are deleted', async () => {
    await set({ name: 'a', state: 'OK' });
    assert.equal((await deleteAlarm(on, { name: 'a' }, call)).alarm?.name, 'a');
    await assert.rejects(deleteAlarm(on, { name: 'a' }, call), (error) =>
      isBerthError(error, 'ResourceNotFoundException'),
    );
  });

  for (const [what, alarms] of [
    ['nothing', []],
    ['no name', [{ name: '', state: 'OK' as const }]],
    ['a name of 256 characters', [{ name: 'n'.repeat(256), state: 'OK' as const }]],
    ['an unknown state', [{ name: 'a', state: 'BAD' as 'OK' }]],
    ['a long reason', [{ name: 'a', state: 'OK' as const, reason: 'r'.repeat(1024) }]],
    ['201 states', Array.from({ length: 201 }, () => ({ name: 'a', state: 'OK' as const }))],
  ] as const) {
    it(`are refused with ${what}, and none is written`, async () => {
      const before = bench.cache.revision;
      const good = alarms.length === 1 ? [{ name: 'good', state: 'OK' as const }] : [];
      await assert.rejects(set(...good, ...alarms), (error) =>
        isBerthError(error, 'InvalidParameterException'),
      );
      assert.equal(bench.cache.revision, before);
    });
  }
});
