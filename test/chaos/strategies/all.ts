// The strategies by which a service gets another revision, one after the other on one service. Each begins where the one before has ended.
import assert from 'node:assert/strict';

import { type Asked, shareOf } from './hook.ts';
import type { Deployed, Stand } from './stand.ts';
import { replaceTaskSet } from './task-sets.ts';

export interface Strategy {
  readonly title: string;
  readonly run: (stand: Stand) => Promise<void>;
}

/** In the order in which they are run. */
export const strategies: readonly Strategy[] = [
  {
    title: 'a rolling update',
    run: async (stand) => {
      await succeeded(stand, await stand.deploy('--shift', 'rolling'));
    },
  },
  {
    title: 'blue/green: the new revision is behind the preview until a hook agrees',
    run: async (stand) => {
      const went = await stand.deploy(
        ...stand.shifting,
        ...['--shift', 'blue-green', '--bake', '1s', ...stand.hook('post-test-traffic-shift')],
      );
      await succeeded(stand, went);
      assert.deepEqual(went.asked.map(weightsOf), [['POST_TEST_TRAFFIC_SHIFT', 100, 0]]);
    },
  },
  {
    title: 'a canary: a part of the requests, then the rest',
    run: async (stand) => {
      const hook = stand.hook('pre-production-traffic-shift');
      const went = await stand.deploy('--shift', 'canary:30:1s', ...hook);
      await succeeded(stand, went);
      assert.deepEqual(went.asked.map(weightsOf), steps(0, 30));
    },
  },
  {
    title: 'linear: in equal steps',
    run: async (stand) => {
      const hook = stand.hook('pre-production-traffic-shift');
      const went = await stand.deploy('--shift', 'linear:40:1s', ...hook);
      await succeeded(stand, went);
      assert.deepEqual(went.asked.map(weightsOf), steps(0, 40, 80));
    },
  },
  {
    title: 'a hook that fails once all of the traffic is there sends it back',
    run: async (stand) => {
      const hook = stand.hook('post-production-traffic-shift', 'FAILED');
      const went = await stand.deploy('--shift', 'blue-green', '--bake', '60s', ...hook);
      const { code, stdout, stderr } = went.finished;
      assert.equal(code, 5, stdout + stderr);
      assert.match(stderr, /rolled back: .*POST_PRODUCTION_TRAFFIC_SHIFT FAILED/);
      assert.deepEqual(went.asked.map(weightsOf), [['POST_PRODUCTION_TRAFFIC_SHIFT', 100, 100]]);
      await stand.assertOnly(went.from);
    },
  },
  {
    title: 'task sets that somebody else scales and routes to',
    run: replaceTaskSet,
  },
];

async function succeeded(stand: Stand, { finished, to }: Deployed): Promise<void> {
  assert.equal(finished.code, 0, finished.stdout + finished.stderr);
  await stand.assertOnly(to);
}

/** What the new revision had of the previews and of the rest when the hook was asked. */
function weightsOf(asked: Asked): readonly [string, number, number] {
  const { lifecycleStage, testTrafficWeights: test, productionTrafficWeights: rest } = asked;
  return [lifecycleStage, shareOf(asked, test), shareOf(asked, rest)];
}

function steps(...weights: number[]): ReturnType<typeof weightsOf>[] {
  return weights.map((weight) => ['PRE_PRODUCTION_TRAFFIC_SHIFT', 100, weight]);
}
