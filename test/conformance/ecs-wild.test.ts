// Requests that nobody means: valid ones of which something was changed, at random. Whatever comes, the answer is one of AWS's, the
// control plane goes on, and what is refused has changed nothing. Source: ECS reference, sections 1.1 and 1.2.
import assert from 'node:assert/strict';

import fc from 'fast-check';

import { type Ground, conformance } from './cases.ts';
import { ANY } from './match.ts';
import { raw } from './raw.ts';

const ARN = 'arn:aws:ecs:us-east-1:000000000000';
const HOST = 'a'.repeat(32);
const tags = [{ key: 'team', value: 'shop' }];
const containerDefinitions = [
  {
    name: 'main',
    image: 'web',
    memory: 16,
    essential: true,
    environment: [{ name: 'A', value: 'b' }],
    portMappings: [{ containerPort: 80, hostPort: 0, protocol: 'tcp' }],
    healthCheck: { command: ['CMD', 'true'], interval: 10 },
    dockerLabels: { a: 'b' },
    ulimits: [{ name: 'nofile', softLimit: 10, hardLimit: 20 }],
  },
];
const strategy = [{ type: 'spread', field: 'host' }];
const constraints = [{ type: 'memberOf', expression: 'attribute:zone == a' }];

/** What can be meant, by operation. */
const MEANT: Readonly<Record<string, object>> = {
  CreateCluster: {
    clusterName: 'wild',
    tags,
    settings: [{ name: 'containerInsights', value: 'enabled' }],
    capacityProviders: ['FARGATE'],
    defaultCapacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1, base: 0 }],
  },
  UpdateCluster: { cluster: 'wild', settings: [{ name: 'containerInsights', value: 'disabled' }] },
  DeleteCluster: { cluster: 'wild' },
  PutClusterCapacityProviders: {
    cluster: 'default',
    capacityProviders: ['FARGATE'],
    defaultCapacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }],
  },
  RegisterTaskDefinition: { family: 'wild', cpu: '256', memory: '64', containerDefinitions, tags },
  DeregisterTaskDefinition: { taskDefinition: 'wild:1' },
  DeleteTaskDefinitions: { taskDefinitions: ['wild:1', 'wild:2'] },
  RunTask: {
    taskDefinition: 'web',
    count: 2,
    placementStrategy: strategy,
    placementConstraints: constraints,
    overrides: { containerOverrides: [{ name: 'main', command: ['x'], memory: 8 }] },
    startedBy: 'wild',
    tags,
  },
  StartTask: { taskDefinition: 'web', containerInstances: [HOST], startedBy: 'wild' },
  StopTask: { task: `${ARN}:task/default/${HOST}`, reason: 'enough' },
  CreateService: {
    serviceName: 'wild',
    taskDefinition: 'web',
    desiredCount: 0,
    deploymentConfiguration: {
      maximumPercent: 200,
      minimumHealthyPercent: 50,
      deploymentCircuitBreaker: { enable: true, rollback: true },
    },
    placementStrategy: strategy,
    placementConstraints: constraints,
    healthCheckGracePeriodSeconds: 5,
    tags,
  },
  UpdateService: { service: 'still', desiredCount: 0, placementStrategy: strategy },
  DeleteService: { service: 'wild', force: true },
  PutAttributes: {
    attributes: [{ name: 'zone', value: 'a', targetType: 'container-instance', targetId: HOST }],
  },
  DeleteAttributes: {
    attributes: [{ name: 'zone', targetType: 'container-instance', targetId: HOST }],
  },
  UpdateContainerInstancesState: { containerInstances: [HOST], status: 'ACTIVE' },
  RegisterContainerInstance: {
    totalResources: [
      { name: 'CPU', type: 'INTEGER', integerValue: 1024 },
      { name: 'MEMORY', type: 'INTEGER', integerValue: 1024 },
      { name: 'PORTS', type: 'STRINGSET', stringSetValue: ['22'] },
    ],
    attributes: [{ name: 'zone', value: 'b' }],
  },
  TagResource: { resourceArn: `${ARN}:cluster/default`, tags },
  UntagResource: { resourceArn: `${ARN}:cluster/default`, tagKeys: ['team'] },
  PutAccountSetting: { name: 'containerInsights', value: 'enabled' },
  CreateCapacityProvider: {
    name: 'wild',
    autoScalingGroupProvider: {
      autoScalingGroupArn:
        'arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:x:autoScalingGroupName/x',
      managedScaling: { status: 'ENABLED', targetCapacity: 90 },
    },
    tags,
  },
};

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** What stands in the place of something else. */
const wild: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    '',
    ' ',
    'x'.repeat(10_000),
    '\u0000',
    '\ud800',
    '../../..',
    '<a>&amp;</a>',
    '__proto__',
    'arn:aws:ecs:us-east-1:000000000000:cluster/',
    -1,
    0,
    0.5,
    2 ** 31,
    2 ** 53,
    -1e308,
    [],
    {},
    [[]],
    [null],
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);

interface Change {
  /** Which part, modulo how many there are. */
  readonly at: number;
  readonly how: 'replace' | 'remove' | 'repeat' | 'rename';
  readonly by: Json;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.noBias(fc.nat(10_000)),
  how: fc.constantFrom('replace', 'replace', 'remove', 'remove', 'repeat', 'rename'),
  by: wild,
});

type Holder = Json[] | { [name: string]: Json };

/** Every part of a value, by what holds it and under which name. */
function partsOf(value: Json): [holder: Holder, name: string][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((name): [Holder, string][] => {
    const part = (value as Record<string, Json>)[name] ?? null;
    return [[value, name], ...partsOf(part)];
  });
}

function changed(input: object, changes: readonly Change[]): Json {
  const value = structuredClone(input) as Json;
  for (const { at, how, by } of changes) {
    const parts = partsOf(value);
    const [holder, name] = parts[at % parts.length] ?? [];
    if (holder === undefined || name === undefined) return by;
    const members = holder as Record<string, Json>;
    const part = members[name] ?? null;
    if (how === 'replace') members[name] = by;
    else if (how === 'repeat') members[name] = [part, part];
    else if (Array.isArray(holder)) holder.splice(Number(name), 1);
    else {
      Reflect.deleteProperty(members, name);
      if (how === 'rename' && typeof by === 'string') members[by] = part;
    }
  }
  return value;
}

/** What there is, as far as callers have made it: tasks of services come and go by themselves. */
async function everything({ ecs }: Ground): Promise<unknown> {
  const { clusterArns } = await ecs.listClusters({});
  const { clusters = [] } = await ecs.describeClusters({
    clusters: clusterArns,
    include: ['SETTINGS', 'TAGS'],
  });
  const { serviceArns: names = [] } = await ecs.listServices({ maxResults: 100 });
  const described =
    names.length > 0 ? await ecs.describeServices({ services: names.slice(0, 10) }) : undefined;
  const { taskArns = [] } = await ecs.listTasks({ startedBy: 'wild' });
  const { taskDefinitionArns } = await ecs.listTaskDefinitions({});
  const inactive = await ecs.listTaskDefinitions({ status: 'INACTIVE' });
  const { containerInstanceArns: hosts = [] } = await ecs.listContainerInstances({});
  const { attributes } = await ecs.listAttributes({
    targetType: 'container-instance',
    maxResults: 100,
  });
  const { capacityProviders } = await ecs.describeCapacityProviders({ include: ['TAGS'] });
  const { settings } = await ecs.listAccountSettings({});
  return {
    clusters: clusters.map(
      ({ clusterArn, settings: own, tags: of, capacityProviders: providers }) => [
        clusterArn,
        own,
        of,
        providers,
      ],
    ),
    services: (described?.services ?? []).map((service) => [
      service.serviceArn,
      service.desiredCount,
      service.taskDefinition,
      service.deploymentConfiguration,
      service.placementStrategy,
      service.placementConstraints,
    ]),
    others: names.slice(10),
    taskArns,
    taskDefinitionArns,
    inactive: inactive.taskDefinitionArns,
    hosts,
    attributes,
    capacityProviders,
    settings,
  };
}

async function tried(on: Ground, operation: string, body: string): Promise<number> {
  const { status, type, id, body: answer } = await raw(on, { operation, body });
  assert.equal(type, 'application/x-amz-json-1.1');
  assert.match(id ?? '', /^[0-9a-f-]{36}$/);
  if (status !== 200) {
    assert.equal(status, 400, `${operation} was answered ${status}: ${JSON.stringify(answer)}`);
    assert.match(String(answer['__type']), /^[A-Z][A-Za-z]+$/);
    assert.ok(String(answer['message']).length > 0, `${operation} was refused without a word`);
    assert.ok(JSON.stringify(answer).length < 5_000, 'an error repeats what it was sent');
  }
  return status;
}

const RUNS = 200;

conformance('ECS over raw HTTP: what nobody means', [
  {
    name: 'what is meant is accepted',
    call: async (on) => {
      await on.ecs.createCluster({});
      await on.ecs.registerTaskDefinition({
        family: 'web',
        containerDefinitions: [{ name: 'main', image: 'web', memory: 16 }],
      });
      await on.plane.host({ id: HOST, attributes: [{ name: 'zone', value: 'a' }] });
      await on.ecs.createService({ serviceName: 'still', taskDefinition: 'web', desiredCount: 0 });
      const { tasks } = await on.ecs.runTask({ taskDefinition: 'web', startedBy: 'wild' });
      return tasks;
    },
    gives: [ANY],
  },
  {
    name: 'inputs with changes at random are answered as AWS answers, and change nothing when they are refused',
    call: async (on) => {
      const counts = { accepted: 0, refused: 0 };
      let before = await everything(on);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...Object.entries(MEANT)),
          fc.array(change, { minLength: 1, maxLength: 3 }),
          async ([operation, input], changes) => {
            const status = await tried(on, operation, JSON.stringify(changed(input, changes)));
            const after = await everything(on);
            if (status !== 200) {
              counts.refused += 1;
              assert.deepEqual(after, before, `${operation} was refused and has changed something`);
            } else counts.accepted += 1;
            before = after;
          },
        ),
        // The state goes on from run to run: there is nothing smaller to find by going back.
        { numRuns: RUNS, endOnFailure: true },
      );
      assert.ok(counts.accepted > 0, 'none was accepted');
      assert.ok(counts.refused > RUNS / 4, `only ${counts.refused} were refused`);
    },
    gives: undefined,
  },
  {
    name: 'bodies that are cut, doubled or scribbled on are refused in the same way',
    call: async (on) => {
      const before = await everything(on);
      const scribbled = fc
        .tuple(
          fc.constantFrom(...Object.entries(MEANT)),
          fc.noBias(fc.nat(10_000)),
          fc.constantFrom('cut', 'double', 'scribble'),
          fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
        )
        .map(([[operation, input], at, how, by]): [string, string] => {
          const body = JSON.stringify(input);
          const index = at % body.length;
          const ways = {
            cut: body.slice(0, index),
            double: body + body,
            scribble: `${body.slice(0, index)}"${by}${body.slice(index)}`,
          };
          return [operation, ways[how]];
        })
        // Some are JSON all the same, and some operations need no input.
        .filter(([, body]) => body !== '' && !isJson(body));
      await fc.assert(
        fc.asyncProperty(scribbled, async ([operation, body]) => {
          assert.equal(await tried(on, operation, body), 400);
        }),
        { numRuns: RUNS },
      );
      assert.deepEqual(await everything(on), before);
    },
    gives: undefined,
  },
  {
    name: 'a body larger than any call needs',
    call: async (on) => {
      const family = 'x'.repeat(3_000_000);
      const { status, body } = await raw(on, {
        operation: 'RegisterTaskDefinition',
        body: JSON.stringify({ family }),
      });
      return { status, code: body['__type'] };
    },
    gives: { status: 413, code: ANY },
  },
  {
    name: 'after all of that, everything goes on',
    call: ({ ecs }) => ecs.runTask({ taskDefinition: 'web', launchType: 'EC2' }),
    gives: { failures: [], tasks: [{ desiredStatus: 'RUNNING' }] },
  },
]);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
