import assert from 'node:assert/strict';

import fc from 'fast-check';

import type {
  TargetGroupRecord,
  TargetRecord,
  TargetRegistrationRecord,
} from '../generated/messages.ts';
import { planRegistrations, type RegistrationsView } from './registered-targets.ts';
import { groupRecord } from './testing.ts';
import type { TargetView } from './view.ts';

const DELAY_SECONDS = 60;
const PROXIES = { live: ['p'], vanished: [], settledAt: 0 };
const registration = (id: string, port = 80, change = 'r1'): TargetRegistrationRecord => ({
  group: 'web',
  id,
  port,
  registeredAt: 0,
  registrationId: change,
});
const group = (targetType: TargetGroupRecord['targetType']): TargetGroupRecord => ({
  ...groupRecord('web', DELAY_SECONDS),
  targetType,
});
const view = (change: Partial<RegistrationsView> = {}): RegistrationsView => ({
  group: group('ip'),
  registrations: [],
  targets: [],
  hosts: new Map([['h1', { address: '10.0.0.1', cluster: 'c' }]]),
  proxies: PROXIES,
  ...change,
});
const drained = (record: TargetRecord): TargetView => ({
  record,
  health: [
    {
      group: record.group,
      target: record.id,
      proxy: 'p',
      state: 'drained',
      routingRevision: 1,
      since: 0,
    },
  ],
});
const waiting = (record: TargetRecord): TargetView => ({ record, health: [] });

describe('registered targets', () => {
  const made = (registrations: TargetRegistrationRecord[], change = {}): readonly TargetRecord[] =>
    planRegistrations(view({ registrations, ...change }), 1000).register;

  it('are made where somebody registered them: an address, or the address of a host', () => {
    assert.deepEqual(made([registration('10.0.0.9')]), [
      {
        group: 'web',
        id: '10.0.0.9-80-r1',
        address: '10.0.0.9',
        port: 80,
        hostId: '',
        taskId: '',
        cluster: '',
        service: '',
        state: 'REGISTERED',
        registeredAt: 1000,
      },
    ]);
    const [ofHost] = made([registration('h1', 81)], { group: group('instance') });
    assert.deepEqual(
      [ofHost?.id, ofHost?.address, ofHost?.hostId],
      ['10.0.0.1-81-r1', '10.0.0.1', 'h1'],
    );
    assert.deepEqual(made([registration('h2')], { group: group('instance') }), []);
  });

  it('drain until every proxy has let go, or the delay is over', () => {
    const [record] = made([registration('10.0.0.9')]);
    assert.ok(record);
    const gone = planRegistrations(view({ targets: [waiting(record)] }), 2000);
    const [draining] = gone.drain;
    assert.deepEqual([draining?.state, draining?.drainingSince], ['DRAINING', 2000]);
    assert.ok(draining);
    const early = planRegistrations(view({ targets: [waiting(draining)] }), 3000);
    assert.deepEqual([early.remove, early.wakeAt], [[], 2000 + DELAY_SECONDS * 1000]);
    const acknowledged = planRegistrations(view({ targets: [drained(draining)] }), 3000);
    assert.deepEqual(acknowledged.remove, [draining]);
    const late = planRegistrations(view({ targets: [waiting(draining)] }), early.wakeAt ?? 0);
    assert.deepEqual(late.remove, [draining]);
  });

  it('that are registered anew while they drain are others', () => {
    const [first] = made([registration('10.0.0.9')]);
    assert.ok(first);
    const draining: TargetRecord = { ...first, state: 'DRAINING', drainingSince: 0 };
    const plan = planRegistrations(
      view({ registrations: [registration('10.0.0.9', 80, 'r2')], targets: [waiting(draining)] }),
      1000,
    );
    assert.deepEqual(
      plan.register.map(({ id }) => id),
      ['10.0.0.9-80-r2'],
    );
    assert.deepEqual([plan.drain, plan.remove], [[], []]);
  });

  it('move with their host', () => {
    const registrations = [registration('h1')];
    const [first] = made(registrations, { group: group('instance') });
    assert.ok(first);
    const hosts = new Map([['h1', { address: '10.0.0.2', cluster: 'c' }]]);
    const moved = planRegistrations(
      view({ group: group('instance'), registrations, hosts, targets: [waiting(first)] }),
      2000,
    );
    assert.deepEqual(
      [moved.register[0]?.address, moved.drain[0]?.address],
      ['10.0.0.2', '10.0.0.1'],
    );
  });

  it('go at once with their group', () => {
    const [record] = made([registration('10.0.0.9')]);
    assert.ok(record);
    const registrations = [registration('10.0.0.9')];
    const plan = planRegistrations(
      view({ group: undefined, registrations, targets: [waiting(record)] }),
      2000,
    );
    assert.deepEqual([plan.remove, plan.forget, plan.register], [[record], registrations, []]);
  });

  it('come to rest as what is registered, whatever happened before', () => {
    const port = fc.integer({ min: 1, max: 4 });
    const step = fc.record({ port, add: fc.boolean(), acknowledge: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let registrations: TargetRegistrationRecord[] = [];
        let targets: TargetView[] = [];
        let now = 0;
        const settle = (acknowledge: boolean): void => {
          const plan = planRegistrations(view({ registrations, targets }), now);
          const ids = (records: readonly TargetRecord[]): Set<string> =>
            new Set(records.map(({ id }) => id));
          const taken = ids([...plan.remove, ...plan.drain]);
          targets = [
            ...targets.filter(({ record }) => !taken.has(record.id)),
            ...plan.drain.map(acknowledge ? drained : waiting),
            ...plan.register.map(waiting),
          ];
          assert.equal(ids(targets.map(({ record }) => record)).size, targets.length);
        };
        for (const [index, { port: at, add, acknowledge }] of steps.entries()) {
          registrations = registrations.filter((each) => each.port !== at);
          if (add) registrations.push(registration('10.0.0.1', at, `r${index}`));
          now += 1000;
          settle(acknowledge);
        }
        for (let times = 0; times < 3; times += 1) {
          now += DELAY_SECONDS * 1000;
          settle(true);
        }
        assert.deepEqual(
          targets.map(({ record }) => [record.port, record.state]).sort(),
          registrations.map((each) => [each.port, 'REGISTERED']).sort(),
        );
      }),
    );
  });
});
