import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { DeploymentConfiguration } from '../../generated/messages.ts';
import { isSame } from '../equal.ts';
import { planDeployment } from '../plan.ts';
import type { World } from '../testing.ts';
import { isOver, outcomeOf, withOutcome } from './hooks.ts';
import { isBefore, stepsOf } from './steps.ts';
import { percentOn, servingIn, shiftingWorld, tick } from './testing.ts';

type Deed =
  | { readonly kind: 'update'; readonly definition: string }
  | { readonly kind: 'scale'; readonly desired: number }
  | { readonly kind: 'tick' | 'stop' | 'plan' | 'drain' | 'minute' | 'succeed' | 'fail' }
  | { readonly kind: 'crash'; readonly index: number };

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({
    kind: fc.constant('update' as const),
    definition: fc.constantFrom('app:1', 'app:2', 'app:3'),
  }),
  fc.record({ kind: fc.constant('scale' as const), desired: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    kind: fc.constantFrom(
      ...(['tick', 'tick', 'tick', 'minute', 'plan', 'drain', 'stop', 'succeed', 'fail'] as const),
    ),
  }),
  fc.record({ kind: fc.constant('crash' as const), index: fc.nat({ max: 9 }) }),
);

const HOOKS: DeploymentConfiguration['lifecycleHooks'] = {
  items: [{ hookTargetArn: 'http://hook/', lifecycleStages: ['POST_SCALE_UP'] }],
};

const story = fc.record({
  strategy: fc.constantFrom('BLUE_GREEN' as const, 'LINEAR' as const, 'CANARY' as const),
  hooks: fc.boolean(),
  deeds: fc.array(deed, { maxLength: 40 }),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

function begin({ strategy, hooks }: Story): World {
  const world = shiftingWorld({
    strategy,
    bakeTimeInMinutes: 2,
    ...(strategy === 'LINEAR'
      ? { linearConfiguration: { stepPercent: 40, stepBakeTimeInMinutes: 1 } }
      : {}),
    ...(strategy === 'CANARY'
      ? { canaryConfiguration: { canaryPercent: 7.5, canaryBakeTimeInMinutes: 1 } }
      : {}),
    ...(hooks ? { lifecycleHooks: HOOKS } : {}),
  });
  world.converge();
  return world;
}

function answer(world: World, hookStatus: 'SUCCEEDED' | 'FAILED'): void {
  const { record } = world;
  const hook = record?.deployments[0]?.shift?.hooks.find((each) => !isOver(each));
  if (!record || !hook) return;
  const outcome = outcomeOf(JSON.stringify({ hookStatus }));
  const deployments = withOutcome(record.deployments, hook.hookId, outcome, world.now);
  world.record = { ...record, deployments };
}

function act(world: World, one: Deed): void {
  switch (one.kind) {
    case 'update':
      world.update({ taskDefinition: one.definition });
      return;
    case 'scale':
      world.update({ desiredCount: one.desired });
      return;
    case 'stop':
      world.update({ stopRequestedOf: world.service?.deploymentId });
      return;
    case 'tick':
      tick(world);
      return;
    case 'minute':
      world.now += 60_000;
      return;
    case 'drain':
      world.report('p1', 'drained', ({ state }) => state === 'DRAINING');
      world.stopEnding();
      return;
    case 'plan':
      world.step();
      return;
    case 'succeed':
      answer(world, 'SUCCEEDED');
      return;
    case 'fail':
      answer(world, 'FAILED');
      return;
    case 'crash': {
      const task = world.active()[one.index]?.task;
      if (task) world.crash(task.id);
    }
  }
}

const RUNS = { numRuns: 250 };

/** Tasks passed to an undoing that nobody had written down. */
const CUT_SHORT = [4, 20].map((cut): [Story, number] => [
  {
    strategy: 'BLUE_GREEN',
    hooks: false,
    deeds: [{ kind: 'update', definition: 'app:1' }, { kind: 'stop' }, { kind: 'tick' }],
  },
  cut,
]);

describe('deployment: laws of shifts', () => {
  it('a plan carried out twice is a plan carried out once', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          world.settle();
          const again = planDeployment(world.view(), world.now);
          assert.deepEqual(again.actions, []);
          assert.ok(isSame(again.record, world.record));
        }
      }),
      RUNS,
    );
  });

  it('the weights of a rule always add up to all of its traffic, and never leave the two groups', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          world.step();
          for (const rule of ['l1/prod', 'l1/test']) {
            const sum = percentOn(world, 'blue', rule) + percentOn(world, 'green', rule);
            assert.ok(Math.abs(sum - 100) < 1e-9);
          }
        }
      }),
      RUNS,
    );
  });

  it('a revision gets no production traffic before its shift', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          world.step();
          const [primary] = world.record?.deployments ?? [];
          const { shift } = primary ?? {};
          if (!primary || !shift || shift.back || primary.rolloutState !== 'IN_PROGRESS') continue;
          const shifted = !isBefore(shift.stage, 'PRODUCTION_TRAFFIC_SHIFT') || shift.step > 0;
          if (shifted || shift.stage === 'RECONCILE_SERVICE') continue;
          const own = primary.loadBalancers[0]?.targetGroupArn ?? '';
          assert.equal(percentOn(world, own, 'l1/prod'), 0);
        }
      }),
      RUNS,
    );
  });

  it('no task of a revision with production traffic is ever stopped below the desired count', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          const weighs = new Map(
            ['blue', 'green'].map((group) => [group, percentOn(world, group, 'l1/prod')]),
          );
          const before = countByGroup(world);
          const plan = planDeployment(world.view(), world.now);
          world.apply(plan);
          for (const [group, count] of countByGroup(world)) {
            const was = before.get(group) ?? 0;
            const desired = world.service?.desiredCount ?? 0;
            if ((weighs.get(group) ?? 0) === 0 || count >= was) continue;
            assert.ok(
              count >= Math.min(was, desired),
              `${group}: ${was} became ${count} of ${desired}`,
            );
          }
        }
      }),
      RUNS,
    );
  });

  it('no traffic goes to where fewer serve than it has now, but what a whole revision gets', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          const shares = ['blue', 'green'].map((group) => percentOn(world, group, 'l1/prod') / 100);
          const serving = ['blue', 'green'].map((group) => servingIn(world, group));
          world.step();
          const desired = world.service?.desiredCount ?? 0;
          for (const [index, group] of ['blue', 'green'].entries()) {
            const gains = percentOn(world, group, 'l1/prod') / 100 - (shares[index] ?? 0);
            const here = serving[index] ?? 0;
            const there = serving[1 - index] ?? 0;
            if (gains <= 1e-9 || there === 0) continue;
            assert.ok(here > 0, `${group} has no healthy task, the other group ${there}`);
            assert.ok(
              here >= Math.min(desired, gains * there - 1e-9),
              `${group} gets ${gains} more with ${here} healthy tasks of ${desired}, the other has ${there}`,
            );
          }
        }
      }),
      RUNS,
    );
  });

  it('whatever happened, when the trouble ends all traffic goes to one revision at its full count', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) act(world, one);
        world.update({ taskDefinition: 'app:2', stopRequestedOf: undefined });
        comeToRest(world);
        assert.notEqual(world.record?.steadySince, undefined);
        const { deployments } = world.record ?? { deployments: [] };
        assert.equal(deployments.length, 1);
        const own = deployments[0]?.loadBalancers[0]?.targetGroupArn ?? '';
        assert.equal(percentOn(world, own, 'l1/prod'), 100);
        assert.equal(world.active().length, world.service?.desiredCount);
        assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:2'));
      }),
      RUNS,
    );
  });

  it('a crash between any two actions of a plan changes nothing but the time', () => {
    fc.assert(
      fc.property(story, fc.nat({ max: 30 }), (told, cut) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          const plan = planDeployment(world.view(), world.now);
          const record = cut % 2 === 0 ? world.record : plan.record;
          world.apply({ ...plan, actions: plan.actions.slice(0, cut % 7), record });
        }
        world.update({ taskDefinition: 'app:3', stopRequestedOf: undefined });
        comeToRest(world);
        assert.notEqual(world.record?.steadySince, undefined);
        assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
      }),
      { ...RUNS, examples: CUT_SHORT },
    );
  });

  it('steps rise to all of the traffic', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 1000 }), (tenths) => {
        const linearConfiguration = { stepPercent: tenths / 10 };
        const steps = stepsOf({ strategy: 'LINEAR', linearConfiguration });
        assert.equal(steps.at(-1), 1000);
        assert.ok(steps.every((step, index) => step > (steps[index - 1] ?? 0)));
        assert.equal(steps.length, Math.ceil(1000 / tenths));
      }),
    );
  });
});

function comeToRest(world: World): void {
  for (let round = 0; round < 200; round += 1) {
    tick(world);
    if (world.record?.steadySince !== undefined) return;
    answer(world, 'SUCCEEDED');
    world.now += 60_000;
  }
}

function countByGroup(world: World): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { task } of world.active()) {
    const owner = world.record?.deployments.find(({ id }) => id === task.owner);
    const group = owner?.loadBalancers[0]?.targetGroupArn ?? '';
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return counts;
}
