// What task sets need the permission for. Source: the Service Authorization Reference of AWS, Amazon ECS.
import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import type { Need } from './rule.ts';
import { ecsRules } from './rules-ecs.ts';
import { AccessBench, REALM } from './testing.ts';

const ECS = 'arn:aws:ecs:us-east-1:000000000000';
const CLUSTER = `${ECS}:cluster/prod`;
const SERVICE = `${ECS}:service/prod/web`;
const SETS = `${ECS}:task-set/prod/web`;
const SET = 'ecs-svc/1234567890123456789';
const OTHER = 'ecs-svc/9876543210987654321';

describe('permissions of task sets', () => {
  let bench: AccessBench;

  beforeEach(async () => {
    bench = await AccessBench.start();
    const tags = [{ key: 'team', value: 'shop' }];
    await bench.put(collections.clusters, ['prod'], { name: 'prod', status: 'ACTIVE' });
    await bench.put(collections.services, ['prod', 'web'], {
      cluster: 'prod',
      name: 'web',
      status: 'ACTIVE',
      deploymentController: 'EXTERNAL',
    });
    await bench.put(collections.taskDefinitionFamilies, ['app'], { latestRevision: 2 });
    for (const revision of [1, 2]) {
      const definition = { family: 'app', revision, status: 'ACTIVE' } as const;
      await bench.put(collections.taskDefinitions, ['app', String(revision)], definition);
    }
    await bench.put(collections.taskSets, ['prod', 'web', SET.slice('ecs-svc/'.length)], {
      cluster: 'prod',
      service: 'web',
      id: SET,
      tags,
    });
  });
  afterEach(() => bench.stop());

  type Sets =
    | 'CreateTaskSet'
    | 'UpdateTaskSet'
    | 'DeleteTaskSet'
    | 'DescribeTaskSets'
    | 'UpdateServicePrimaryTaskSet';

  /** With the keys that have a value. */
  function needs(method: Sets, request: object): Need[] {
    const whole = { cluster: 'prod', service: 'web', tags: [], taskSets: [], ...request };
    const rule = ecsRules[method] as (asked: object, place: object) => readonly Need[];
    return rule(whole, { state: bench.cache, realm: REALM }).map((need) => {
      const given = Object.entries(need.conditions ?? {}).filter(([, value]) => value);
      return { ...need, conditions: Object.fromEntries(given) };
    });
  }

  const inService = { 'ecs:cluster': CLUSTER, 'ecs:service': SERVICE };
  const tagged = { 'aws:resourcetag/team': 'shop', 'ecs:resourcetag/team': 'shop' };

  for (const method of ['UpdateTaskSet', 'DeleteTaskSet'] as const) {
    it(`${method} is on the set, by id or ARN, with its tags, in its cluster and service`, () => {
      const expected = [
        {
          action: `ecs:${method}`,
          resource: `${SETS}/${SET}`,
          conditions: { ...inService, ...tagged },
        },
      ];
      assert.deepEqual(needs(method, { taskSet: SET }), expected);
      assert.deepEqual(needs(method, { taskSet: `${SETS}/${SET}` }), expected);
      const byArn = { cluster: CLUSTER, service: SERVICE, taskSet: SET };
      assert.deepEqual(needs(method, byArn), expected);
      assert.deepEqual(needs(method, { ...byArn, cluster: '' }), expected);
    });

    it(`${method} of a set of another service is on that one`, () => {
      const [need] = needs(method, { taskSet: `${ECS}:task-set/prod/other/${SET}` });
      assert.equal(need?.resource, `${ECS}:task-set/prod/other/${SET}`);
      assert.deepEqual(need.conditions, inService);
    });

    it(`${method} of what is no set is on what it is called by`, () => {
      assert.equal(needs(method, { taskSet: OTHER })[0]?.resource, `${SETS}/${OTHER}`);
      assert.equal(needs(method, { taskSet: 'web' })[0]?.resource, 'web');
      assert.equal(needs(method, { taskSet: '' })[0]?.resource, '*');
    });
  }

  it('CreateTaskSet is on a set without an id, with what it runs and where', () => {
    const request = {
      taskDefinition: 'app',
      capacityProviderStrategy: [{ capacityProvider: 'spot', weight: 1, base: 0 }],
    };
    const conditions = {
      ...inService,
      'ecs:task-definition': `${ECS}:task-definition/app:2`,
      'ecs:capacity-provider': ['spot'],
    };
    const resource = `${SETS}/ecs-svc/*`;
    const create = { action: 'ecs:CreateTaskSet', resource, conditions };
    assert.deepEqual(needs('CreateTaskSet', request), [create]);
    assert.deepEqual(needs('CreateTaskSet', { ...request, cluster: '', service: SERVICE }), [
      create,
    ]);
    const asked = { 'aws:requesttag/team': 'shop', 'aws:tagkeys': ['team'] };
    assert.deepEqual(
      needs('CreateTaskSet', { ...request, tags: [{ key: 'team', value: 'shop' }] }),
      [
        { ...create, conditions: { ...conditions, ...asked } },
        {
          action: 'ecs:TagResource',
          resource,
          conditions: { ...asked, 'ecs:createaction': 'CreateTaskSet' },
        },
      ],
    );
  });

  it('DescribeTaskSets is on each set that is named, else on those of the service', () => {
    const action = 'ecs:DescribeTaskSets';
    assert.deepEqual(needs('DescribeTaskSets', { taskSets: [SET, OTHER] }), [
      { action, resource: `${SETS}/${SET}`, conditions: { ...inService, ...tagged } },
      { action, resource: `${SETS}/${OTHER}`, conditions: inService },
    ]);
    assert.deepEqual(needs('DescribeTaskSets', {}), [
      { action, resource: `${SETS}/ecs-svc/*`, conditions: inService },
    ]);
  });

  it('UpdateServicePrimaryTaskSet is on the service, in its cluster', () => {
    for (const service of ['web', SERVICE]) {
      assert.deepEqual(needs('UpdateServicePrimaryTaskSet', { service, primaryTaskSet: SET }), [
        {
          action: 'ecs:UpdateServicePrimaryTaskSet',
          resource: SERVICE,
          conditions: { 'ecs:cluster': CLUSTER },
        },
      ]);
    }
  });

  describe('of a controller that may do this in one service', () => {
    let robot: CallContext;

    beforeEach(async () => {
      const within = (key: string, value: string): object => ({ ArnEquals: { [key]: value } });
      robot = await bench.user(
        'robot',
        {
          Effect: 'Allow',
          Action: ['ecs:CreateTaskSet', 'ecs:UpdateTaskSet', 'ecs:DescribeTaskSets'],
          Resource: `${SETS}/*`,
          Condition: within('ecs:service', SERVICE),
        },
        {
          Effect: 'Allow',
          Action: 'ecs:DeleteTaskSet',
          Resource: '*',
          Condition: { StringEquals: { 'aws:ResourceTag/team': 'shop' } },
        },
        {
          Effect: 'Allow',
          Action: 'ecs:UpdateServicePrimaryTaskSet',
          Resource: SERVICE,
          Condition: within('ecs:cluster', CLUSTER),
        },
      );
    });

    async function may(method: Sets, request: object): Promise<boolean> {
      try {
        const asked = { cluster: 'prod', service: 'web', ...request };
        await bench.ask('Ecs', method, asked, robot);
        return true;
      } catch (error) {
        assert.ok(isBerthError(error, 'AccessDeniedException'), String(error));
        return false;
      }
    }

    it('it may, and may not elsewhere', async () => {
      const other = { service: 'other' };
      assert.ok(await may('CreateTaskSet', { taskDefinition: 'app:1' }));
      assert.ok(!(await may('CreateTaskSet', { taskDefinition: 'app:1', ...other })));
      assert.ok(await may('UpdateTaskSet', { taskSet: SET }));
      assert.ok(!(await may('UpdateTaskSet', { taskSet: SET, ...other })));
      assert.ok(!(await may('UpdateTaskSet', { taskSet: `${ECS}:task-set/prod/other/${SET}` })));
      assert.ok(await may('DescribeTaskSets', {}));
      assert.ok(!(await may('DescribeTaskSets', other)));
      assert.ok(!(await may('DescribeTaskSets', { cluster: 'default' })));
      assert.ok(await may('UpdateServicePrimaryTaskSet', { primaryTaskSet: SET }));
      assert.ok(!(await may('UpdateServicePrimaryTaskSet', { primaryTaskSet: SET, ...other })));
    });

    it('it may delete the sets with the tag that the policy asks for', async () => {
      assert.ok(await may('DeleteTaskSet', { taskSet: SET }));
      assert.ok(!(await may('DeleteTaskSet', { taskSet: OTHER })));
    });
  });
});
