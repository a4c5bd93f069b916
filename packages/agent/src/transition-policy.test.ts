import assert from 'node:assert/strict';

import { RuntimeError, type FailureKind } from './runtime/runtime.ts';
import { decide, retryDelayMs, type Decision, type DriverStep } from './transition-policy.ts';

interface Case {
  readonly step: DriverStep;
  readonly kind: FailureKind;
  readonly failures: number;
  readonly dynamicPorts?: boolean;
  readonly expect: Decision['kind'];
  readonly reason?: RegExp;
}

const CASES: readonly Case[] = [
  {
    step: 'pull',
    kind: 'gone',
    failures: 1,
    expect: 'failed',
    reason: /^CannotPullContainerError: Failed to pull image nope:1: /,
  },
  { step: 'pull', kind: 'server', failures: 1, expect: 'retry' },
  {
    step: 'pull',
    kind: 'server',
    failures: 3,
    expect: 'failed',
    reason: /^CannotPullContainerError/,
  },
  { step: 'pull', kind: 'busy', failures: 2, expect: 'retry' },
  {
    step: 'pull',
    kind: 'timeout',
    failures: 3,
    expect: 'failed',
    reason: /^CannotPullContainerError/,
  },
  {
    step: 'volume',
    kind: 'invalid',
    failures: 1,
    expect: 'failed',
    reason: /^CannotCreateVolumeError/,
  },
  {
    step: 'create',
    kind: 'invalid',
    failures: 1,
    expect: 'failed',
    reason: /^CannotCreateContainerError: because$/,
  },
  { step: 'create', kind: 'gone', failures: 1, expect: 'pull-again' },
  { step: 'create', kind: 'gone', failures: 3, expect: 'failed' },
  { step: 'create', kind: 'conflict', failures: 1, expect: 'retry' },
  { step: 'create', kind: 'conflict', failures: 3, expect: 'another-name' },
  { step: 'create', kind: 'conflict', failures: 4, expect: 'failed' },
  {
    step: 'create',
    kind: 'timeout',
    failures: 1,
    expect: 'failed',
    reason: /^DockerTimeoutError: Could not transition to created; /,
  },
  { step: 'start', kind: 'port-taken', failures: 1, dynamicPorts: true, expect: 'another-port' },
  { step: 'start', kind: 'port-taken', failures: 5, dynamicPorts: true, expect: 'failed' },
  {
    step: 'start',
    kind: 'port-taken',
    failures: 1,
    expect: 'failed',
    reason: /^CannotStartContainerError: because$/,
  },
  {
    step: 'start',
    kind: 'invalid',
    failures: 1,
    expect: 'failed',
    reason: /^CannotStartContainerError/,
  },
  {
    step: 'start',
    kind: 'timeout',
    failures: 1,
    expect: 'failed',
    reason: /^DockerTimeoutError: Could not transition to running; /,
  },
  { step: 'stop', kind: 'server', failures: 4, expect: 'retry' },
  { step: 'stop', kind: 'timeout', failures: 4, expect: 'retry' },
  {
    step: 'stop',
    kind: 'server',
    failures: 5,
    expect: 'failed',
    reason: /^CannotStopContainerError/,
  },
];

function decided(one: Case): Decision {
  const { step, kind, failures, dynamicPorts = false } = one;
  const error = new RuntimeError(kind, 'inspect', 'because');
  return decide({ step, error, failures, dynamicPorts, subject: 'nope:1' });
}

describe('decide', () => {
  for (const one of CASES) {
    it(`${one.step} that fails as ${one.kind} for the ${String(one.failures)}. time: ${one.expect}`, () => {
      const decision = decided(one);
      assert.equal(decision.kind, one.expect);
      if (one.reason) assert.match(decision.kind === 'failed' ? decision.reason : '', one.reason);
    });
  }

  it('never declares anything dead because the engine is silent', () => {
    for (const step of ['pull', 'volume', 'create', 'start', 'stop', 'look'] as const) {
      for (const failures of [1, 10, 1000]) {
        assert.equal(decided({ step, kind: 'engine', failures, expect: 'retry' }).kind, 'retry');
      }
    }
  });

  it('looks again after everything that may nevertheless have happened', () => {
    for (const step of ['create', 'start'] as const) {
      for (const kind of ['engine', 'timeout'] as const) {
        const decision = decided({ step, kind, failures: 1, expect: 'retry' });
        assert.equal('uncertain' in decision && decision.uncertain, true);
      }
    }
  });

  it('waits longer each time, up to a bound', () => {
    const delays = [1, 2, 3, 4, 50].map(retryDelayMs);
    assert.deepEqual(delays, [500, 1000, 2000, 4000, 15_000]);
  });
});
