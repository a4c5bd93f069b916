import assert from 'node:assert/strict';

import fc from 'fast-check';

import { isSame } from './equal.ts';
import { limitsOf } from './limits.ts';
import { planDeployment } from './plan.ts';
import { groupRecord, World } from './testing.ts';
import { THROTTLE_MAX_MS } from './throttle.ts';

type Deed =
  | { readonly kind: 'update'; readonly definition: string }
  | { readonly kind: 'scale'; readonly desired: number }
  | {
      readonly kind:
        'run' | 'pass' | 'gone' | 'plan' | 'report' | 'drain' | 'lose' | 'doom' | 'leave' | 'stay';
    }
  | { readonly kind: 'crash' | 'sick' | 'well'; readonly index: number };

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({
    kind: fc.constant('update' as const),
    definition: fc.constantFrom('app:1', 'app:2', 'app:3'),
  }),
  fc.record({ kind: fc.constant('scale' as const), desired: fc.nat({ max: 6 }) }),
  fc.record({
    kind: fc.constantFrom(
      ...([
        'run',
        'pass',
        'gone',
        'plan',
        'plan',
        'report',
        'drain',
        'lose',
        'doom',
        'doom',
      ] as const),
    ),
  }),
  fc.record({
    kind: fc.constantFrom('crash' as const, 'sick' as const, 'well' as const),
    index: fc.nat({ max: 9 }),
  }),
);

const story = fc.record({
  minimum: fc.constantFrom(0, 50, 100),
  maximum: fc.constantFrom(100, 150, 200),
  rollback: fc.boolean(),
  balanced: fc.boolean(),
  desired: fc.integer({ min: 0, max: 6 }),
  begun: fc.boolean(),
  deeds: fc.array(deed, { maxLength: 40 }),
});

type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

function begin({ minimum, maximum, rollback, balanced, desired, begun }: Story): World {
  const world = new World({
    desiredCount: desired,
    deploymentConfiguration: {
      minimumHealthyPercent: minimum,
      maximumPercent: maximum,
      deploymentCircuitBreaker: { enable: rollback, rollback },
    },
    loadBalancers: balanced
      ? [{ targetGroupArn: 'web', containerName: 'web', containerPort: 80 }]
      : [],
  });
  world.groups.set('web', groupRecord('web', 30));
  world.proxies = ['p1', 'p2'];
  if (begun) world.converge();
  return world;
}

function act(world: World, one: Deed): void {
  switch (one.kind) {
    case 'update':
      world.update({ taskDefinition: one.definition });
      return;
    case 'scale':
      world.update({ desiredCount: one.desired });
      return;
    case 'run':
      world.run();
      return;
    case 'pass':
      world.now += 41_000;
      return;
    case 'gone':
      world.stopEnding();
      return;
    case 'report':
      for (const proxy of world.proxies) {
        world.report(proxy, 'healthy', ({ state }) => state === 'REGISTERED');
      }
      return;
    case 'drain':
      for (const proxy of world.proxies) {
        world.report(proxy, 'drained', ({ state }) => state === 'DRAINING');
      }
      return;
    case 'leave':
      world.drainHost('h1');
      return;
    case 'stay':
      world.addHost('h1');
      return;
    case 'lose':
      world.changeHost('h3', { connected: false, goneSince: world.now });
      return;
    case 'doom':
      for (let round = 0; round < 3; round += 1) {
        for (const { task, status } of world.active()) if (!status) world.crash(task.id);
        world.settle();
        world.now += THROTTLE_MAX_MS;
        world.settle();
      }
      return;
    case 'plan':
      world.step();
      return;
    default: {
      const { task, status } = world.active()[one.index] ?? {};
      if (!task) return;
      if (one.kind === 'crash') world.crash(task.id);
      else if (status)
        world.containerHealth(task.id, one.kind === 'sick' ? 'UNHEALTHY' : 'HEALTHY');
    }
  }
}

const RUNS = { numRuns: 400 };

describe('deployment: laws', () => {
  it('a plan carried out twice is a plan carried out once', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          world.settle(); // throws when it does not come to rest
          const again = planDeployment(world.view(), world.now);
          assert.deepEqual(again.actions, []);
          assert.ok(isSame(again.record, world.record));
        }
      }),
      RUNS,
    );
  });

  it('a plan never goes below the minimum nor above the maximum by its own doing', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          const { service } = world;
          assert.ok(service);
          const { maxTotal } = limitsOf(service, service.desiredCount);
          const before = world.active().length;
          world.step(); // checks the minimum itself, by an invariant
          assert.ok(world.active().length <= Math.max(before, maxTotal));
        }
      }),
      RUNS,
    );
  });

  it('a service that is not ACTIVE starts nothing', () => {
    fc.assert(
      fc.property(story, fc.constantFrom('DRAINING', 'INACTIVE', undefined), (told, status) => {
        const world = begin(told);
        for (const one of told.deeds) act(world, one);
        world.service = status && world.service ? { ...world.service, status } : undefined;
        const { actions } = planDeployment(world.view(), world.now);
        assert.ok(actions.every(({ kind }) => kind !== 'startTasks'));
      }),
      RUNS,
    );
  });

  it('a failed deployment starts nothing', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin(told);
        for (const one of told.deeds) {
          act(world, one);
          const { actions, record } = planDeployment(world.view(), world.now);
          const failed = record?.deployments.filter(
            ({ rolloutState }) => rolloutState === 'FAILED',
          );
          for (const action of actions) {
            if (action.kind !== 'startTasks') continue;
            assert.ok(failed?.every(({ id }) => id !== action.start.deploymentId));
          }
          world.step();
        }
      }),
      RUNS,
    );
  });

  it('whatever happened, when the trouble ends the service becomes steady', () => {
    fc.assert(
      fc.property(story, (told) => {
        const world = begin({ ...told, minimum: 100, maximum: 200 });
        for (const one of told.deeds) act(world, one);
        world.changeHost('h3', { connected: true, goneSince: undefined });
        world.addHost('h1');
        for (const { task, status } of world.active()) {
          if (status) world.containerHealth(task.id, 'UNKNOWN');
        }
        // A deployment that has failed stays so; a person would try again.
        world.converge(40);
        if (world.record?.deployments[0]?.rolloutState === 'FAILED') {
          world.update({ taskDefinition: 'app:1' });
          world.converge(40);
        }
        assert.notEqual(world.record?.steadySince, undefined);
        assert.equal(world.record?.deployments.length, 1);
        assert.equal(world.active().length, world.service?.desiredCount);
      }),
      RUNS,
    );
  });
});
