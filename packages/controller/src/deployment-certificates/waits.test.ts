import assert from 'node:assert/strict';

import type { TaskView } from '@berth/model/deployment/view.ts';
import type { ServiceDeploymentRecord } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';

import { waitOf, WAITS } from './waits.ts';

const DEPLOYMENT: ServiceDeploymentRecord = complete('ServiceDeploymentRecord', {
  cluster: 'c',
  service: 's',
  id: 'x',
  deploymentId: 'ecs-svc/2',
  requestedTaskCount: 1,
});
const HEALTHY = { lastStatus: 'RUNNING', healthStatus: 'HEALTHY' };
const HOOK = { hookId: 'h', lifecycleStage: 'POST_SCALE_UP' };

/** With one task of the deployment. @param primary fields of its DeploymentRecord */
function waitWith(status: object, primary: object = {}, task: object = {}): string {
  const own = { id: 't', cluster: 'c', service: 's', owner: 'ecs-svc/2', ...task };
  const view: TaskView = {
    task: complete('TaskRecord', own),
    status: complete('TaskStatusRecord', { id: 't', cluster: 'c', ...status }),
    targets: [],
  };
  return waitOf(DEPLOYMENT, complete('DeploymentRecord', { id: 'ecs-svc/2', ...primary }), [view]);
}

const shift = (change: object): object => ({ shift: { stage: 'POST_SCALE_UP', ...change } });

describe('what a deployment waits for', () => {
  it('is its tasks, as long as one of them is not healthy', () => {
    assert.equal(waitWith({ lastStatus: 'PENDING' }), WAITS.start);
    assert.equal(waitWith({ ...HEALTHY, healthStatus: 'UNHEALTHY' }), WAITS.health);
    assert.equal(waitWith({ ...HEALTHY, healthStatus: 'UNKNOWN' }), WAITS.settle);
    assert.equal(waitWith(HEALTHY, {}, { owner: 'ecs-svc/1' }), WAITS.room);
    assert.equal(waitWith(HEALTHY), WAITS.stage);
  });

  it('is the old tasks, until they are gone', () => {
    const ending = { desiredStatus: 'STOPPED', owner: 'ecs-svc/1' };
    assert.equal(waitWith(HEALTHY, {}, { ...ending, drainBeforeStop: true }), WAITS.drain);
    assert.equal(waitWith(HEALTHY, {}, ending), WAITS.stop);
  });

  it('is a person, a hook or a bake time, once tasks are not to blame', () => {
    const asked = { ...HOOK, targetType: 'AWS_LAMBDA', status: 'IN_PROGRESS' };
    const paused = { ...HOOK, targetType: 'PAUSE', status: 'AWAITING_ACTION' };
    const over = { ...paused, status: 'SUCCEEDED' };
    const unknown = { lastStatus: 'RUNNING', healthStatus: 'UNKNOWN' };
    assert.equal(waitWith(unknown, shift({ hooks: [asked, paused] })), WAITS.word);
    assert.equal(waitWith(HEALTHY, shift({ hooks: [asked, over] })), WAITS.hooks);
    assert.equal(waitWith(HEALTHY, shift({ hooks: [over] })), WAITS.stage);
    assert.equal(waitWith(HEALTHY, shift({ bakeSince: 5 })), WAITS.bake);
    assert.equal(waitWith(HEALTHY, shift({ stage: 'BAKE_TIME' })), WAITS.bake);
    assert.equal(waitWith(HEALTHY, { alarms: { bakeUntil: 5 } }), WAITS.bake);
    assert.equal(waitWith({ lastStatus: 'PENDING' }, shift({ bakeSince: 5 })), WAITS.start);
  });
});
