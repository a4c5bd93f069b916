import assert from 'node:assert/strict';

import type { DeploymentConfiguration, TrafficShift } from '../generated/messages.ts';
import { type Headcount, secondsLeft } from './estimate.ts';
import { advanced } from './shifting/testing.ts';

const MINUTE = 60_000;

describe('deployment: the time left', () => {
  const rolling = (running: number, took: number, more: Partial<Headcount> = {}) =>
    secondsLeft(advanced({}), { desired: 4, running, others: 4, ...more }, took);
  const shifting = (
    configuration: DeploymentConfiguration,
    shift: Partial<TrafficShift>,
    now: number,
    more: Partial<Headcount> = {},
  ): number | undefined => {
    const deployment = advanced({}, { configuration, ...shift });
    return secondsLeft(deployment, { desired: 4, running: 4, others: 4, ...more }, now);
  };

  it('of a rolling update follows from the tasks that run', () => {
    assert.equal(rolling(0, MINUTE), undefined);
    assert.equal(rolling(1, MINUTE), 180);
    assert.equal(rolling(3, MINUTE), 20);
    assert.equal(rolling(4, MINUTE, { others: 0 }), 0);
  });

  it('of old tasks is no longer than they may drain', () => {
    assert.equal(rolling(4, MINUTE), undefined);
    assert.equal(rolling(4, MINUTE, { others: 1, drainedAt: 2 * MINUTE }), 60);
    assert.equal(rolling(4, 3 * MINUTE, { others: 1, drainedAt: 2 * MINUTE }), 0);
  });

  it('of a shift is what it waits for on purpose', () => {
    const linear: DeploymentConfiguration = {
      strategy: 'LINEAR',
      bakeTimeInMinutes: 1,
      linearConfiguration: { stepPercent: 25, stepBakeTimeInMinutes: 2 },
    };
    assert.equal(shifting(linear, { stage: 'SCALE_UP' }, MINUTE, { running: 0 }), undefined);
    assert.equal(shifting(linear, { stage: 'SCALE_UP' }, MINUTE, { running: 2 }), 7 * 60 + 60);
    assert.equal(shifting(linear, { stage: 'POST_SCALE_UP' }, MINUTE), 3 * 120 + 60);
    const second = { stage: 'PRODUCTION_TRAFFIC_SHIFT' as const, step: 1, bakeSince: 0 };
    assert.equal(shifting(linear, second, MINUTE), 2 * 120 - 60 + 60);
    assert.equal(shifting(linear, { stage: 'BAKE_TIME' }, 20_000), 40);
    assert.equal(shifting(linear, { stage: 'CLEAN_UP' }, MINUTE, { others: 0 }), 0);
  });

  it('is not known while somebody has to answer', () => {
    const hook = {
      hookId: 'ecs-pause-1',
      targetType: 'PAUSE' as const,
      targetArn: '',
      status: 'AWAITING_ACTION' as const,
      lifecycleStage: 'POST_SCALE_UP',
      since: 0,
      expiresAt: 1,
      timeoutAction: 'ROLLBACK' as const,
      calls: 0,
    };
    const bake = { strategy: 'BLUE_GREEN' as const, bakeTimeInMinutes: 1 };
    assert.equal(shifting(bake, { stage: 'POST_SCALE_UP', hooks: [hook] }, MINUTE), undefined);
  });
});
