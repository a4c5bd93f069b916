import assert from 'node:assert/strict';

import fc from 'fast-check';

import { groupSettings } from './group-settings.ts';
import { matcherAccepts, parseMatcher } from './matcher.ts';
import {
  CHECKING,
  type ProbeOutcome,
  type TargetHealth,
  causeOfHealth,
  nextHealth,
  sameReport,
} from './target-health.ts';
import { targetGroup } from './testing.ts';

const CHECK = {
  ...groupSettings(targetGroup('g')).check,
  healthyThreshold: 3,
  unhealthyThreshold: 2,
};

/** `s` success, `c` wrong code, `t` timeout, `f` failure. */
function after(letters: string, from: TargetHealth = CHECKING): TargetHealth {
  const outcomes: Readonly<Record<string, ProbeOutcome>> = {
    s: { kind: 'answered', code: 200 },
    c: { kind: 'answered', code: 502 },
    t: { kind: 'timeout' },
    f: { kind: 'failed' },
  };
  return Array.from(letters).reduce((health, letter) => {
    const outcome = outcomes[letter];
    assert.ok(outcome);
    return nextHealth(health, outcome, CHECK);
  }, from);
}

describe('target health', () => {
  const cases: readonly (readonly [
    letters: string,
    state: string,
    reason?: string,
    description?: string,
  ])[] = [
    ['', 'initial', 'Elb.InitialHealthChecking', 'Initial health checks in progress'],
    ['s', 'healthy'],
    ['fs', 'healthy'],
    ['f', 'initial', 'Elb.InitialHealthChecking'],
    ['ff', 'unhealthy', 'Target.FailedHealthChecks', 'Health checks failed'],
    ['st', 'healthy'],
    ['stst', 'healthy'],
    ['sft', 'unhealthy', 'Target.Timeout', 'Request timed out'],
    [
      'ftc',
      'unhealthy',
      'Target.ResponseCodeMismatch',
      'Health checks failed with these codes: [502]',
    ],
    ['ffss', 'unhealthy', 'Target.FailedHealthChecks'],
    ['ffssfss', 'unhealthy'],
    ['ffsss', 'healthy'],
    ['ffsssf', 'healthy'],
  ];
  for (const [letters, state, reason, description] of cases) {
    it(`after "${letters}" is ${state}${reason === undefined ? '' : ` (${reason})`}`, () => {
      const health = after(letters);
      assert.equal(health.state, state);
      if (reason !== undefined) assert.equal(causeOfHealth(health)?.reason, reason);
      if (description !== undefined) {
        assert.equal(causeOfHealth(health)?.description, description);
      }
    });
  }

  it('needs the threshold of failures in a row to fall, of successes to rise again', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('s', 'f'), maxLength: 20 }), (letters) => {
        const health = after(letters);
        if (letters.endsWith('ff')) assert.equal(health.state, 'unhealthy');
        if (letters.endsWith('sss')) assert.equal(health.state, 'healthy');
        if (!letters.includes('ff') && letters.includes('s')) {
          assert.equal(health.state, 'healthy');
        }
      }),
    );
  });

  it('is reported again only when state or description change', () => {
    assert.ok(sameReport(after('s'), after('ss')));
    assert.ok(sameReport(after('ff'), after('fff')));
    assert.ok(!sameReport(after('ff'), after('fft')));
    assert.ok(!sameReport(after('f'), after('ff')));
  });
});

describe('matcher', () => {
  it('reads codes and ranges', () => {
    const ranges = parseMatcher('200,300-302');
    assert.ok(ranges);
    assert.deepEqual(
      [199, 200, 201, 300, 302, 303].map((code) => matcherAccepts(ranges, code)),
      [false, true, false, true, true, false],
    );
  });

  for (const text of ['', '20', '200-', '299-200', '200;201', '600', 'ok']) {
    it(`refuses "${text}"`, () => assert.equal(parseMatcher(text), undefined));
  }
});
