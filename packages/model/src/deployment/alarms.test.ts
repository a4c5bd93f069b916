import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { AlarmRecord, DeploymentConfiguration } from '../generated/messages.ts';
import { historyOf } from './history.ts';
import { isSame } from './equal.ts';
import { planDeployment } from './plan.ts';
import { World } from './testing.ts';

const NAME = 'web-5xx';

function configuration(change: Partial<DeploymentConfiguration> = {}): DeploymentConfiguration {
  return { alarms: { alarmNames: [NAME], enable: true, rollback: true }, ...change };
}

function begun(change: Partial<DeploymentConfiguration> = {}): World {
  const world = new World({ desiredCount: 2, deploymentConfiguration: configuration(change) });
  world.converge();
  world.messages.length = 0;
  return world;
}

function set(world: World, state: AlarmRecord['state'], name = NAME): void {
  const before = world.alarms.get(name);
  world.alarms.set(name, {
    name,
    state,
    reason: state === 'ALARM' ? 'too many errors' : '',
    since: world.now,
    source: 'test',
    entered: (before?.entered ?? 0) + (state === 'ALARM' && before?.state !== 'ALARM' ? 1 : 0),
    causes: [],
    updatedAt: world.now,
  });
}

function states(world: World): string[] {
  return (world.record?.deployments ?? []).map(
    ({ taskDefinition, rolloutState }) => `${taskDefinition} ${rolloutState}`,
  );
}

describe('deployment alarms', () => {
  it('undo the deployment during which they go into ALARM, in the words of ECS', () => {
    const world = begun();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    set(world, 'ALARM');
    world.settle();
    assert.deepEqual(states(world), ['app:1 IN_PROGRESS', 'app:2 FAILED']);
    const [undoing, failed] = world.record?.deployments ?? [];
    assert.equal(failed?.rolloutStateReason, 'ECS deployment failed: alarm detected.');
    assert.equal(undoing?.rollbackOf, 'ecs-svc/d2');
    const said = world.messages.filter((message) => message.includes('deployment'));
    assert.deepEqual(said, [
      `(service s) (deployment ecs-svc/d2) deployment failed: alarm detected. (alarm ${NAME}) too many errors`,
      '(service s) rolling back to deployment ecs-svc/d1.',
    ]);
    world.converge();
    assert.deepEqual(states(world), ['app:1 COMPLETED']);
  });

  it('only end it where no rollback is asked for', () => {
    const world = begun({ alarms: { alarmNames: [NAME], enable: true, rollback: false } });
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    set(world, 'ALARM');
    world.settle();
    assert.deepEqual(states(world), ['app:2 FAILED', 'app:1 COMPLETED']);
    assert.equal(world.active().filter(({ task }) => task.taskDefinition === 'app:1').length, 2);
  });

  it('are passed over for the whole deployment where one is in ALARM at its begin', () => {
    const world = begun();
    set(world, 'ALARM');
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    set(world, 'OK');
    world.settle();
    set(world, 'ALARM');
    world.converge();
    assert.deepEqual(states(world), ['app:2 COMPLETED']);
  });

  it('count an ALARM that nobody saw because it was over again', () => {
    const world = begun();
    set(world, 'OK');
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    set(world, 'ALARM');
    set(world, 'OK');
    world.settle();
    assert.deepEqual(states(world), ['app:1 IN_PROGRESS', 'app:2 FAILED']);
  });

  it('say nothing of a deployment that is over, nor where they are not enabled', () => {
    const world = begun();
    set(world, 'ALARM');
    world.converge();
    assert.deepEqual(states(world), ['app:1 COMPLETED']);
    const off = begun({ alarms: { alarmNames: [NAME], enable: false, rollback: true } });
    off.update({ taskDefinition: 'app:2' });
    off.settle();
    set(off, 'ALARM');
    off.converge();
    assert.deepEqual(states(off), ['app:2 COMPLETED']);
  });

  it('are watched for the bake time after a rolling update, which stays IN_PROGRESS meanwhile', () => {
    const world = begun({ bakeTimeInMinutes: 10 });
    world.update({ taskDefinition: 'app:2' });
    for (let turn = 0; turn < 4; turn += 1) {
      world.settle();
      world.turn();
    }
    world.settle();
    assert.deepEqual(states(world), ['app:2 IN_PROGRESS', 'app:1 COMPLETED']);
    const until = world.record?.deployments[0]?.alarms?.bakeUntil ?? 0;
    assert.equal(planDeployment(world.view(), world.now).wakeAt, until);
    assert.match(world.record?.deployments[0]?.waitsFor ?? '', /^the bake time, until /);
    const late = new World({ desiredCount: 2, deploymentConfiguration: configuration() });
    Object.assign(late, { record: world.record, service: world.service });
    for (const [id, task] of world.tasks) late.tasks.set(id, task);
    late.now = until;
    late.settle();
    assert.deepEqual(states(late), ['app:2 COMPLETED']);
    set(world, 'ALARM');
    world.settle();
    assert.deepEqual(states(world), ['app:1 IN_PROGRESS', 'app:2 FAILED']);
    world.converge();
    assert.deepEqual(states(world), ['app:1 COMPLETED']);
  });

  it('are told of in the history', () => {
    const world = begun();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    const of = () =>
      historyOf({
        cluster: 'c',
        name: 's',
        service: world.service,
        deployments: world.record?.deployments ?? [],
        known: [],
        begun: true,
        now: world.now,
      }).deployments[0]?.alarms;
    const names = { alarmNames: [NAME] };
    assert.deepEqual(of(), { status: 'MONITORING', ...names, triggeredAlarmNames: [] });
    set(world, 'ALARM');
    world.settle();
    assert.deepEqual(of(), { status: 'TRIGGERED', ...names, triggeredAlarmNames: [NAME] });
  });

  it('whatever happens, a plan that is carried out twice is carried out once', () => {
    const deed = fc.constantFrom('update', 'ALARM', 'OK', 'turn', 'plan', 'rename', 'scale');
    const story = fc.record({
      deeds: fc.array(deed, { maxLength: 30 }),
      rollback: fc.boolean(),
      bake: fc.constantFrom(0, 1, 10),
    });
    fc.assert(
      fc.property(story, ({ deeds, rollback, bake }) => {
        const alarms = { alarmNames: [NAME], enable: true, rollback };
        const world = begun({ alarms, bakeTimeInMinutes: bake });
        let revision = 1;
        for (const one of deeds) {
          if (one === 'update') world.update({ taskDefinition: `app:${(revision += 1) % 3 || 3}` });
          else if (one === 'ALARM' || one === 'OK') set(world, one);
          else if (one === 'turn') world.turn();
          else if (one === 'scale') world.update({ desiredCount: revision % 4 });
          else if (one === 'rename') {
            const names = revision % 2 === 0 ? [NAME] : [NAME, 'other'];
            world.update({
              deploymentConfiguration: configuration({
                alarms: { ...alarms, alarmNames: names },
                bakeTimeInMinutes: bake,
              }),
            });
          }
          world.settle();
          const again = planDeployment(world.view(), world.now);
          assert.deepEqual(again.actions, []);
          assert.ok(isSame(again.record, world.record));
        }
        set(world, 'OK');
        world.converge();
        assert.equal(world.record?.deployments[0]?.rolloutState === 'IN_PROGRESS', false);
      }),
      { numRuns: 150 },
    );
  });
});
