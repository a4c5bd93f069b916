import assert from 'node:assert/strict';

import { seededRandom } from '@berth/control/virtual-clock.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import fc from 'fast-check';

import { Bench, hostId, webDefinition } from '../testing.ts';

const TASKS = 500;

describe('listing tasks', () => {
  let bench: Bench;
  const known: {
    id: string;
    family: string;
    startedBy: string;
    stopped: boolean;
    fargate: boolean;
  }[] = [];

  before(async () => {
    bench = await Bench.start();
    await bench.cluster(2);
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    const random = seededRandom(3);
    for (let index = 0; index < TASKS; index += 1) {
      known.push({
        id: drawHexId(random, 32),
        family: index % 3 === 0 ? 'hello' : 'other',
        startedBy: index % 5 === 0 ? 'ada' : '',
        stopped: index % 7 === 0,
        fargate: index % 11 === 0,
      });
    }
    for (let from = 0; from < TASKS; from += 100) {
      const puts = known.slice(from, from + 100).map((task) =>
        putRecord(
          collections.tasks,
          ['default', task.id],
          complete('TaskRecord', {
            id: task.id,
            cluster: 'default',
            hostId: hostId(task.fargate ? 0 : 1),
            taskDefinition: `${task.family}:1`,
            startedBy: task.startedBy,
            desiredStatus: task.stopped ? 'STOPPED' : 'RUNNING',
            launchType: task.fargate ? 'FARGATE' : 'EC2',
          }),
        ),
      );
      const { revision } = await bench.store.commit(
        { guards: [], puts, deletes: [] },
        new AbortController().signal,
      );
      await bench.cache.reached(revision, new AbortController().signal);
    }
  });
  after(() => bench.stop());

  it('gives each task that matches once, in order, whatever the filters and the size of the pages', async () => {
    const filters = fc.oneof(
      fc.record({ startedBy: fc.constant('ada') }),
      fc.record(
        {
          family: fc.constantFrom('hello', 'other', 'none'),
          containerInstance: fc.constantFrom('h0', 'h1'),
          launchType: fc.constantFrom('EC2', 'FARGATE'),
          desiredStatus: fc.constantFrom('RUNNING', 'STOPPED', 'PENDING'),
        },
        { requiredKeys: [] },
      ),
    );
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 20, max: 100 }), async (request, maxResults) => {
        const filter = request as Record<string, string | undefined>;
        const found: string[] = [];
        let nextToken: string | undefined;
        do {
          const page = await bench.ecs('ListTasks', { ...request, maxResults, nextToken });
          assert.ok(page.taskArns.length <= maxResults);
          found.push(...page.taskArns.map((arn) => arn.split('/').at(-1) ?? ''));
          ({ nextToken } = page);
        } while (nextToken !== undefined);
        const desired = filter['desiredStatus'] ?? 'RUNNING';
        const expected = known
          .filter(({ stopped }) => desired === (stopped ? 'STOPPED' : 'RUNNING'))
          .filter(({ family }) => !filter['family'] || filter['family'] === family)
          .filter(({ startedBy }) => !filter['startedBy'] || filter['startedBy'] === startedBy)
          .filter(
            ({ fargate }) =>
              !filter['launchType'] || (filter['launchType'] === 'FARGATE') === fargate,
          )
          .filter(
            ({ fargate }) =>
              !filter['containerInstance'] || (filter['containerInstance'] === 'h0') === fargate,
          )
          .map(({ id }) => id)
          .sort();
        assert.deepEqual(found, expected);
      }),
      { numRuns: 40 },
    );
  });

  it('does not take a token of another question', async () => {
    const { nextToken } = await bench.ecs('ListTasks', { maxResults: 10 });
    await bench.refuses(
      () => bench.ecs('ListTasks', { family: 'hello', nextToken }),
      'InvalidParameterException',
      /given for other arguments/,
    );
  });

  it('finds a task by the beginning of its id, and none by an id that nobody has', async () => {
    const [task] = known;
    assert.ok(task);
    const { tasks } = await bench.ecs('DescribeTasks', { tasks: [task.id.slice(0, 12)] });
    assert.equal(tasks[0]?.taskArn.split('/').at(-1), task.id);
    const { failures } = await bench.ecs('DescribeTasks', { tasks: ['0'.repeat(32)] });
    assert.equal(failures[0]?.reason, 'MISSING');
  });
});
