import assert from 'node:assert/strict';

import type { ServiceProgress } from '@berth/model/generated/messages.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { type Followed, followDeployment } from './follow.ts';
import { type ProgressState, advance } from './model.ts';
import { block, changeLine, heartbeatLine } from './render.ts';
import { verdictOf } from './verdict.ts';
import { matchesGolden } from '../testing/golden.ts';
import {
  testContext,
  testDeployment,
  testProgress,
  testService,
  testTerminal,
} from '../testing/context.ts';

const NEW = 'ecs-svc/2';
const OLD = 'ecs-svc/1';
const rolling = (rest: object = {}, ours: object = {}) =>
  testService({
    deployments: [
      testDeployment(NEW, { rolloutState: 'IN_PROGRESS', runningCount: 0, ...ours }),
      testDeployment(OLD, {
        status: 'ACTIVE',
        taskDefinition: 'arn:aws:ecs:us-east-1:000000000000:task-definition/hello:1',
      }),
    ],
    ...rest,
  });

const traffic = (requests: number, failed = 0): object => ({ traffic: { requests, failed } });

/** A rolling update of two tasks, as the api tells it. */
const update: readonly ServiceProgress[] = [
  testProgress(
    0,
    rolling(),
    [
      ['0a', OLD, 'serving'],
      ['0b', OLD, 'serving'],
    ],
    traffic(1000),
  ),
  testProgress(
    1,
    rolling(),
    [
      ['0a', OLD, 'serving'],
      ['0b', OLD, 'serving'],
      ['1a', NEW, 'pull'],
      ['1b', NEW, 'pull'],
    ],
    traffic(1100),
  ),
  testProgress(
    2,
    rolling(),
    [
      ['0a', OLD, 'serving'],
      ['0b', OLD, 'serving'],
      ['1a', NEW, 'health'],
      ['1b', NEW, 'start'],
    ],
    traffic(1200),
  ),
  testProgress(
    4,
    rolling(),
    [
      ['0a', OLD, 'drain'],
      ['0b', OLD, 'serving'],
      ['1a', NEW, 'serving'],
      ['1b', NEW, 'serving'],
    ],
    traffic(1400),
  ),
  testProgress(
    6,
    rolling(),
    [
      [
        '0a',
        OLD,
        'stopped',
        { stoppedReason: 'Scaling activity initiated by (deployment ecs-svc/1)' },
      ],
      ['0b', OLD, 'stop'],
      ['1a', NEW, 'serving'],
      ['1b', NEW, 'serving'],
    ],
    traffic(1600),
  ),
  testProgress(
    7,
    testService(),
    [
      ['1a', NEW, 'serving'],
      ['1b', NEW, 'serving'],
    ],
    traffic(1700),
  ),
];

function fold(messages: readonly ServiceProgress[]): ProgressState {
  let state: ProgressState | undefined;
  for (const message of messages) state = advance(state, NEW, message).state;
  return state!;
}

describe('the progress of a deployment', () => {
  it('is going until nothing is on its way in or out, then done', () => {
    for (let length = 1; length < update.length; length += 1) {
      const state = fold(update.slice(0, length));
      assert.equal(verdictOf(state, state.at).kind, 'going', `after ${length} messages`);
    }
    const state = fold(update);
    assert.equal(verdictOf(state, state.at).kind, 'done');
    assert.equal(state.requests, 700);
    assert.equal(state.failedRequests, 0);
    assert.equal(state.troubles.size, 0);
  });

  it('counts requests on when a proxy starts anew', () => {
    const state = fold([
      testProgress(0, rolling(), [], traffic(1000, 3)),
      testProgress(1, rolling(), [], traffic(1500, 4)),
      testProgress(2, rolling(), [], traffic(20, 0)),
      testProgress(3, rolling(), [], traffic(50, 1)),
    ]);
    assert.deepEqual([state.requests, state.failedRequests], [550, 2]);
  });

  it('reads well in place', () => {
    const frames = update.map((_, index) => {
      const state = fold(update.slice(0, index + 1));
      const scene = { width: 79, color: false, title: 'hello:1 -> hello:2' };
      const lines = block(state, state.at + 500, scene);
      for (const line of lines) assert.ok(line.length < 80, line);
      return lines.join('\n');
    });
    matchesGolden('progress-block.txt', `${frames.join('\n\n')}\n`);
  });

  it('says at which stage a shift of traffic is', () => {
    const progress = {
      phase: 'BAKE_TIME',
      since: 0,
      waitsFor: 'the bake time',
      secondsLeft: 90,
      productionWeight: 100,
      testWeight: 100,
    };
    const state = fold([testProgress(0, rolling({}, { progress }), [])]);
    const lines = block(state, state.at + 30_000, { width: 79, color: false, title: 'x' });
    const text = 'BAKE_TIME 100 %; waits for the bake time; about 1 min left';
    assert.ok(lines.includes(`  stage    ${text}`), lines.join('\n'));
    assert.ok(heartbeatLine(state, state.at + 30_000).includes(text));
  });

  it('reads well as lines', () => {
    let state: ProgressState | undefined;
    const lines: string[] = [];
    for (const message of update) {
      const next = advance(state, NEW, message);
      state = next.state;
      for (const change of next.changes) lines.push(changeLine(change, state));
    }
    matchesGolden('progress-lines.txt', `${lines.join('\n')}\n`);
  });
});

describe('a deployment that fails', () => {
  const sick = (id: string): readonly [string, string, string, object] => [
    id,
    NEW,
    'stopped',
    {
      stoppedReason: 'Task failed container health checks',
      containers: [{ name: 'hello', exitCode: 0, healthOutput: 'HTTP/1.1 503 UNHEALTHY=1 is set' }],
    },
  ];

  it('is evident from three failed tasks and none that serves', () => {
    const two = fold([
      testProgress(0, rolling(), []),
      testProgress(9, rolling({}, { failedTasks: 2 }), [sick('1a'), sick('1b')]),
    ]);
    assert.equal(verdictOf(two, two.at).kind, 'going');
    const three = fold([
      testProgress(0, rolling(), []),
      testProgress(9, rolling({}, { failedTasks: 3 }), [sick('1a'), sick('1b'), sick('1c')]),
    ]);
    const verdict = verdictOf(three, three.at);
    assert.equal(verdict.kind, 'failed');
    assert.equal(three.troubles.get('1a'.repeat(16))?.check, 'HTTP/1.1 503 UNHEALTHY=1 is set');
  });

  it('is not evident from tasks that ran before and ended for reasons of their own', () => {
    const state = fold([
      testProgress(0, testService(), []),
      testProgress(9, testService({ runningCount: 0 }), [sick('1a'), sick('1b'), sick('1c')]),
    ]);
    assert.equal(verdictOf(state, state.at).kind, 'going');
  });

  it('is left to the circuit breaker where there is one', () => {
    const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
    const failing = fold([
      testProgress(0, rolling({ deploymentConfiguration }), []),
      testProgress(1, rolling({ deploymentConfiguration }, { failedTasks: 5 }), []),
    ]);
    assert.equal(verdictOf(failing, failing.at).kind, 'going');
    const rolledBack = fold([
      testProgress(0, rolling({ deploymentConfiguration }), []),
      testProgress(
        1,
        rolling(
          { deploymentConfiguration },
          { rolloutState: 'FAILED', rolloutStateReason: 'ECS deployment circuit breaker: x.' },
        ),
        [],
      ),
      testProgress(2, testService({ deployments: [testDeployment('ecs-svc/3')] }), []),
    ]);
    assert.deepEqual(verdictOf(rolledBack, rolledBack.at), {
      kind: 'failed',
      reason: 'rolled back: ECS deployment circuit breaker: x',
    });
  });

  it('is told from one that another took the place of, though nothing is left of it', () => {
    const undoing = {
      rolloutState: 'IN_PROGRESS',
      rolloutStateReason: 'ECS deployment failed: hook x: rolling back to deploymentId ecs-svc/1.',
    };
    const state = fold([
      testProgress(0, rolling(), []),
      testProgress(1, testService({ deployments: [testDeployment('ecs-svc/3', undoing)] }), []),
      testProgress(2, testService({ deployments: [testDeployment('ecs-svc/3')] }), []),
    ]);
    assert.deepEqual(verdictOf(state, state.at), {
      kind: 'failed',
      reason: 'rolled back: ECS deployment failed: hook x',
    });
  });

  it('without a roll back fails with its own reason', () => {
    const state = fold([
      testProgress(
        0,
        rolling({}, { rolloutState: 'FAILED', rolloutStateReason: 'tasks failed to start' }),
        [],
      ),
    ]);
    assert.deepEqual(verdictOf(state, state.at), {
      kind: 'failed',
      reason: 'tasks failed to start',
    });
  });

  it('is over when another one, or the end of the service, takes its place', () => {
    const other = fold([
      testProgress(0, rolling(), []),
      testProgress(1, testService({ deployments: [testDeployment('ecs-svc/9')] }), []),
    ]);
    assert.match(String(Object.values(verdictOf(other, other.at))), /ecs-svc\/9/);
    const gone = fold([testProgress(0, testService({ status: 'DRAINING' }), [])]);
    assert.match(String(Object.values(verdictOf(gone, gone.at))), /DRAINING/);
  });

  it('gives up on a task that can not be placed once nothing moves', () => {
    const message =
      '(service hello) was unable to place a task because no container instance met all of its requirements.';
    const events = [{ id: '1', createdAt: testProgress(1, rolling(), []).at, message }];
    const state = fold([testProgress(0, rolling(), []), testProgress(2, rolling({ events }), [])]);
    assert.equal(verdictOf(state, state.at + 1000).kind, 'going');
    assert.equal(verdictOf(state, state.at + 25_000).kind, 'failed');
  });
});

describe('following a deployment', () => {
  const followed: Followed = {
    cluster: 'default',
    service: 'hello',
    deploymentId: NEW,
    title: 'hello:1 -> hello:2',
    done: 'deployed hello:2',
    timeoutMs: 60_000,
  };

  function play(messages: readonly ServiceProgress[], options: { live?: boolean } = {}) {
    const clock = new VirtualClock(messages[0]!.at);
    const terminal = testTerminal(options);
    const operations = {
      WatchService: async function* (_: unknown, { signal }: { signal: AbortSignal }) {
        for (const message of messages) {
          const wait = message.at - clock.now();
          if (wait > 0) await clock.sleep(wait, signal);
          yield message;
        }
        await clock.sleep(600_000, signal);
      },
      StreamLogs: async function* () {
        yield await Promise.resolve({
          taskId: '1a',
          container: 'hello',
          stream: 'stderr',
          lines: ['health check failed'],
        });
      },
    };
    const context = {
      ...testContext(['service', 'update', 'hello'], { operations }, terminal),
      clock,
    };
    let over = false;
    const code = followDeployment(context, followed).finally(() => (over = true));
    const end = async (): Promise<number> => {
      await clock.advanceUntil(() => over, 300_000);
      return await code;
    };
    return { terminal, end };
  }

  it('ends with 0 and the total, a line for each thing that happened', async () => {
    const { terminal, end } = play(update);
    assert.equal(await end(), 0);
    assert.match(terminal.output(), /^service hello: hello:1 -> hello:2\n/);
    assert.match(terminal.output(), /new 1a1a1a1a {2}serves \(health 2\.0 s\)/);
    assert.match(terminal.output(), /deployed hello:2 in 7\.\d s, 0 of 700 requests failed\n$/);

    assert.doesNotMatch(terminal.output(), /\u001b/);
  });

  it('is never silent for long', async () => {
    const { terminal, end } = play([update[0]!, update[1]!]);
    assert.equal(await end(), 5);
    const alive = terminal.output().match(/^ .* serving 0\/2 new, 2 old; requests/gm) ?? [];
    assert.ok(alive.length >= 10, terminal.output());
  });

  it('that fails ends with 5, why, the last lines of a task, what serves and what to do', async () => {
    const containers = [{ name: 'hello', exitCode: 1, healthOutput: 'HTTP/1.1 503 sick' }];
    const stopped = { stoppedReason: 'Task failed container health checks', containers };
    const tasks = ['1a', '1b', '1c'].map((id) => [id, NEW, 'stopped', stopped] as const);
    const { terminal, end } = play([
      update[0]!,
      testProgress(9, rolling({}, { failedTasks: 3 }), tasks, traffic(1900)),
    ]);
    assert.equal(await end(), 5);
    matchesGolden('progress-failure.txt', `${terminal.complaints().join('\n')}\n`);
  });

  it('on a terminal draws one block over itself', async () => {
    const { terminal, end } = play(update, { live: true });
    assert.equal(await end(), 0);

    assert.match(terminal.output(), /\u001b\[10A/);
  });
});
