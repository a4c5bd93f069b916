import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { RoutingUpdate } from '../generated/messages.ts';
import { printTable } from './print.ts';
import { NO_RECORDS, applyUpdate, emptyUpdate, snapshotOf } from './records.ts';
import { EMPTY_TABLE, buildTable, updateTable } from './table.ts';
import {
  condition,
  fixed,
  forward,
  listener,
  rule,
  target,
  targetGroup,
  update,
} from './testing.ts';

const FULL = update(7, {
  snapshot: true,
  listeners: [listener(8080, fixed('404', 'no such page')), listener(80, forward('web'))],
  rules: [
    rule('l8080', 20, [condition('path-pattern', ['/api/v1/*'])], forward('api=3', 'web=1')),
    rule('l8080', 10, [condition('path-pattern', ['/api/*'])], forward('api')),
    rule('l8080', 30, [condition('host-header', ['old.example.com'])], {
      type: 'redirect',
      redirect: { statusCode: 'HTTP_301', host: 'new.example.com' },
    }),
    rule('l8080', 40, [condition('http-request-method', ['GET'])], forward('gone')),
  ],
  targetGroups: [
    targetGroup('web'),
    targetGroup('api', { 'deregistration_delay.timeout_seconds': '5' }),
    targetGroup('idle'),
  ],
  targets: [target('api', 't2'), target('api', 't1', 'DRAINING'), target('web', 't3')],
});

describe('table', () => {
  it('prints what it holds, and what is wrong with it', () => {
    assert.equal(
      printTable(updateTable(EMPTY_TABLE, FULL)),
      `revision 7
listener 80 HTTP l80
  default -> forward web:1
listener 8080 HTTP l8080
  10 path-pattern /api/* -> forward api:1
  20 path-pattern /api/v1/* -> forward api:3 web:1
  30 host-header old.example.com -> redirect HTTP_301 #{protocol}://new.example.com:#{port}/#{path}?#{query}
  40 http-request-method GET -> forward gone:1
  default -> fixed-response 404 text/plain (12 characters)
group api HTTP round_robin delay 5s
  check HTTP traffic-port / expects 200, every 30s within 5s, up 5 down 2
  target t1 127.0.0.1:20000 DRAINING
  target t2 127.0.0.1:20000 REGISTERED
group idle HTTP round_robin delay 300s unused
  check HTTP traffic-port / expects 200, every 30s within 5s, up 5 down 2
group web HTTP round_robin delay 300s
  check HTTP traffic-port / expects 200, every 30s within 5s, up 5 down 2
  target t3 127.0.0.1:20000 REGISTERED
problem: listener 8080, priority 20: unreachable: priority 10 takes all of its requests
problem: listener 8080, priority 40: target group gone does not exist
`,
    );
  });

  it('shares what an update did not touch', () => {
    const before = updateTable(EMPTY_TABLE, FULL);
    const after = updateTable(before, update(8, { targets: [target('api', 't9')] }));
    assert.equal(after.listeners.get(8080), before.listeners.get(8080));
    assert.equal(after.groups.get('web'), before.groups.get('web'));
    assert.notEqual(after.groups.get('api'), before.groups.get('api'));
  });

  it('forwards to a group named by its ARN', () => {
    const arn = 'arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/0123456789abcdef';
    const table = updateTable(
      EMPTY_TABLE,
      update(1, { listeners: [listener(80, forward(arn))], targetGroups: [targetGroup('web')] }),
    );
    assert.equal(table.groups.get('web')?.inUse, true);
  });

  it('of two listeners on one port serves the older', () => {
    const older = { ...listener(80, fixed('200'), 'z'), createdAt: 1 };
    const newer = { ...listener(80, fixed('500'), 'a'), createdAt: 2 };
    const table = updateTable(EMPTY_TABLE, update(1, { listeners: [newer, older] }));
    assert.equal(table.listeners.get(80)?.record, older);
  });

  it('after any updates is the table built afresh from the same records', () => {
    fc.assert(
      fc.property(fc.array(updates(), { maxLength: 12 }), (history) => {
        let table = EMPTY_TABLE;
        let records = NO_RECORDS;
        for (const step of history) {
          table = updateTable(table, step);
          records = applyUpdate(records, step);
        }
        const fresh = buildTable(applyUpdate(NO_RECORDS, snapshotOf(records)));
        assert.deepEqual(table, buildTable(records));
        assert.equal(printTable(table), printTable(fresh));
      }),
    );
  });
});

function updates(): fc.Arbitrary<RoutingUpdate> {
  const names = fc.constantFrom('a', 'b', 'c');
  const ports = fc.constantFrom(80, 81);
  const some = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 3 });
  const pairs = fc.tuple(names, names).map(([a, b]) => `${a}/${b}`);
  const parts = fc.record({
    revision: fc.nat(1000),
    snapshot: fc.boolean(),
    listeners: some(fc.tuple(ports, names).map(([port, group]) => listener(port, forward(group)))),
    rules: some(
      fc
        .tuple(ports, fc.integer({ min: 1, max: 3 }), names)
        .map(([port, priority, group]) =>
          rule(`l${port}`, priority, [condition('path-pattern', [`/${group}/*`])], forward(group)),
        ),
    ),
    targetGroups: some(names.map((name) => targetGroup(name))),
    targets: some(
      fc
        .tuple(names, names, fc.constantFrom('REGISTERED' as const, 'DRAINING' as const))
        .map(([group, id, state]) => target(group, id, state)),
    ),
    removedListeners: some(ports.map((port) => `l${port}`)),
    removedRules: some(
      fc.tuple(ports, fc.integer({ min: 1, max: 3 })).map(([p, r]) => `l${p}/r${r}`),
    ),
    removedTargetGroups: some(names),
    removedTargets: some(pairs),
  });
  return parts.map((made) => ({ ...emptyUpdate(0, false), ...made }));
}
