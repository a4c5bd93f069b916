import assert from 'node:assert/strict';

import { daemonEvent, rolloutReason, serviceEvent, text } from '../deployment/events.ts';
import type { HostRecord, TaskRecord, TaskStatusRecord } from '../generated/messages.ts';
import { arn } from '../resources/arn.ts';
import { hookChange, hostChange, serviceAction, shapeOf, taskChange } from './shapes.ts';

const REALM = { region: 'eu-1', account: '123456789012' };
const PLACE = { realm: REALM, cluster: 'c', now: Date.UTC(2026, 0, 2, 3, 4, 5, 6) };
const AT = '2026-01-02T03:04:05.006Z';
const D = 'ecs-svc/1';
const ID = 'a'.repeat(32);
const HOST = 'b'.repeat(32);
const CLUSTER_ARN = arn.cluster(REALM, 'c');
const SERVICE_ARN = arn.service(REALM, 'c', 'web');
const REMAINING = { cpu: 768, memory: 1024, ports: [22, 8080], portsUdp: [], gpuIds: [] };
const DAEMON_TEXT = '(daemon service web) updated desired count to 2.';
const ZONES = new Map([
  ['a', 3],
  ['b', 1],
]);

function told(kind: 'service' | 'deployment', message: string, subject = 'web') {
  const shape = shapeOf({ kind, subject, service: 'web', message }, PLACE);
  return { ...shape, detail: JSON.parse(shape.detail ?? '{}') as Record<string, unknown> };
}

/** What ECS calls each message of its catalogue. Source: ECS reference, sections 6.11 and 10.3. */
const ACTIONS: readonly (readonly [text: string, name: string, type: string])[] = [
  [text.steady, 'SERVICE_STEADY_STATE', 'INFO'],
  [text.started([ID], 0), 'TASKS_STARTED', 'INFO'],
  [text.started([ID], 1), 'TASKS_STARTED', 'INFO'],
  [text.startedInZone([ID], 'a'), 'TASKS_STARTED', 'INFO'],
  [text.stoppedRunning([ID]), 'TASKS_STOPPED', 'INFO'],
  [text.stoppedInZone([ID], 'a'), 'TASKS_STOPPED', 'INFO'],
  [text.computedCount(3, D), 'SERVICE_DESIRED_COUNT_UPDATED', 'INFO'],
  [text.zonesUnbalanced(ZONES), 'SERVICE_REBALANCING_STARTED', 'INFO'],
  [text.zonesBalanced(ZONES), 'SERVICE_REBALANCING_COMPLETED', 'INFO'],
  [text.zonesStopped, 'SERVICE_REBALANCING_STOPPED', 'INFO'],
  [text.shielded(D, 2), 'TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION', 'INFO'],
  [text.impaired('exit 1'), 'SERVICE_TASK_START_IMPAIRED', 'WARN'],
  [text.unplaced({ count: 1, refusals: [] }), 'SERVICE_TASK_PLACEMENT_FAILURE', 'ERROR'],
  [text.unplacedInZone('a'), 'SERVICE_TASK_PLACEMENT_FAILURE', 'ERROR'],
  [text.refused('TaskDefinition not found.'), 'SERVICE_TASK_CONFIGURATION_FAILURE', 'ERROR'],
  [text.noTargetGroup(ID, 'web'), 'SERVICE_TASK_CONFIGURATION_FAILURE', 'ERROR'],
  [text.noHostPort(ID, 'main', 80, 'web'), 'SERVICE_TASK_CONFIGURATION_FAILURE', 'ERROR'],
];

/** What EventBridge gets no event of. */
const MESSAGES = [
  text.stoppedPending(1),
  text.registered(1, 'web'),
  text.deregistered(1, 'web'),
  text.draining(1),
  text.completed(D),
  text.failed(D),
  text.rollingBack(D),
  text.unhealthy(ID, { kind: 'container', container: 'main' }),
  text.stage(D, 'BAKE_TIME'),
  text.shifted(D, 'test', 100),
  text.ended(D, 'why'),
  text.stopRequested(D),
  text.stuck,
];

describe('shapes of events', () => {
  for (const [message, eventName, eventType] of ACTIONS) {
    it(`"${message.slice(0, 60)}" is ${eventName}`, () => {
      const { detailType, resources, detail } = told('service', serviceEvent('web', message));
      assert.equal(detailType, 'ECS Service Action');
      assert.deepEqual(resources, [SERVICE_ARN]);
      assert.equal(detail['eventName'], eventName);
      assert.equal(detail['eventType'], eventType);
      assert.equal(detail['clusterArn'], CLUSTER_ARN);
      assert.equal(detail['createdAt'], AT);
      assert.equal(detail['reason'], eventType === 'INFO' ? undefined : message);
    });
  }

  it('messages that are no actions of ECS have a shape of our own', () => {
    for (const message of MESSAGES) {
      assert.equal(serviceAction(serviceEvent('web', message)), undefined, message);
      const { detailType, resources, detail } = told('service', serviceEvent('web', message));
      assert.equal(detailType, 'Berth Service Message');
      assert.deepEqual(resources, [SERVICE_ARN]);
      assert.deepEqual(detail, {
        clusterArn: CLUSTER_ARN,
        serviceArn: SERVICE_ARN,
        createdAt: AT,
        message: serviceEvent('web', message),
      });
    }
  });

  it('name the tasks and hosts that they are about', () => {
    const started = told('service', serviceEvent('web', text.started([ID], 0)));
    assert.deepEqual(started.detail['taskArns'], [arn.task(REALM, 'c', ID)]);
    const refused = { count: 1, refusals: [], closestHostId: HOST, closestReason: 'is full' };
    const unplaced = told('service', serviceEvent('web', text.unplaced(refused)));
    assert.deepEqual(unplaced.detail['containerInstanceArns'], [arn.host(REALM, 'c', HOST)]);
  });

  it('of a computed desired count have the count, and the task set if it is of one', () => {
    const set = told('service', serviceEvent('web', text.computedCount(12, D)));
    assert.equal(set.detail['desiredCount'], 12);
    assert.deepEqual(set.detail['taskSetArns'], [arn.taskSet(REALM, 'c', 'web', D)]);
    const daemon = told('service', daemonEvent('web', text.computedCount(0)));
    assert.deepEqual(daemon.detail, {
      eventType: 'INFO',
      eventName: 'SERVICE_DESIRED_COUNT_UPDATED',
      clusterArn: CLUSTER_ARN,
      createdAt: AT,
      desiredCount: 0,
    });
    assert.equal(daemonEvent('web', text.computedCount(2)), DAEMON_TEXT);
    const steady = told('service', serviceEvent('web', text.stability('STEADY_STATE'), D));
    assert.deepEqual(steady.detail['taskSetArns'], [arn.taskSet(REALM, 'c', 'web', D)]);
    assert.ok(!('desiredCount' in steady.detail));
  });

  for (const [status, eventType] of [
    ['AWAITING_ACTION', 'INFO'],
    ['IN_PROGRESS', 'INFO'],
    ['SUCCEEDED', 'INFO'],
    ['FAILED', 'ERROR'],
    ['TIMED_OUT', 'ERROR'],
  ] as const) {
    it(`of a hook that is ${status} is HOOK_${status}`, () => {
      const hook = {
        hookId: 'ecs-pause-1',
        targetType: 'PAUSE',
        targetArn: '',
        status,
        lifecycleStage: 'POST_SCALE_UP',
        since: 0,
        expiresAt: PLACE.now,
        timeoutAction: 'ROLLBACK',
        calls: 0,
      } as const;
      const deployment = { cluster: 'c', service: 'web', id: 'x' };
      const shape = hookChange({ realm: REALM, deployment, hook, now: PLACE.now });
      const serviceDeploymentArn = arn.serviceDeployment(REALM, 'c', 'web', 'x');
      assert.equal(shape.detailType, 'ECS Hook State Change');
      assert.deepEqual(shape.resources, [serviceDeploymentArn]);
      assert.deepEqual(JSON.parse(shape.detail ?? ''), {
        eventType,
        eventName: `HOOK_${status}`,
        hookId: 'ecs-pause-1',
        hookType: 'PAUSE',
        expiresAt: AT,
        lifecycleStage: 'POST_SCALE_UP',
        clusterArn: CLUSTER_ARN,
        serviceArn: SERVICE_ARN,
        serviceDeploymentArn,
        updatedAt: AT,
      });
    });
  }

  for (const [reason, eventName, eventType] of [
    [rolloutReason.inProgress(D), 'SERVICE_DEPLOYMENT_IN_PROGRESS', 'INFO'],
    [rolloutReason.undoingTripped(D), 'SERVICE_DEPLOYMENT_IN_PROGRESS', 'INFO'],
    [rolloutReason.undoingEnded(D, 'why'), 'SERVICE_DEPLOYMENT_IN_PROGRESS', 'INFO'],
    [rolloutReason.undoingStopped(D), 'SERVICE_DEPLOYMENT_IN_PROGRESS', 'INFO'],
    [rolloutReason.completed(D), 'SERVICE_DEPLOYMENT_COMPLETED', 'INFO'],
    [rolloutReason.tripped, 'SERVICE_DEPLOYMENT_FAILED', 'ERROR'],
    [rolloutReason.stopped, 'SERVICE_DEPLOYMENT_FAILED', 'ERROR'],
    [rolloutReason.ended('why'), 'SERVICE_DEPLOYMENT_FAILED', 'ERROR'],
  ] as const) {
    it(`"${reason}" is ${eventName}`, () => {
      const { detailType, resources, detail } = told('deployment', reason, D);
      assert.equal(detailType, 'ECS Deployment State Change');
      assert.deepEqual(resources, [SERVICE_ARN]);
      assert.deepEqual(detail, { eventType, eventName, deploymentId: D, updatedAt: AT, reason });
    });
  }

  it('of a task is the Task of ECS without health and tags, with times as texts', () => {
    const task = {
      cluster: 'c',
      id: ID,
      hostId: HOST,
      taskDefinition: 'app:1',
      desiredStatus: 'STOPPED',
      group: 'service:web',
      stopCode: 'EssentialContainerExited',
      createdAt: 1000,
      reserved: { cpu: 256, memory: 512, ports: [], portsUdp: [] },
      tags: [{ key: 'k', value: 'v' }],
    } as unknown as TaskRecord;
    const status = {
      lastStatus: 'STOPPED',
      healthStatus: 'UNHEALTHY',
      startedAt: 2000,
      stoppedAt: 3000,
      containers: [
        { name: 'main', lastStatus: 'STOPPED', exitCode: 1, reason: 'why', networkBindings: [] },
      ],
    } as unknown as TaskStatusRecord;
    const shape = taskChange({
      realm: REALM,
      task,
      status,
      lastStatus: 'STOPPED',
      definition: undefined,
      host: undefined,
      connectedAt: 500,
      version: 7,
      now: PLACE.now,
    });
    assert.equal(shape.detailType, 'ECS Task State Change');
    assert.deepEqual(shape.resources, [arn.task(REALM, 'c', ID)]);
    const detail = JSON.parse(shape.detail ?? '') as Record<string, unknown>;
    for (const field of ['healthStatus', 'tags']) assert.ok(!(field in detail), field);
    const { clusterArn, containerInstanceArn, cpu, memory, stopCode, version } = detail;
    assert.deepEqual(
      { clusterArn, containerInstanceArn, cpu, memory, stopCode, version },
      {
        clusterArn: CLUSTER_ARN,
        containerInstanceArn: arn.host(REALM, 'c', HOST),
        cpu: '256',
        memory: '512',
        stopCode: 'EssentialContainerExited',
        version: 7,
      },
    );
    assert.equal(detail['startedAt'], '1970-01-01T00:00:02.000Z');
    assert.equal(detail['updatedAt'], AT);
    const [container] = detail['containers'] as Record<string, unknown>[];
    assert.equal(container?.['exitCode'], 1);
    assert.equal(container['taskArn'], arn.task(REALM, 'c', ID));
  });

  it('of a host tells what it has and what is left, as ECS lists resources', () => {
    const shape = hostChange({
      realm: REALM,
      host: {
        cluster: 'c',
        id: HOST,
        attributes: [],
        agentVersion: '1',
        engineVersion: '29',
        registeredAt: 0,
        registeredResources: { cpu: 1024, memory: 2048, ports: [22], portsUdp: [], gpuIds: [] },
      } as unknown as HostRecord,
      connected: true,
      remaining: REMAINING,
      version: 3,
      now: PLACE.now,
      status: 'DRAINING',
    });
    assert.equal(shape.detailType, 'ECS Container Instance State Change');
    assert.deepEqual(shape.resources, [arn.host(REALM, 'c', HOST)]);
    const detail = JSON.parse(shape.detail ?? '') as Record<string, unknown>;
    assert.deepEqual(detail['remainingResources'], [
      { name: 'CPU', type: 'INTEGER', integerValue: 768 },
      { name: 'MEMORY', type: 'INTEGER', integerValue: 1024 },
      { name: 'PORTS', type: 'STRINGSET', stringSetValue: ['22', '8080'] },
      { name: 'PORTS_UDP', type: 'STRINGSET', stringSetValue: [] },
    ]);
    const { agentConnected, status, version } = detail;
    assert.deepEqual(
      { agentConnected, status, version },
      {
        agentConnected: true,
        status: 'DRAINING',
        version: 3,
      },
    );
  });
});
