import assert from 'node:assert/strict';

import type {
  ServiceDeploymentRecord,
  ServiceRecord,
  ServiceRevisionRecord,
} from '../generated/messages.ts';
import { serviceDeploymentIdOf } from '../resources/deployment-ids.ts';
import { rollbackId } from './circuit-breaker.ts';
import { historyOf } from './history.ts';
import { START, World } from './testing.ts';

/** A world whose history is kept as the controller keeps it. */
class Chronicle {
  readonly world: World;
  readonly deployments = new Map<string, ServiceDeploymentRecord>();
  readonly revisions = new Map<string, ServiceRevisionRecord>();

  constructor(service: Partial<ServiceRecord> = {}) {
    this.world = new World({ desiredCount: 2, ...service });
  }

  look(begun = true): number {
    const { service, record, now } = this.world;
    const history = historyOf({
      cluster: 'c',
      name: 's',
      service,
      deployments: record?.deployments ?? [],
      known: [...this.deployments.values()],
      begun,
      now,
    });
    for (const each of history.deployments) this.deployments.set(each.deploymentId, each);
    for (const each of history.revisions) {
      if (!this.revisions.has(each.id)) this.revisions.set(each.id, each);
    }
    return history.deployments.length;
  }

  settle(): this {
    this.world.settle();
    this.look();
    return this;
  }

  converge(): this {
    this.settle();
    this.world.converge();
    this.look();
    return this;
  }

  of(id: string): ServiceDeploymentRecord {
    const found = this.deployments.get(`ecs-svc/${id}`);
    assert.ok(found, `nothing is remembered of ${id}`);
    return found;
  }
}

describe('deployment: history', () => {
  it('follows a deployment from its beginning to its success, and leaves it alone then', () => {
    const chronicle = new Chronicle().settle();
    const { status, startedAt, createdAt, id, targetServiceRevision } = chronicle.of('d1');
    assert.deepEqual(
      { status, startedAt, createdAt, id, targetServiceRevision },
      {
        status: 'IN_PROGRESS',
        startedAt: START,
        createdAt: START,
        id: serviceDeploymentIdOf('ecs-svc/d1'),
        targetServiceRevision: 'd1',
      },
    );
    chronicle.converge();
    assert.equal(chronicle.of('d1').status, 'SUCCESSFUL');
    assert.equal(chronicle.of('d1').requestedTaskCount, 2);
    assert.ok(chronicle.of('d1').finishedAt);
    chronicle.world.update({ desiredCount: 5 });
    chronicle.converge();
    assert.equal(chronicle.of('d1').requestedTaskCount, 2);
    assert.equal(chronicle.look(), 0);
    assert.deepEqual([...chronicle.revisions.keys()], ['d1']);
  });

  it('names what was there before, and keeps each revision as it was', () => {
    const chronicle = new Chronicle().converge();
    chronicle.world.update({ taskDefinition: 'app:2' });
    chronicle.settle();
    assert.deepEqual(chronicle.of('d2').sourceServiceRevisions, ['d1']);
    assert.deepEqual(
      [...chronicle.revisions.values()].map(({ id, taskDefinition }) => [id, taskDefinition]),
      [
        ['d1', 'app:1'],
        ['d2', 'app:2'],
      ],
    );
  });

  it('stops what a newer deployment takes the place of, when its tasks are gone', () => {
    const chronicle = new Chronicle().converge();
    chronicle.world.update({ taskDefinition: 'app:2' });
    chronicle.settle();
    chronicle.world.update({ taskDefinition: 'app:3' });
    chronicle.settle();
    assert.equal(chronicle.of('d2').status, 'STOP_REQUESTED');
    chronicle.converge();
    assert.equal(chronicle.of('d2').status, 'STOPPED');
    assert.ok(chronicle.of('d2').stoppedAt);
    assert.equal(chronicle.of('d3').status, 'SUCCESSFUL');
  });

  it('is pending until the controller has taken it in', () => {
    const chronicle = new Chronicle();
    chronicle.world.settle();
    chronicle.look(false);
    assert.equal(chronicle.of('d1').status, 'PENDING');
    assert.equal(chronicle.of('d1').startedAt, undefined);
  });

  it('tells of a rollback that was asked for, in the deployment that it undoes', () => {
    const chronicle = new Chronicle().converge();
    chronicle.world.update({ taskDefinition: 'app:2' });
    chronicle.settle();
    const service = chronicle.world.service;
    assert.ok(service);
    chronicle.world.service = {
      ...service,
      generation: service.generation + 1,
      stopRequestedOf: service.deploymentId,
    };
    chronicle.look();
    assert.equal(chronicle.of('d2').status, 'ROLLBACK_REQUESTED');
    chronicle.settle();
    assert.equal(chronicle.of('d2').status, 'ROLLBACK_IN_PROGRESS');
    assert.equal(chronicle.of('d2').rollback?.serviceRevisionArn, 'd1');
    assert.equal(chronicle.of('d2').rollbackDeploymentId, rollbackId('ecs-svc/d2'));
    chronicle.converge();
    assert.equal(chronicle.of('d2').status, 'ROLLBACK_SUCCESSFUL');
    assert.equal(chronicle.world.active()[0]?.task.taskDefinition, 'app:1');
    assert.deepEqual([...chronicle.deployments.keys()], ['ecs-svc/d1', 'ecs-svc/d2']);
    assert.ok(chronicle.world.messages.some((message) => message.includes('stopped by a user')));
  });

  it('ends a first deployment that is stopped without anything to go back to', () => {
    const chronicle = new Chronicle().settle();
    const service = chronicle.world.service;
    assert.ok(service);
    chronicle.world.service = { ...service, stopRequestedOf: service.deploymentId };
    chronicle.settle();
    assert.equal(chronicle.of('d1').status, 'STOPPED');
    assert.match(chronicle.of('d1').statusReason ?? '', /stopped by a user/);
  });

  it('says what the circuit breaker counts', () => {
    const breaker = { enable: true, rollback: false };
    const chronicle = new Chronicle({
      deploymentConfiguration: {
        deploymentCircuitBreaker: {
          ...breaker,
          thresholdConfiguration: { type: 'COUNT', value: 2 },
        },
      },
    });
    chronicle.settle();
    assert.deepEqual(chronicle.of('d1').deploymentCircuitBreaker, {
      status: 'MONITORING',
      failureCount: 0,
      threshold: 2,
    });
    for (const { task } of chronicle.world.active()) {
      chronicle.world.crash(task.id, { stopCode: 'TaskFailedToStart' });
    }
    chronicle.settle();
    assert.equal(chronicle.of('d1').status, 'STOPPED');
    assert.deepEqual(chronicle.of('d1').deploymentCircuitBreaker, {
      status: 'TRIGGERED',
      failureCount: 2,
      threshold: 2,
    });
  });

  it('says why one was undone of which nothing was left', () => {
    const chronicle = new Chronicle({
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    }).converge();
    chronicle.world.update({ taskDefinition: 'app:2' });
    for (let round = 0; round < 10; round += 1) {
      chronicle.settle();
      for (const { task } of chronicle.world.active()) {
        if (task.taskDefinition !== 'app:2') continue;
        chronicle.world.crash(task.id, { stopCode: 'TaskFailedToStart' });
      }
      chronicle.world.stopEnding();
      chronicle.world.now += 600_000;
    }
    chronicle.converge();
    const { status, statusReason, deploymentCircuitBreaker } = chronicle.of('d2');
    assert.equal(status, 'ROLLBACK_SUCCESSFUL');
    assert.match(statusReason ?? '', /circuit breaker/);
    assert.deepEqual(deploymentCircuitBreaker, {
      status: 'TRIGGERED',
      failureCount: 3,
      threshold: 3,
    });
  });

  it('ends with its service', () => {
    const chronicle = new Chronicle().settle();
    chronicle.world.service = undefined;
    chronicle.world.record = undefined;
    chronicle.look();
    assert.equal(chronicle.of('d1').status, 'STOPPED');
    assert.equal(chronicle.of('d1').statusReason, 'The service was deleted.');
  });
});
