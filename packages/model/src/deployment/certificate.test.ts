import assert from 'node:assert/strict';

import fc from 'fast-check';

import type {
  DeploymentCertificateRecord,
  FailedRequest,
  TargetCounts,
} from '../generated/messages.ts';
import { baseOf, certified, lateBase, type RunCounts, type TaskOwner } from './certificate.ts';
import { added, bucketOf, BUCKETS, longestOf, quantile, since } from './latency.ts';
import { newer } from './target-counts.ts';

const OLD = 'ecs-svc/old';
const NEW = 'ecs-svc/new';
const BEGUN = 1_000;
const OWNERS = new Map<string, TaskOwner>([
  ['o1', { deploymentId: OLD, taskDefinition: 'app:1' }],
  ['n1', { deploymentId: NEW, taskDefinition: 'app:2' }],
]);

/** One request that has ended at a proxy. */
interface Ended {
  readonly proxy: string;
  readonly task: '' | 'o1' | 'n1';
  readonly fate: 'answered' | 'failed' | 'failedOtherwise' | 'targetError';
  readonly ms: number;
}

/** The totals that proxies would tell, each since its start. */
function runsOf(requests: readonly Ended[]): RunCounts[] {
  const runs = new Map<string, { targets: Map<string, TargetCounts>; failures: FailedRequest[] }>();
  for (const [at, { proxy, task, fate, ms }] of requests.entries()) {
    const run = runs.get(proxy) ?? { targets: new Map<string, TargetCounts>(), failures: [] };
    runs.set(proxy, run);
    const target = task === '' ? '' : `${task}-80`;
    const key = `web ${target} 1`;
    const before = run.targets.get(key);
    const latency = added(before?.latency ?? [], one(bucketOf(ms)));
    const failed = fate === 'failed' || task === '';
    run.targets.set(key, {
      group: 'web',
      target,
      registeredAt: 1,
      taskId: task,
      requests: (before?.requests ?? 0) + 1,
      failed: (before?.failed ?? 0) + Number(failed),
      failedOtherwise:
        (before?.failedOtherwise ?? 0) + Number(!failed && fate === 'failedOtherwise'),
      targetErrors: (before?.targetErrors ?? 0) + Number(!failed && fate === 'targetError'),
      latency,
      slowest: [],
    });
    if (!failed && fate !== 'failedOtherwise') continue;
    run.failures.push({
      number: run.failures.length + 1,
      requestId: `r${at}`,
      at,
      proxy,
      group: 'web',
      target,
      registeredAt: 1,
      taskId: task,
      status: 502,
      reason: 'why',
      ofChange: failed,
    });
  }
  return Array.from(runs, ([proxy, run]) => ({ proxy, startedAt: 5, ...run }));
}

function one(bucket: number): number[] {
  return Array.from({ length: bucket + 1 }, (_, at) => Number(at === bucket));
}

function opened(runs: readonly RunCounts[]): DeploymentCertificateRecord {
  const base = runs.map(baseOf);
  return {
    cluster: 'c',
    service: 's',
    id: 'x',
    deploymentId: NEW,
    status: 'OPEN',
    begunAt: BEGUN,
    countedFrom: BEGUN,
    revisions: [],
    untaken: [],
    requests: 0,
    failed: 0,
    failedOtherwise: 0,
    failures: [],
    failuresLeftOut: 0,
    phases: [],
    unknown: [],
    targetGroups: ['web'],
    draft: {
      base,
      settled: [],
      failures: [],
      beforeLatency: base.reduce<readonly number[]>((sum, run) => added(sum, run.latency), []),
    },
  };
}

const ended: fc.Arbitrary<Ended> = fc.record({
  proxy: fc.constantFrom('p1', 'p2'),
  task: fc.constantFrom('' as const, 'o1' as const, 'n1' as const),
  fate: fc.constantFrom(
    'answered' as const,
    'answered' as const,
    'failed' as const,
    'failedOtherwise' as const,
    'targetError' as const,
  ),
  ms: fc.integer({ min: 1, max: 10_000 }),
});

describe('the certificate of a deployment', () => {
  it('has each request of its time once, by revision and target, and names what failed because of it', () => {
    fc.assert(
      fc.property(fc.array(ended), fc.array(ended), (before, during) => {
        const certificate = opened(runsOf(before));
        const result = certified(certificate, runsOf([...before, ...during]), OWNERS);
        const count = (holds: (each: Ended) => boolean): number => during.filter(holds).length;
        assert.equal(result.requests, during.length);
        for (const [deployment, task] of [
          [OLD, 'o1'],
          [NEW, 'n1'],
        ] as const) {
          const revision = result.revisions.find(({ deploymentId }) => deploymentId === deployment);
          const wanted = count((each) => each.task === task);
          assert.equal(revision?.requests ?? 0, wanted);
          assert.equal(revision?.targets[0]?.requests ?? 0, wanted);
          const broken = count((each) => each.task === task && each.fate === 'targetError');
          assert.equal(revision?.targetErrors ?? 0, broken);
        }
        assert.equal(
          result.untaken[0]?.requests ?? 0,
          count(({ task }) => task === ''),
        );
        // What fails at a new task fails because of the deployment, whatever it was.
        const otherwise = count((each) => each.task === 'o1' && each.fate === 'failedOtherwise');
        const failed = count(
          ({ task, fate }) => task === '' || fate === 'failed' || fate === 'failedOtherwise',
        );
        assert.equal(result.failedOtherwise, otherwise);
        assert.equal(result.failed, failed - otherwise);
        assert.equal(result.failures.length + result.failuresLeftOut, failed);
        assert.ok(result.failures.every(({ at }) => at >= before.length || failed > 100));
        assert.equal(result.failures.filter(({ ofChange }) => ofChange).length, result.failed);
        assert.equal(result.latency?.beforeRequests, before.length);
      }),
      { numRuns: 60 },
    );
  });

  it('begins later for a proxy that was first heard of during it', () => {
    const run: RunCounts = {
      proxy: 'p1',
      startedAt: BEGUN - 1,
      failures: [],
      targets: new Map(
        [BEGUN - 500, BEGUN + 500].map((registeredAt, index) => [
          `web t${index} ${registeredAt}`,
          {
            group: 'web',
            target: `t${index}`,
            registeredAt,
            taskId: 'o1',
            requests: 7,
            failed: 0,
            failedOtherwise: 0,
            targetErrors: 0,
            latency: [],
            slowest: [],
          },
        ]),
      ),
    };
    const late = lateBase(opened([]), run);
    assert.deepEqual(
      late?.targets.map(({ target, requests }) => [target, requests]),
      [['t0', 7]],
      'what it had counted of older targets is taken off',
    );
    assert.equal(lateBase(opened([run]), run), undefined, 'it was there at the begin');
    assert.equal(lateBase(opened([]), { ...run, startedAt: BEGUN }), undefined, 'it is new');
  });

  it('tells of added latency only where there was some before', () => {
    const fast = { proxy: 'p1', task: 'o1', fate: 'answered', ms: 10 } as const;
    const slow = { ...fast, ms: 1_000 };
    const alone = certified(opened([]), runsOf([slow]), OWNERS).latency;
    assert.equal(alone?.addedP99, undefined);
    const { latency } = certified(opened(runsOf([fast])), runsOf([fast, slow]), OWNERS);
    const added99 = latency?.addedP99 ?? 0;
    assert.ok(added99 > 900 && added99 < 1_200, `${added99} ms`);
  });
});

describe('counts of latency', () => {
  it('know each time to within an eighth, and add and subtract', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.2, max: 1e6, noNaN: true }), { minLength: 1 }),
        (times) => {
          const counts = times.map((ms) => one(bucketOf(ms))).reduce(added);
          const most = Math.max(...times);
          const found = quantile(counts, 1) ?? 0;
          assert.ok(found >= most * 0.999 && found <= most * 1.125, `${found} of ${most}`);
          assert.deepEqual(since(added(counts, counts), counts), counts);
        },
      ),
      { numRuns: 60 },
    );
    assert.equal(quantile([], 0.99), undefined);
    assert.equal(bucketOf(1e12), BUCKETS - 1);
    assert.equal(bucketOf(longestOf(17)), 17);
  });
});

describe('totals of one run that come twice', () => {
  it('count once, the greatest being the newest', () => {
    const [run] = runsOf([{ proxy: 'p1', task: 'o1', fate: 'answered', ms: 1 }]);
    const [first] = run?.targets.values() ?? [];
    assert.ok(first);
    const later = { ...first, requests: 5 };
    assert.equal(newer(first, later).requests, 5);
    assert.equal(newer(later, first).requests, 5);
    assert.equal(newer(undefined, first).requests, 1);
  });
});
