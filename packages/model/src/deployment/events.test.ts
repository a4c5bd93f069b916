import assert from 'node:assert/strict';

import { announce, REPEAT_AFTER_MS } from './announcements.ts';
import { serviceEvent, stoppedReason, text } from './events.ts';
import { afterPlacement, type Placement } from './placed.ts';
import { World } from './testing.ts';

const D = 'ecs-svc/1234567890123456789';
const MANUAL =
  'For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.';

/** The catalogue of the ECS reference, section 6.11. */
const TEXTS: readonly (readonly [found: string, expected: string])[] = [
  [text.steady, 'has reached a steady state.'],
  [text.started(['a', 'b'], 0), 'has started 2 tasks: (task a) (task b).'],
  [
    text.started(['a'], 1),
    'has started 1 tasks: (task a). Amazon ECS replaced 1 tasks due to an unhealthy status.',
  ],
  [text.stoppedRunning(['a']), 'has stopped 1 running tasks: (task a).'],
  [text.stoppedPending(3), 'stopped 3 pending tasks.'],
  [text.registered(2, 'web'), 'registered 2 targets in (target-group web)'],
  [text.deregistered(2, 'web'), 'deregistered 2 targets in (target-group web)'],
  [text.draining(2), 'has begun draining connections on 2 tasks.'],
  [text.completed(D), `(deployment ${D}) deployment completed.`],
  [text.failed(D), `(deployment ${D}) deployment failed: tasks failed to start.`],
  [text.rollingBack(D), `rolling back to deployment ${D}.`],
  [
    text.unhealthy('a', {
      kind: 'target',
      group: 'web',
      port: 8,
      reason: 'Health checks failed with these codes: [503]',
    }),
    '(task a) (port 8) is unhealthy in (target-group web) due to (reason Health checks failed with these codes: [503])',
  ],
  [
    text.unhealthy('a', { kind: 'container', container: 'web', output: ' curl: (7)\n' }),
    '(task a) failed container health checks. The check of (container web) failed: curl: (7)',
  ],
  [
    text.unhealthy('a', { kind: 'container', container: 'web' }),
    '(task a) failed container health checks. The check of (container web) failed without any output',
  ],
  [
    text.unplaced({ count: 1, refusals: [] }),
    `was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster. ${MANUAL}`,
  ],
  [
    text.unplaced({
      count: 1,
      refusals: [{ reason: 'RESOURCE:MEMORY', hosts: 1 }],
      closestHostId: 'h',
      closestReason: 'has insufficient memory available',
    }),
    `was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance h) has insufficient memory available. ${MANUAL}`,
  ],
  [
    text.unplaced({ count: 1, refusals: [{ reason: 'DRAINING', hosts: 2 }] }),
    `was unable to place a task because no container instance met all of its requirements. Reason: all container instances were refused: DRAINING on 2. ${MANUAL}`,
  ],
  [
    text.refused('TaskDefinition not found.'),
    'was unable to place a task. Reason: TaskDefinition not found.',
  ],
  [text.impaired(undefined), `is unable to consistently start tasks successfully. ${MANUAL}`],
  [
    text.stuck,
    'was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.',
  ],
  [stoppedReason.scaling(D), `Scaling activity initiated by (deployment ${D})`],
  [stoppedReason.hostLost('h'), 'Host EC2 (instance h) terminated.'],
  [
    stoppedReason.unhealthy({ kind: 'target', group: 'web', port: 8, reason: 'x' }),
    'Task failed ELB health checks in (target-group web)',
  ],
  [
    stoppedReason.unhealthy({ kind: 'container', container: 'web' }),
    'Task failed container health checks',
  ],
  [serviceEvent('web', text.steady), '(service web) has reached a steady state.'],
];

describe('deployment: events', () => {
  for (const [found, expected] of TEXTS) {
    it(expected, () => {
      assert.equal(found, expected);
    });
  }

  it('names at most twenty tasks', () => {
    const many = Array.from({ length: 25 }, (_, index) => `t${index}`);
    assert.match(
      text.stoppedRunning(many),
      /^has stopped 25 running tasks: .*\(task t19\) and 5 more\.$/,
    );
  });

  it('says the same again only after six hours, or when it had passed', () => {
    const concern = [{ key: 'k', message: 'm' }];
    const gone = (): boolean => true;
    const first = announce({}, concern, gone, 1000);
    assert.deepEqual(first, { announced: { k: 1000 }, messages: ['m'] });
    const later = announce(first.announced, concern, gone, 1000 + REPEAT_AFTER_MS - 1);
    assert.deepEqual(later.messages, []);
    assert.deepEqual(announce(later.announced, concern, gone, 1000 + REPEAT_AFTER_MS).messages, [
      'm',
    ]);
    const passed = announce(later.announced, [], gone, 2000);
    assert.deepEqual(passed, { announced: {}, messages: [] });
    assert.deepEqual(announce(passed.announced, concern, gone, 2001).messages, ['m']);
  });

  it('repeats the steady state every six hours', () => {
    const world = new World({ desiredCount: 1 });
    world.converge();
    const steady = (): number =>
      world.messages.filter((message) => message.endsWith('has reached a steady state.')).length;
    assert.equal(steady(), 1);
    world.now += REPEAT_AFTER_MS;
    world.settle();
    assert.equal(steady(), 2);
  });
});

describe('deployment: the answer of the scheduler', () => {
  const start = { deploymentId: 'ecs-svc/d1', taskDefinition: 'app:1', count: 2, replacing: 0 };
  const refused: Placement = {
    start,
    taskIds: [],
    unplaced: [{ count: 2, refusals: [], closestHostId: 'h', closestReason: 'is full' }],
    underWay: false,
    due: true,
  };

  function record() {
    const world = new World();
    world.step();
    assert.ok(world.record);
    return world.record;
  }

  it('counts a refusal once, however many tasks it was about, and tells of it once', () => {
    const first = afterPlacement(record(), refused, 1);
    assert.equal(first.record.deployments[0]?.failedTasks, 1);
    assert.equal(first.events.length, 1);
    const second = afterPlacement(first.record, refused, 2);
    assert.equal(second.record.deployments[0]?.failedTasks, 2);
    assert.equal(second.events.length, 0);
  });

  it('counts none while tasks are under way, some were placed, or only capacity had changed', () => {
    for (const change of [{ underWay: true }, { taskIds: ['t'] }, { due: false }]) {
      const found = afterPlacement(record(), { ...refused, ...change }, 1);
      assert.equal(found.record.deployments[0]?.failedTasks, 0);
    }
  });

  it('forgets refusals when a task is placed, so that the next one is told of', () => {
    const first = afterPlacement(record(), refused, 1);
    const placed = afterPlacement(first.record, { ...refused, taskIds: ['t'], unplaced: [] }, 2);
    assert.deepEqual(
      placed.events.map(({ message }) => message),
      ['(service s) has started 1 tasks: (task t).'],
    );
    assert.equal(afterPlacement(placed.record, refused, 3).events.length, 1);
  });
});
