// `berth lab up`: builds a lab, and takes it down again at Ctrl-C unless it is to stay.
import { resolve } from 'node:path';

import { connectApi } from '../connection.ts';
import type { Context, Handlers } from '../context.ts';
import { showLive } from '../dev/live.ts';
import {
  ensureListener,
  ensureRouting,
  ensureService,
  ensureTaskDefinition,
  untilSteady,
} from '../dev/sample.ts';
import { type Steps, createSteps } from '../dev/steps.ts';
import { exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { takeDown } from '../lab/down.ts';
import { type Lab, openLab } from '../lab/lab.ts';
import { DEFAULT_OPTIONS, type LabOptions, MOST } from '../lab/plan.ts';
import { placesOf, readState } from '../lab/state.ts';
import { facts } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { duration } from '../output/text.ts';
import { endOnSignals } from '../signals.ts';

const POLL_MS = 1000;
const HINT = 'Ctrl-C takes the lab down; berth lab ... in another terminal breaks it';

export const handlers: Handlers = {
  'lab up': async (given) => {
    const options = labOptions(given.flags);
    const ending = endOnSignals();
    try {
      return await run({ ...given, signal: ending.signal }, options);
    } finally {
      ending.release();
    }
  },
};

/** @throws UsageError */
export function labOptions(flags: Flags): LabOptions {
  const many = (name: string, max: number, otherwise: number, min = 0): number =>
    flags.integer(name, { min, max }) ?? otherwise;
  return {
    name: flags.text('name') ?? DEFAULT_OPTIONS.name,
    hosts: many('hosts', MOST.host, DEFAULT_OPTIONS.hosts),
    servers: many('servers', MOST.server, DEFAULT_OPTIONS.servers, 1),
    etcd: many('etcd', MOST.etcd, DEFAULT_OPTIONS.etcd, 1),
    proxies: many('proxies', MOST.proxy, DEFAULT_OPTIONS.proxies),
    diskMib: many('host-disk', 1_048_576, DEFAULT_OPTIONS.diskMib, 512),
    proxyWorkers: many('proxy-workers', 64, DEFAULT_OPTIONS.proxyWorkers, 1),
    liveRestore: !flags.on('no-live-restore'),
    serverFlags: flags.texts('server-flag'),
  };
}

async function run(given: Context, options: LabOptions): Promise<number> {
  const { terminal, clock, flags, signal } = given;
  const begin = clock.monotonic();
  const steps = createSteps(terminal, clock);
  const sample = !flags.on('no-sample') && options.hosts > 0 && options.proxies > 0;
  say(terminal, `Building lab "${options.name}" in ${placesOf(options.name).directory}`);
  let lab: Lab;
  try {
    const images = flags.texts('image').map((file) => resolve(file));
    lab = await openLab({ ...options, images, sampleImage: sample, signal, steps }, clock);
  } catch (error) {
    if (!signal.aborted) throw error;
    say(terminal, 'Interrupted; what was built has been taken down.');
    return exitCodes.interrupted;
  }
  const over = new AbortController();
  const context = withApi({ ...given, signal: AbortSignal.any([signal, over.signal]) }, lab);
  try {
    if (sample) await deploySample(context, lab, steps);
    for (const line of welcome(context, lab, clock.monotonic() - begin, sample))
      say(terminal, line);
    if (flags.on('detach')) return exitCodes.ok;
    await Promise.race([showLive(context, false, HINT), untilGone(context, lab)]);
  } catch (error) {
    if (!signal.aborted) {
      await end(context, options.name);
      throw error;
    }
  } finally {
    over.abort();
    (await context.api()).close();
  }
  return await end(context, options.name);
}

/** Take it down, unless somebody else has. */
async function end({ terminal, clock }: Context, name: string): Promise<number> {
  const begin = clock.monotonic();
  const { existed, problems } = await takeDown(name, clock);
  for (const problem of problems) terminal.complain(`could not be removed: ${problem}`);
  say(terminal, existed ? `\nTaken down (${duration(clock.monotonic() - begin)})` : '\nTaken down');
  return problems.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function withApi(given: Context, { plan }: Lab): Context {
  const location = { addresses: plan.api, tlsDirectory: plan.tls, file: undefined };
  let api: ReturnType<Context['api']> | undefined;
  return { ...given, cluster: plan.cluster, api: () => (api ??= connectApi(location)) };
}

async function untilGone({ clock, signal }: Context, { plan }: Lab): Promise<void> {
  while (readState(plan)?.phase === 'up') await clock.sleep(POLL_MS, signal);
}

async function deploySample(context: Context, { plan }: Lab, steps: Steps): Promise<void> {
  const api = await context.api();
  const ground = {
    api,
    cluster: plan.cluster,
    dataDirectory: plan.directory,
    httpPort: plan.httpPort,
  };
  await steps.run('sample', async () => {
    await ensureListener(ground);
    const definition = await ensureTaskDefinition(api);
    return [undefined, `${definition}, ${await ensureRouting(ground)}`];
  });
  await steps.run('service hello', async () => {
    const service = await ensureService(ground);
    return [undefined, await untilSteady(context, ground, service)];
  });
}

function welcome({ terminal }: Context, lab: Lab, tookMs: number, sample: boolean): string[] {
  const { plan } = lab;
  const named = plan.options.name === DEFAULT_OPTIONS.name ? '' : ` --name ${plan.options.name}`;
  const tries = [
    ...(sample ? plan.proxyUrls.slice(0, 1).map((url) => `curl ${url}/hello`) : []),
    `npx berth lab ps${named}`,
    `eval "$(npx berth lab env${named})"; npx berth host list`,
    ...(plan.options.hosts > 0 ? [`npx berth lab kill h1${named}`] : []),
    `npx berth lab down${named}`,
  ];
  return [
    '',
    `Lab "${plan.options.name}" is up (${duration(tookMs)})`,
    ...facts(
      [
        ['proxies', plan.proxyUrls.join(' ')],
        ['api', plan.api.join(' ')],
        ['aws', plan.aws.map((address) => `http://${address}`).join(' ')],
        ['logs', `${plan.directory}/logs`],
      ],
      terminal.color,
    ).map((line) => `  ${line}`),
    '',
    'Try:',
    ...tries.map((line) => `  ${line}`),
    '',
  ];
}
