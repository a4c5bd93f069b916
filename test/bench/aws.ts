// DescribeTasks, ListTasks and RunTask over the AWS wire with 10,000 tasks in the cluster: operations a second and how long the
// slowest of a hundred took. Real etcd, HTTP and SigV4; the peer is the same operation over gRPC in the same run, whose caller has
// a certificate and needs no policy. Hosts and load are processes of their own and share the machine with the control plane.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { issue } from '@berth/rpc/authority.ts';
import { connect } from '@berth/rpc/client.ts';

import { awsClient } from './aws-client.ts';
import type { Place } from './aws-plane.ts';

const TASKS = 10_000;
const AT_ONCE = 8;
const TASKS_A_CALL = 10;
const WARM_MS = 500;
const MEASURE_MS = 1_500;
const ROUNDS = 2;
const MOST_CALLS = 20_000;
/** Everything together. */
const LIMIT_MS = 90_000;

type Call = (index: number) => Promise<unknown>;

interface Sample {
  readonly perSecond: number;
  readonly p99: number;
}

const children: ChildProcess[] = [];
const limit = setTimeout(() => {
  console.error(`The bench was not done within ${LIMIT_MS / 1000} s.`);
  for (const child of children) child.disconnect();
  process.exit(1);
}, LIMIT_MS);

/** @param profile whether BERTH_BENCH_PROFILE, a directory, shall have a profile of its CPU */
function start(file: string, profile = false): ChildProcess {
  const directory = process.env['BERTH_BENCH_PROFILE'];
  const execArgv = ['--disable-warning=ExperimentalWarning'];
  if (profile && directory) execArgv.push('--cpu-prof', `--cpu-prof-dir=${directory}`);
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv });
  children.push(child);
  return child;
}

/** What a child says first. @throws Error when it ends instead */
async function said(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${child.spawnargs.at(-1)} ended with ${code}`);
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown];
  return message;
}

/** Several at once, until `done`. @returns how long each took, in ms */
async function drive(call: Call, done: (calls: number) => boolean): Promise<number[]> {
  const took: number[] = [];
  let calls = 0;
  const worker = async (): Promise<void> => {
    while (!done(calls)) {
      const began = performance.now();
      await call(calls++);
      took.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return took;
}

async function measure(call: Call): Promise<Sample> {
  const forMs = (ms: number): ((calls: number) => boolean) => {
    const began = performance.now();
    return (calls) => calls >= MOST_CALLS || performance.now() - began >= ms;
  };
  await drive(call, forMs(WARM_MS));
  const began = performance.now();
  const took = await drive(call, forMs(MEASURE_MS));
  const seconds = (performance.now() - began) / 1000;
  took.sort((a, b) => a - b);
  return { perSecond: took.length / seconds, p99: took[Math.floor(took.length * 0.99)] ?? NaN };
}

function shown({ perSecond, p99 }: Sample): string {
  return `${perSecond.toFixed(0).padStart(7)}/s, p99 ${p99.toFixed(1).padStart(5)} ms`;
}

/** Of the rounds: the most operations, the shortest p99. What else runs on the machine can only make them worse. */
function best(samples: readonly Sample[]): Sample {
  return {
    perSecond: Math.max(...samples.map(({ perSecond }) => perSecond)),
    p99: Math.min(...samples.map(({ p99 }) => p99)),
  };
}

async function compare(name: string, aws: Call, grpc: Call): Promise<void> {
  const samples: { aws: Sample[]; grpc: Sample[] } = { aws: [], grpc: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    samples.aws.push(await measure(aws));
    samples.grpc.push(await measure(grpc));
  }
  const [wire, peer] = [best(samples.aws), best(samples.grpc)];
  const ratio = wire.perSecond / peer.perSecond;
  console.log(
    `${name.padEnd(30)} AWS ${shown(wire)}   gRPC ${shown(peer)}   ratio ${ratio.toFixed(2)}`,
  );
}

const plane = start('./aws-plane.ts', true);
const place = (await said(plane)) as Place;
const hosts = start('./aws-hosts.ts');
hosts.send(place);
await said(hosts);

const identity = { role: 'admin', name: 'bench' } as const;
const tls = await issue(place.authority, identity, ['localhost'], Date.now(), 1);
const connection = connect({ addresses: [place.address], tls });
const peer = connection.client('Ecs');
const aws = awsClient(place);
try {
  await aws.call('RegisterTaskDefinition', {
    family: 'bench',
    containerDefinitions: [{ name: 'main', image: 'web:1', cpu: 8, memory: 8 }],
  });
  const arns: string[] = [];
  const run = { taskDefinition: 'bench' };
  const began = performance.now();
  await drive(
    async () => {
      const answer = await aws.call<{ tasks: { taskArn: string }[]; failures: unknown[] }>(
        'RunTask',
        { ...run, count: TASKS_A_CALL },
      );
      if (answer.failures.length > 0) throw new Error(JSON.stringify(answer.failures[0]));
      arns.push(...answer.tasks.map(({ taskArn }) => taskArn));
    },
    (calls) => calls * TASKS_A_CALL >= TASKS,
  );
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${arns.length} tasks by RunTask of ${TASKS_A_CALL} in ${seconds.toFixed(1)} s: ${(arns.length / seconds).toFixed(0)} tasks/s`,
  );
  console.log(
    `${AT_ONCE} calls at once, ${availableParallelism()} cores for control plane, etcd, hosts and load; the best of ${ROUNDS} rounds\n`,
  );
  const some = (index: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => arns[(index * 7919 + i * 97) % arns.length] ?? '');
  for (const count of [1, 100]) {
    await compare(
      `DescribeTasks of ${count}`,
      (index) => aws.call('DescribeTasks', { tasks: some(index, count) }),
      (index) => peer.DescribeTasks({ tasks: some(index, count) }),
    );
  }
  await compare(
    'ListTasks, a page of 100',
    () => aws.call('ListTasks', {}),
    () => peer.ListTasks({}),
  );
  await compare(
    'ListTasks of a family',
    () => aws.call('ListTasks', { family: 'bench' }),
    () => peer.ListTasks({ family: 'bench' }),
  );
  await compare(
    'RunTask of 1',
    () => aws.call('RunTask', run),
    () => peer.RunTask(run),
  );
} finally {
  aws.close();
  connection.close();
  for (const child of children.toReversed()) {
    if (!child.connected) continue;
    const gone = once(child, 'exit');
    child.disconnect();
    await gone;
  }
  clearTimeout(limit);
}
