// A service without a deployment controller of ours: its task sets are made, scaled, routed to and deleted by whoever asks the api.
import assert from 'node:assert/strict';

import type { Rule, TaskSet } from '@berth/model/generated/messages.ts';

import { eventually } from '../../e2e/cluster.ts';
import { PATH, type Stand } from './stand.ts';

const SERVICE = 'sets';
const FAMILY = 'shift';
const TASKS = '2';
const STEADY_MS = 60_000;

/** It takes the requests over from the service of the stand, from blue to green. */
export async function replaceTaskSet(stand: Stand): Promise<void> {
  const setsOf = async (): Promise<readonly TaskSet[]> =>
    (await stand.json<{ readonly taskSets: readonly TaskSet[] }>('task-set', 'list', SERVICE))
      .taskSets;
  const steady = (id: string, tasks: number): Promise<unknown> =>
    eventually(`${tasks} tasks of ${id} are steady`, STEADY_MS, async () => {
      const set = (await setsOf()).find((one) => one.id === id);
      const { stabilityStatus, runningCount } = set ?? {};
      return stabilityStatus === 'STEADY_STATE' && runningCount === tasks ? true : undefined;
    });
  const create = async (revision: number, scale: number, group: string): Promise<string> => {
    const { taskSet } = await stand.json<{ readonly taskSet: TaskSet }>(
      ...['task-set', 'create', SERVICE, '--task-definition', `${FAMILY}:${revision}`],
      ...['--scale', String(scale), '--load-balancer', `${group}:hello:8080`],
    );
    return taskSet.id;
  };
  const shares = (ofBlue: number, ofGreen: number): string[] => [
    ...['--target-group', `sets-blue=${ofBlue}`, '--target-group', `sets-green=${ofGreen}`],
  ];

  await Promise.all([
    ...['sets-blue', 'sets-green'].map(stand.createGroup),
    stand.run('service', 'create', SERVICE, '--external', '--count', TASKS),
  ]);
  const { rule } = await stand.json<{ readonly rule: Rule }>(
    ...['rule', 'create', '--listener', stand.listener, '--priority', '2', '--path', '/none'],
    ...shares(100, 0),
  );
  const [blue, green] = await Promise.all([
    create(1, 100, 'sets-blue'),
    create(2, 50, 'sets-green'),
  ]);
  await Promise.all([steady(blue, 2), steady(green, 1)]);

  await stand.run('rule', 'modify', rule.ruleId, '--path', '/hello*');
  await stand.clients.see(PATH, { 1: 100 });
  await stand.run('rule', 'modify', rule.ruleId, ...shares(70, 30));
  await stand.clients.see(PATH, { 1: 70, 2: 30 });
  await stand.run('task-set', 'update', SERVICE, green, '--scale', '100');
  await steady(green, 2);
  await stand.run('task-set', 'primary', SERVICE, green);
  await stand.run('rule', 'modify', rule.ruleId, ...shares(0, 100));
  await stand.clients.see(PATH, { 2: 100 });
  await stand.run('task-set', 'delete', SERVICE, blue, '--force', '--yes');
  const left = await eventually('the blue set is gone', STEADY_MS, async () => {
    const sets = await setsOf();
    return sets.length === 1 ? sets : undefined;
  });
  assert.deepEqual(
    left.map((set) => [set.id, set.status, set.runningCount, set.stabilityStatus]),
    [[green, 'PRIMARY', 2, 'STEADY_STATE']],
  );
  await stand.assertClean();
}
