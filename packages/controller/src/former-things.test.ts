import assert from 'node:assert/strict';

import type { MessageName } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { type Collection, collections } from '@berth/store/keys.ts';
import { stateOf } from '@berth/store/state-view.ts';

import {
  DECISION_KEPT_MS,
  DECISIONS_KEPT,
  DEPLOYMENT_KEPT_MS,
  DEPLOYMENTS_KEPT,
  FORMER_KEPT_MS,
  formerThings,
} from './former-things.ts';

const NOW = 2_000_000_000_000;

function item<N extends MessageName>(of: Collection<N>, parts: string[], value: object) {
  return { of, parts, value: complete(of.message, value) };
}

const deleted = (...items: ReturnType<typeof item>[]): string[] =>
  formerThings(stateOf(...items), NOW)
    .flatMap(({ write }) => write.deletes ?? [])
    .map((key) => key.slice('/berth/v1/'.length));

const service = (fields: object = {}) =>
  item(collections.services, ['c', 's'], {
    cluster: 'c',
    name: 's',
    status: 'ACTIVE',
    deploymentId: 'ecs-svc/9',
    taskDefinition: 'app:1',
    ...fields,
  });

const deployment = (id: string, fields: object = {}) =>
  item(collections.serviceDeployments, ['c', 's', id], {
    cluster: 'c',
    service: 's',
    id,
    status: 'SUCCESSFUL',
    finishedAt: NOW,
    targetServiceRevision: `r${id}`,
    ...fields,
  });

const revision = (id: string) =>
  item(collections.serviceRevisions, ['c', 's', id], { cluster: 'c', service: 's', id });

describe('former things', () => {
  it('are decisions of placement of a day ago, and all but the last 2,000 of a cluster', () => {
    const decision = (cluster: string, id: string, createdAt: number) =>
      item(collections.placementDecisions, [cluster, id], { cluster, id, createdAt });
    const many = Array.from({ length: DECISIONS_KEPT + 1 }, (_, index) =>
      decision('many', String(1000 + index), NOW),
    );
    assert.deepEqual(
      deleted(
        ...many,
        decision('c', '1', NOW - DECISION_KEPT_MS),
        decision('c', '2', NOW - DECISION_KEPT_MS + 1),
      ),
      ['placement-decisions/many/1000', 'placement-decisions/c/1'],
    );
  });

  it('are deployments of 90 days ago and their revisions, but none that are under way', () => {
    const old = { finishedAt: NOW - DEPLOYMENT_KEPT_MS };
    assert.deepEqual(
      deleted(
        service(),
        deployment('1', old),
        deployment('2', { finishedAt: NOW - DEPLOYMENT_KEPT_MS + 1 }),
        deployment('3', { ...old, status: 'IN_PROGRESS' }),
        revision('r1'),
        revision('r2'),
        revision('r3'),
        revision('9'),
      ),
      ['service-deployments/c/s/1', 'service-revisions/c/s/r1'],
    );
  });

  it('are the oldest deployments of a service beyond a hundred', () => {
    const many = Array.from({ length: DEPLOYMENTS_KEPT + 2 }, (_, index) =>
      deployment(String(index), { createdAt: index }),
    );
    assert.deepEqual(deleted(service(), ...many).sort(), [
      'service-deployments/c/s/0',
      'service-deployments/c/s/1',
    ]);
  });

  it('are the deployments of a service that has ended', () => {
    const inactive = service({ status: 'INACTIVE' });
    for (const items of [[inactive], []]) {
      assert.deepEqual(deleted(...items, deployment('1'), revision('r1')), [
        'service-deployments/c/s/1',
        'service-revisions/c/s/r1',
      ]);
    }
  });

  it('are the deployments of a service that had the name before', () => {
    const young = service({ createdAt: 5 });
    const items = [young, deployment('1', { createdAt: 4 }), deployment('2', { createdAt: 5 })];
    assert.deepEqual(deleted(...items), ['service-deployments/c/s/1']);
  });

  it('are deleted task definitions that nothing refers to', () => {
    const definition = item(collections.taskDefinitions, ['app', '1'], {
      family: 'app',
      revision: 1,
      status: 'DELETE_IN_PROGRESS',
    });
    const task = item(collections.tasks, ['c', 't'], { taskDefinition: 'app:1' });
    const deployments = item(collections.deployments, ['c', 's'], {
      deployments: [{ taskDefinition: 'app:1' }],
    });
    assert.deepEqual(deleted(definition), ['task-definitions/app/1']);
    for (const user of [service(), task, deployments]) {
      assert.deepEqual(deleted(definition, user), []);
    }
    assert.deepEqual(deleted(definition, service({ status: 'INACTIVE' })), [
      'task-definitions/app/1',
    ]);
  });

  it('are hosts, clusters and providers an hour after they went', () => {
    const things = (ago: number) => {
      const deletedAt = NOW - ago;
      return deleted(
        item(collections.deregisteredHosts, ['c', 'h'], { id: 'h', deregisteredAt: deletedAt }),
        item(collections.clusters, ['d'], { name: 'd', status: 'INACTIVE', deletedAt }),
        item(collections.clusters, ['e'], { name: 'e', status: 'ACTIVE' }),
        item(collections.capacityProviders, ['p'], { name: 'p', status: 'INACTIVE', deletedAt }),
      );
    };
    assert.deepEqual(things(FORMER_KEPT_MS), [
      'deregistered-hosts/c/h',
      'clusters/d',
      'capacity-providers/p',
    ]);
    assert.deepEqual(things(FORMER_KEPT_MS - 1), []);
  });

  it('are no cluster whose tasks are still remembered', () => {
    const gone = item(collections.clusters, ['c'], { name: 'c', status: 'INACTIVE', deletedAt: 0 });
    assert.deepEqual(deleted(gone, item(collections.tasks, ['c', 't'], { cluster: 'c' })), []);
  });
});
