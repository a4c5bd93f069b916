// Builds a lab: network, disks and certificates, then every process by the command that an operator would type, in two lanes:
// etcd and the control plane, and the hosts' engines with their images.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Clock } from '@berth/control/clock.ts';

import { type Api, connectApi } from '../connection.ts';
import { needRoom } from '../dev/disk.ts';
import { needProgram } from '../dev/host-commands.ts';
import { type Lock, readNote, takeLock } from '../dev/lock.ts';
import { SAMPLE_IMAGE, ensureSampleImage } from '../dev/sample-image.ts';
import type { Steps } from '../dev/steps.ts';
import { ensureDevKey } from '../dev/user.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { count } from '../output/text.ts';
import { makeCertificates, makeDirectory } from './certificates.ts';
import { makeDisks, mountRun } from './disks.ts';
import { checkArchive, loadArchive } from './image.ts';
import { removeLab, runsAnything } from './leftovers.ts';
import { freeNet, makeNetwork } from './network.ts';
import {
  type LabOptions,
  type LabPlan,
  type NodeKind,
  type NodePlan,
  type Programs,
  planLab,
  refusal,
} from './plan.ts';
import { type ProcessIdentity, self } from './proc.ts';
import { startProcess, untilReady } from './processes.ts';
import { needRoot } from './root.ts';
import { LABS, labsOf, placesOf, readState, writeState } from './state.ts';

const READY_MS = 90_000;
const LOCK_POLL_MS = 100;
const LOCK_MS = 10_000;
/** Engines that take in an image at a time: each holds the whole archive in memory. */
const IMPORTS = 2;
const LAUNCHER = fileURLToPath(new URL('../../bin/berth.mjs', import.meta.url));

export interface Building {
  readonly clock: Clock;
  /** Ends the building; whoever gave it then takes the lab down. */
  readonly signal: AbortSignal;
  readonly steps: Steps;
  /** Archives of `docker save` for all hosts. */
  readonly images: readonly string[];
  /** Import the image of the sample service into all hosts. */
  readonly sampleImage: boolean;
}

/** Look whether a lab can be built here at all, before anything changes. @throws CommandError */
export function checkGround(options: LabOptions, images: readonly string[]): Programs {
  const wrong = refusal(options);
  if (wrong !== undefined) {
    throw new CommandError(exitCodes.refused, wrong, { next: 'berth lab up --help' });
  }
  if (process.platform !== 'linux') {
    throw new CommandError(
      exitCodes.failed,
      `a lab needs Linux with its network namespaces, this is ${process.platform}`,
      { next: 'deploy/vagrant, which makes the same topology of virtual machines' },
    );
  }
  needRoot();
  const packages = {
    ip: 'iproute2',
    tc: 'iproute2',
    iptables: 'iptables',
    'iptables-restore': 'iptables',
    nsenter: 'util-linux',
    unshare: 'util-linux',
    fallocate: 'util-linux',
    mount: 'mount',
    'mkfs.ext4': 'e2fsprogs',
  };
  for (const [program, name] of Object.entries(packages)) needProgram(program, name);
  images.forEach(checkArchive);
  return {
    node: process.execPath,
    berth: LAUNCHER,
    etcd: needProgram('etcd', 'etcd-server'),
    dockerd: options.hosts > 0 ? needProgram('dockerd', 'docker.io') : 'dockerd',
  };
}

/** Held while a lab is built or taken down. @throws CommandError when somebody else does that */
export async function lockLab(name: string): Promise<Lock> {
  const { directory } = placesOf(name);
  const lock = await takeLock(directory, self());
  if (lock) return lock;
  const holder = holderOf(directory);
  throw new CommandError(
    exitCodes.refused,
    `lab "${name}" is just being built or taken down${holder ? ` by process ${holder.pid}` : ''}`,
    { next: `wait for it, or: berth lab down --name ${name}` },
  );
}

/** Who wrote that it holds the lock; it may be gone. */
export function holderOf(directory: string): ProcessIdentity | undefined {
  return readNote(directory) as ProcessIdentity | undefined;
}

/** What a killed one left is removed first. The caller holds the lock. @throws CommandError when the lab is up */
export async function clearGround(name: string, clock: Clock): Promise<readonly string[]> {
  const state = readState(placesOf(name));
  if (state?.phase === 'up' && runsAnything(name)) {
    throw new CommandError(exitCodes.refused, `lab "${name}" is up already`, {
      next: `berth lab ps --name ${name}, or berth lab down --name ${name}`,
    });
  }
  return await removeLab(name, placesOf(name), LABS, clock);
}

/** Build it. The caller holds the lock, and takes down what there is when this throws. */
export async function buildLab(
  options: LabOptions,
  programs: Programs,
  building: Building,
): Promise<LabPlan> {
  const { steps, signal, clock } = building;
  const plan = await choosePlan(options, programs, clock);
  needRoom(plan.directory);
  await steps.run('network', async () => {
    await mountRun(plan);
    await makeNetwork(plan, LABS);
    return [
      undefined,
      `${count(plan.nodes.length, 'namespace')} on ${plan.subnet}, this machine is ${plan.rootAddress}`,
    ];
  });
  signal.throwIfAborted();
  await steps.run('disks', async () => {
    await makeDisks(plan);
    return [undefined, `${count(options.hosts, 'file system')} of ${options.diskMib} MiB`];
  });
  signal.throwIfAborted();
  await steps.run('certificates', async () => {
    makeDirectory(plan);
    await makeCertificates(plan);
    return [undefined, `in ${plan.tls}`];
  });
  signal.throwIfAborted();
  // When one lane fails, the other need not go on; both have ended before anything is taken down.
  const failed = new AbortController();
  const both = { ...building, signal: AbortSignal.any([signal, failed.signal]) };
  await Promise.allSettled(
    [controlLane, engineLane].map(async (lane) => {
      await lane(plan, both).catch((error: unknown) => failed.abort(error));
    }),
  );
  failed.signal.throwIfAborted();
  const last = await Promise.allSettled([
    startKind(plan, 'proxy', 'proxy', 'proxies', building),
    startKind(plan, 'host', 'agent', 'agents', building),
  ]);
  for (const one of last) if (one.status === 'rejected') throw one.reason;
  signal.throwIfAborted();
  writeState(plan, { phase: 'up', plan });
  return plan;
}

/** Two labs that are built at once must not choose the same addresses. */
async function choosePlan(options: LabOptions, programs: Programs, clock: Clock): Promise<LabPlan> {
  const begin = clock.monotonic();
  for (;;) {
    const lock = await takeLock(LABS, self());
    if (!lock) {
      if (clock.monotonic() - begin > LOCK_MS) {
        throw new CommandError(
          exitCodes.failed,
          `process ${holderOf(LABS)?.pid ?? '?'} does not let go of ${LABS}`,
        );
      }
      await clock.sleep(LOCK_POLL_MS, new AbortController().signal);
      continue;
    }
    try {
      const others = labsOf().flatMap((name) => readState(placesOf(name))?.plan.net ?? []);
      const plan = planLab(options, await freeNet(others), placesOf(options.name), programs);
      writeState(plan, { phase: 'building', plan });
      return plan;
    } finally {
      await lock.release();
    }
  }
}

async function controlLane(plan: LabPlan, building: Building): Promise<void> {
  const { steps } = building;
  await startKind(plan, 'etcd', 'etcd', 'etcd', building);
  await startKind(plan, 'server', 'server', 'servers', building);
  const api = await connectLab(plan);
  try {
    await steps.run('cluster', async () => {
      await api.ecs.CreateCluster({ clusterName: plan.cluster });
      const [key] = await ensureDevKey(api, plan.directory);
      return [undefined, `"${plan.cluster}", access key ${key.accessKeyId}`];
    });
  } finally {
    api.close();
  }
}

async function engineLane(plan: LabPlan, building: Building): Promise<void> {
  const { steps, images, sampleImage, signal } = building;
  const hosts = plan.nodes.filter(({ kind }) => kind === 'host');
  if (hosts.length === 0) return;
  for (const { dockerHost } of hosts) {
    if (dockerHost === undefined) continue;
    const file = dockerHost.replace('unix://', '').replace('docker.sock', 'daemon.json');
    mkdirSync(file.replace('/daemon.json', ''), { recursive: true });
    // Not that of the machine's own engine, which may name another socket.
    writeFileSync(file, '{}\n');
  }
  await startKind(plan, 'host', 'engine', 'engines', building);
  const wanted = [...(sampleImage ? [SAMPLE_IMAGE] : []), ...images];
  if (wanted.length === 0) return;
  await steps.run('images', async () => {
    await inTurns(hosts, IMPORTS, async ({ dockerHost = '' }) => {
      signal.throwIfAborted();
      if (sampleImage) await ensureSampleImage(dockerHost);
      for (const file of images) await loadArchive(dockerHost, file);
    });
    return [undefined, `${wanted.join(', ')} on ${count(hosts.length, 'host')}`];
  });
}

/** Start a process on every node of a kind, and wait until all are ready. */
async function startKind(
  plan: LabPlan,
  kind: NodeKind,
  name: NodePlan['processes'][number]['name'],
  title: string,
  { steps, clock, signal }: Building,
): Promise<void> {
  const nodes = plan.nodes.filter((node) => node.kind === kind);
  if (nodes.length === 0) return;
  await steps.run(title, async () => {
    const started = nodes.map(async (node) => {
      const found = node.processes.find((process) => process.name === name);
      if (!found) throw new Error(`${node.name} has no ${name}`);
      await startProcess(plan, node, found);
      await untilReady(plan, node, found, { clock, signal, withinMs: READY_MS });
    });
    // All, so that none is still being started when the lab is taken down.
    for (const one of await Promise.allSettled(started)) {
      if (one.status === 'rejected') throw one.reason;
    }
    return [undefined, nodes.map((node) => node.name).join(' ')];
  });
}

/** Run the action for each, at most so many at a time. */
async function inTurns<T>(
  items: readonly T[],
  width: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await action(item);
  };
  const workers = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const one of workers) if (one.status === 'rejected') throw one.reason;
}

export async function connectLab(plan: LabPlan): Promise<Api> {
  return await connectApi({ addresses: plan.api, tlsDirectory: plan.tls, file: undefined });
}
