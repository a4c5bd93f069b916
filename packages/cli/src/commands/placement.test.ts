// What `berth explain service|task`, `berth whatif` and `berth replay` print, from answers of an api.
import assert from 'node:assert/strict';

import { BerthError } from '@berth/model/errors.ts';
import { complete } from '@berth/rpc/codec.ts';

import { CommandError, exitCodes } from '../failure.ts';
import { NOW, testContext, testDeployment, testService, testTask } from '../testing/context.ts';
import { matchesGolden } from '../testing/golden.ts';
import { handlers as explain } from './explain-placement.ts';
import { handlers as replay } from './replay.ts';
import { handlers as whatif } from './whatif.ts';

const decision = complete('PlacementDecisionRecord', {
  id: '01K9ZC4T5M3W8Q2R7V6X1Y0B4D',
  cluster: 'default',
  createdAt: NOW - 60_000,
  viewRevision: 1200,
  ownRevision: 1203,
  seed: 3_141_592_653,
  count: 3,
  placed: 2,
  service: 'hello',
  taskDefinition: 'hello:2',
});
const refused = complete('ExplainPlacementResponse', {
  cluster: 'default',
  taskDefinition: 'hello:2',
  group: 'service:hello',
  hosts: [
    {
      hostId: 'a'.repeat(32),
      hostName: 'host-1',
      reason: 'RESOURCE:MEMORY',
      detail: 'memory: 512 MiB asked, 128 MiB free',
    },
    { hostId: 'b'.repeat(32), hostName: 'host-2', reason: 'DRAINING', detail: 'status: DRAINING' },
  ],
  unplaced: {
    count: 1,
    refusals: [
      { reason: 'DRAINING', hosts: 1 },
      { reason: 'RESOURCE:MEMORY', hosts: 1 },
    ],
  },
  remedy: { changes: [{ kind: 'ACTIVATE_HOST' }], text: 'end the draining on host host-2' },
  asked: { cpu: 256, memory: 512, ports: [80] },
  placementConstraints: [{ type: 'memberOf', expression: 'attribute:stack == prod' }],
});
const placed = complete('ExplainPlacementResponse', {
  ...refused,
  hosts: [{ hostId: 'ab'.repeat(16), hostName: 'host-1', fits: true }],
  unplaced: undefined,
  remedy: undefined,
  placementConstraints: [],
  placementStrategy: [{ type: 'spread', field: 'host' }, { type: 'random' }],
  task: testTask('a1'.repeat(16)),
  decision,
});

describe('placement', () => {
  const asked: object[] = [];
  const ecs = {
    DescribeServices: () => ({
      failures: [],
      services: [
        testService({
          desiredCount: 3,
          deployments: [
            testDeployment('ecs-svc/2', { rolloutState: 'IN_PROGRESS', desiredCount: 3 }),
          ],
          events: [
            {
              id: '1',
              createdAt: NOW,
              message:
                '(service hello) was unable to place a task because no container instance met all of its requirements.',
            },
          ],
        }),
      ],
    }),
  };
  const operations = {
    ExplainPlacement: (request: object) => {
      asked.push(request);
      if ('task' in request && request.task === 'cafe') {
        throw new BerthError('InvalidParameterException', 'The referenced task was not found.');
      }
      return Promise.resolve('task' in request ? placed : refused);
    },
    WatchService: async function* () {
      await Promise.resolve();
      yield complete('ServiceProgress', {
        tasks: [
          { task: testTask('a1'), deploymentId: 'ecs-svc/2', step: 'serving' },
          {
            task: testTask('a2'),
            deploymentId: 'ecs-svc/2',
            step: 'health',
            detail: 'Health checks failed with these codes: [503]',
          },
          { task: testTask('a3'), deploymentId: 'ecs-svc/1', step: 'drain' },
        ],
      });
    },
    PredictPlacement: (request: object) => {
      asked.push(request);
      return Promise.resolve(prediction);
    },
    ReplayPlacement: () => Promise.resolve(replayed),
  };
  const move = { service: 'hello', taskDefinition: 'hello:2', hostId: 'a', hostName: 'host-1' };
  const prediction = complete('PredictPlacementResponse', {
    revision: 1234,
    tasks: [
      { ...move, change: 'START', zone: 'a', step: 1 },
      { ...move, change: 'START', zone: 'a', step: 1 },
      { ...move, change: 'STOP', hostId: 'b', hostName: 'host-2', zone: 'b', step: 2 },
      {
        change: 'LOST',
        taskDefinition: 'job:1',
        hostId: 'b',
        hostName: 'host-2',
        zone: 'b',
        step: 1,
      },
    ],
    hosts: [
      {
        ...{ hostId: 'a', hostName: 'host-1', zone: 'a', tasksBefore: 1, tasksAfter: 3 },
        ...{
          cpuFreeBefore: 1024,
          cpuFreeAfter: 512,
          memoryFreeBefore: 2048,
          memoryFreeAfter: 1024,
        },
      },
    ],
    services: [
      {
        service: 'hello',
        ...{ desiredCount: 4, runningBefore: 4, runningLeast: 3, runningAfter: 3 },
        unplaced: { count: 1, refusals: [{ reason: 'RESOURCE:MEMORY', hosts: 2 }] },
      },
    ],
    exact: false,
    settled: true,
    staying: 1,
    leftOut: ['lifecycle hooks', 'health and draining of targets'],
  });
  let replayed = complete('ReplayPlacementResponse', {
    decision,
    same: true,
    hostIds: ['a', 'a'],
    hosts: [
      { id: 'a', name: 'host-1', attributes: [{ name: 'ecs.availability-zone', value: 'a' }] },
    ],
    unplaced: { count: 1, refusals: [{ reason: 'AGENT', hosts: 1 }] },
  });

  it('is explained for a service, with what its deployment waits for', async () => {
    const context = testContext(['explain', 'service', 'hello'], { ecs, operations });
    await explain['explain service']?.(context);
    matchesGolden('explain-service.txt', context.terminal.output());
    const json = testContext(['explain', 'service', 'hello', '--json'], { ecs, operations });
    await explain['explain service']?.(json);
    assert.deepEqual(JSON.parse(json.terminal.output()), JSON.parse(JSON.stringify(refused)));
  });

  it('is explained for a task, with the decision that placed it', async () => {
    const context = testContext(['explain', 'task', 'a1'], { operations });
    await explain['explain task']?.(context);
    matchesGolden('explain-task.txt', context.terminal.output());
  });

  it('is explained for a task definition, also one that could be the beginning of an id', async () => {
    const flags = ['--constraint', 'attribute:stack == prod', '--strategy', 'binpack:cpu'];
    const context = testContext(['explain', 'task', 'hello:2', ...flags], { operations });
    await explain['explain task']?.(context);
    assert.deepEqual(asked.at(-1), {
      cluster: 'default',
      run: {
        cluster: 'default',
        taskDefinition: 'hello:2',
        placementConstraints: [{ type: 'memberOf', expression: 'attribute:stack == prod' }],
        placementStrategy: [{ type: 'binpack', field: 'cpu' }],
        group: undefined,
      },
    });
    const cafe = testContext(['explain', 'task', 'cafe'], { operations });
    await explain['explain task']?.(cafe);
    assert.match(cafe.terminal.output(), /^A task, started now/);
  });

  it('is predicted', async () => {
    const lines: [args: string[], asks: object][] = [
      [['drain', 'host-2'], { drain: 'host-2' }],
      [['host-loss', 'host-1', 'host-2'], { lose: ['host-1', 'host-2'] }],
      [['scale', 'hello', '4'], { scale: { service: 'hello', desiredCount: 4 } }],
      [['deploy', 'hello', 'hello:3'], { deploy: { service: 'hello', taskDefinition: 'hello:3' } }],
      [['rebalance'], { rebalance: { service: undefined, ontoHosts: false } }],
      [
        ['rebalance', 'hello', '--onto-hosts'],
        { rebalance: { service: 'hello', ontoHosts: true } },
      ],
    ];
    let output = '';
    for (const [args, asks] of lines) {
      const context = testContext(['whatif', ...args], { operations });
      await whatif[`whatif ${args[0] ?? ''}`]?.(context);
      assert.deepEqual(asked.at(-1), { cluster: 'default', ...asks });
      output +=
        output === ''
          ? context.terminal.output()
          : (context.terminal.output().split('\n')[0] ?? '') + '\n';
    }
    matchesGolden('whatif.txt', output);
    const bad = testContext(['whatif', 'scale', 'hello', 'many'], { operations });
    await assert.rejects(async () => whatif['whatif scale']?.(bad), /COUNT must be a whole number/);
  });

  it('is replayed, unless etcd has forgotten or something else comes out', async () => {
    const run = async (): Promise<string> => {
      const context = testContext(['replay', decision.id], { operations });
      const failure = await replay['replay']?.(context).catch((error: unknown) => error);
      if (failure === undefined) return context.terminal.output();
      assert.ok(failure instanceof CommandError);
      return `${context.terminal.output()}${failure.exitCode}: ${failure.message}\n`;
    };
    matchesGolden('replay.txt', await run());
    replayed = { ...replayed, same: false };
    assert.match(await run(), new RegExp(`\\n${exitCodes.failed}: what comes out is not`));
    replayed = { ...replayed, impossible: 'etcd has compacted revision 1200.', hosts: [] };
    assert.match(await run(), new RegExp(`\\n${exitCodes.notFound}: etcd has compacted`));
  });
});
