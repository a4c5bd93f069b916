// A service in the lab whose deployments are watched by clients at every proxy, by a hook, and by a load that never stops: what
// each strategy needs. It has a listener of its own, and takes nothing from the service that faults strike.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import type { MaybeCertificate } from '@berth/cli/commands/deployment-certificate-view.ts';
import type { Rule, ServiceDeploymentBrief, TaskRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';

import { type Finished, berth, berthJson, eventually } from '../../e2e/cluster.ts';
import { untilOnlyWanted } from '../faults/hosts.ts';
import { DEFINITION, type Ground } from '../ground.ts';
import { summarize } from '../load/fate.ts';
import { startLoad } from '../load/load.ts';
import { Clients } from './clients.ts';
import { type Asked, openHook, shareOf } from './hook.ts';
import { assertCertified, broughtBy, endOf } from './judge.ts';

const SERVICE = 'shift';
const PORT = '8081';
const TASKS = 3;
export const PATH = '/hello';
const PREVIEW_PATH = '/hello?preview=1';
const REQUESTS_PER_SECOND = 100;
const LOAD_SECONDS = 3_600;
const TIMEOUT_MS = 20_000;
const MOST_OPEN = 4_000;
const COMMAND_MS = 120_000;
const CERTIFICATE_MS = 30_000;
const HEALTH = ['--health-path', '/hello/health', '--healthy-threshold', '2'];
const QUICK = ['--health-interval', '5', '--health-timeout', '2', '--deregistration-delay', '10'];

interface Definition {
  readonly containerDefinitions: readonly object[];
}

/** How a deployment went that somebody asked for. */
export interface Deployed {
  readonly finished: Finished;
  /** Revisions of the task definition. */
  readonly from: number;
  readonly to: number;
  /** What the hook was asked meanwhile, in turn. */
  readonly asked: readonly Asked[];
}

export interface Stand {
  readonly clients: Clients;
  readonly listener: string;
  /** Run a command that is to succeed. */
  run(...args: readonly string[]): Promise<void>;
  /** @returns what it prints with --json */
  json<T>(...args: readonly string[]): Promise<T>;
  createGroup(name: string): Promise<void>;
  /** The flags for a hook of these stages, "post-scale-up,pre-production-traffic-shift", that says in the end what it is told to say. */
  hook(stages: string, verdict?: 'SUCCEEDED' | 'FAILED'): readonly string[];
  /** The flags by which the service shifts traffic between two groups, with previews. */
  readonly shifting: readonly string[];
  /** Bring the service from the revision that it has to the other one. */
  deploy(...flags: readonly string[]): Promise<Deployed>;
  /** Only this revision answers, at every proxy, from several hosts; of the other nothing is left on any of them. */
  assertOnly(revision: number): Promise<void>;
  /** Containers of tasks that are wanted, and no others, run on the hosts. */
  assertClean(): Promise<void>;
  /** End the load. No request was lost, the certificates of all deployments agree with that, and the invariants held. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** @throws Error when the service does not come up */
export async function openStand(ground: Ground): Promise<Stand> {
  const { lab, watcher } = ground;
  const { cluster } = lab.plan;
  const urls = lab.plan.proxyUrls.map((url) => url.replace(/:\d+$/, `:${PORT}`));
  const place = { env: { ...process.env, ...lab.environment, NO_COLOR: '1' } };
  const clients = new Clients(urls);
  const deployed: Deployed[] = [];

  const run = async (...args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await berth(place, args, { timeoutMs: COMMAND_MS });
    assert.equal(code, 0, `berth ${args.join(' ')}: ${stdout}${stderr}`);
  };
  const json = <T>(...args: readonly string[]): Promise<T> => berthJson<T>(place, args);
  const createGroup = (name: string): Promise<void> =>
    run('target-group', 'create', name, ...HEALTH, ...QUICK);
  const createRule = async (...args: readonly string[]): Promise<string> =>
    (await json<{ readonly rule: Rule }>('rule', 'create', '--listener', PORT, ...args)).rule
      .ruleId;
  const register = async (): Promise<void> => {
    const definition = JSON.parse(readFileSync(DEFINITION, 'utf8')) as Definition;
    // The proxies' checks alone say that a task is healthy: those of containers begin 5 s after their start.
    const containerDefinitions = definition.containerDefinitions.map((container) => ({
      ...container,
      healthCheck: undefined,
    }));
    const input = JSON.stringify({ ...definition, containerDefinitions, family: SERVICE });
    const { code, stderr } = await berth(place, ['task-definition', 'register', '-'], { input });
    assert.equal(code, 0, stderr);
  };
  const balancer = ['--load-balancer', 'shift-blue:hello:8080'];

  await Promise.all([
    register().then(register),
    run('listener', 'create', PORT),
    ...['shift-blue', 'shift-green'].map(createGroup),
  ]);
  const [production, preview] = await Promise.all([
    createRule('--priority', '10', '--path', '/hello*', '--target-group', 'shift-blue'),
    createRule(
      ...['--priority', '5', '--path', '/hello', '--query', 'preview=1'],
      ...['--target-group', 'shift-blue'],
    ),
  ]);
  await run(
    ...['service', 'create', SERVICE, '--task-definition', `${SERVICE}:1`],
    ...['--count', String(TASKS), '--strategy', 'spread:instanceId', ...balancer],
  );
  await clients.see(PATH, { 1: 100 });
  const load = await startLoad({
    urls: urls.map((url) => url + PATH),
    ...{ requestsPerSecond: REQUESTS_PER_SECOND, seconds: LOAD_SECONDS },
    ...{ timeoutMs: TIMEOUT_MS, mostOpen: MOST_OPEN },
  });

  let turn = { from: 0, to: 1 };
  const hook = await openHook(lab.plan.rootAddress, async (question) => {
    const { from, to } = turn;
    const sharesOf = (weights: Readonly<Record<string, number>>): Record<number, number> => {
      const share = shareOf(question, weights);
      return { [from]: 100 - share, [to]: share };
    };
    await clients.see(PATH, sharesOf(question.productionTrafficWeights));
    await clients.see(PREVIEW_PATH, sharesOf(question.testTrafficWeights));
  });

  const revisionNow = (): number => {
    const definition = watcher.cache.get(collections.services, cluster, SERVICE)?.value;
    return Number(definition?.taskDefinition.split(':')[1]);
  };
  const wanted = (revision: number): TaskRecord[] =>
    watcher
      .tasks(SERVICE)
      .filter(({ task }) => task.desiredStatus === 'RUNNING')
      .flatMap(({ task }) => (task.taskDefinition === `${SERVICE}:${revision}` ? task : []));
  const assertOnly = async (revision: number): Promise<void> => {
    await clients.see(PATH, { [revision]: 100 });
    const hosts = new Set(wanted(revision).map(({ hostId }) => hostId));
    assert.ok(hosts.size >= 2, `tasks of revision ${revision} run on ${hosts.size} host`);
    const other = revision === 1 ? 2 : 1;
    await watcher.until(
      `no task of revision ${other} is wanted`,
      COMMAND_MS,
      () =>
        wanted(other)
          .map(({ id }) => id)
          .join() || undefined,
    );
    await untilOnlyWanted(ground);
  };
  const deploy = async (...flags: readonly string[]): Promise<Deployed> => {
    const from = revisionNow();
    turn = { from, to: from === 1 ? 2 : 1 };
    const first = hook.asked.length;
    const finished = await berth(
      place,
      ['service', 'update', SERVICE, '--task-definition', `${SERVICE}:${turn.to}`, ...flags],
      { timeoutMs: COMMAND_MS },
    );
    const went = { finished, ...turn, asked: hook.asked.slice(first) };
    deployed.push(went);
    return went;
  };

  const broken = watcher.invariants.violations.length;
  const finish = async (): Promise<void> => {
    const list = await json<{ readonly serviceDeployments: readonly ServiceDeploymentBrief[] }>(
      ...['deployment', 'list', SERVICE],
    );
    const [, ...updates] = list.serviceDeployments.toReversed();
    assert.equal(updates.length, deployed.length);
    const certificates = await Promise.all(
      updates.map(({ serviceDeploymentArn: arn }) =>
        eventually(`${arn} has a certificate`, CERTIFICATE_MS, async () => {
          const { certificate } = await json<MaybeCertificate>('deployment', 'show', arn);
          return certificate && certificate.status !== 'OPEN' ? certificate : undefined;
        }),
      ),
    );
    assert.deepEqual(watcher.invariants.violations.slice(broken), []);
    const fates = await load.stop();
    const { failed, how, first } = summarize(fates);
    assert.equal(failed, 0, `${failed} of ${fates.length}: ${how.join()}; ${first?.detail ?? ''}`);
    for (const [at, certificate] of certificates.entries()) {
      const { asked, finished } = deployed[at] ?? assert.fail();
      const status = finished.code === 0 ? 'SUCCESSFUL' : 'ROLLBACK_SUCCESSFUL';
      assertCertified(certificate, status, { fates, others: clients.asked });
      const question = asked.findLast((one) => shareOf(one, one.productionTrafficWeights) === 0);
      if (!question) continue;
      const brought = broughtBy(certificate);
      const early = fates.filter(
        (fate) => brought.has(fate.task ?? '') && endOf(fate) < question.answeredAt,
      );
      assert.equal(early.length, 0, 'requests went to a new task before the hook had agreed');
    }
  };
  return {
    ...{ clients, listener: PORT, run, json, createGroup, deploy, assertOnly, finish },
    assertClean: () => untilOnlyWanted(ground),
    shifting: [
      ...[...balancer, '--alternate-group', 'shift-green'],
      ...['--production-rule', production, '--test-rule', preview],
    ],
    hook: (stages, verdict = 'SUCCEEDED') => {
      hook.verdict = verdict;
      return ['--hook', `${stages}=${hook.url}`];
    },
    close: async () => {
      hook.close();
      await load.stop();
    },
  };
}
