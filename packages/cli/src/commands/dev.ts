// `berth dev`: a one-machine cluster with a sample service, until Ctrl-C.
import { connectApi } from '../connection.ts';
import { removeClusterFile, writeClusterFile } from '../cluster-file.ts';
import type { Context, Handlers } from '../context.ts';
import { startInBackground, stopRunning } from '../dev/background.ts';
import { CLUSTER, type RunningCluster, Teardown, startCluster } from '../dev/cluster.ts';
import { needRoom } from '../dev/disk.ts';
import { cleanUp, forgetState } from '../dev/leftovers.ts';
import { showLive } from '../dev/live.ts';
import { readHolder, takeLock } from '../dev/lock.ts';
import { type DevOptions, devOptions } from '../dev/options.ts';
import { refuseTakenPorts } from '../dev/ports.ts';
import {
  ensureListener,
  ensureRouting,
  ensureService,
  ensureTaskDefinition,
  untilSteady,
} from '../dev/sample.ts';
import { SAMPLE_IMAGE, ensureSampleImage } from '../dev/sample-image.ts';
import { type Steps, createSteps } from '../dev/steps.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { duration } from '../output/text.ts';
import { endOnSignals } from '../signals.ts';
import { awsVariables, quoted } from './env.ts';

const HINT = 'Ctrl-C stops everything; the state stays';

export const handlers: Handlers = {
  dev: async (given) => {
    const options = devOptions(given.flags, given.environment);
    if (given.flags.on('stop')) return await stopRunning(given, options);
    if (given.flags.on('keep')) return await startInBackground(given, options);
    const ending = endOnSignals();
    const context: Context = {
      ...given,
      signal: ending.signal,
      cluster: CLUSTER,
      api: ownApi(options),
    };
    try {
      return await run(context, options);
    } finally {
      ending.release();
    }
  },
};

/** Take the lock, bring the cluster up, show it, take it down. */
async function run(context: Context, options: DevOptions): Promise<number> {
  const { terminal, clock, signal } = context;
  const { dataDirectory, ports } = options;
  needRoom(dataDirectory);
  const lock = await takeLock(dataDirectory, {
    pid: process.pid,
    api: `127.0.0.1:${ports.api}`,
    proxyUrl: `http://localhost:${ports.http}`,
  });
  if (!lock) throw alreadyRunning(dataDirectory);
  const begin = clock.monotonic();
  const teardown = new Teardown();
  let failure: Error | undefined;
  try {
    say(terminal, `Starting Berth in ${dataDirectory}`);
    const steps = createSteps(terminal, clock);
    for (const problem of await cleanUp(dataDirectory, clock)) {
      terminal.complain(`left over from an earlier run: ${problem}`);
    }
    await refuseTakenPorts(options);
    if (options.fresh) {
      await steps.run('fresh', async () => [
        undefined,
        await forgetState(dataDirectory, context.environment),
      ]);
    }
    const cluster = await startCluster(context, options, steps, teardown);
    writeClusterFile(dataDirectory, cluster.file);
    await deploySample(context, options, cluster, steps);
    writeClusterFile(dataDirectory, { ...cluster.file, ready: true });
    for (const line of welcome(context, options, cluster, clock.monotonic() - begin)) {
      say(terminal, line);
    }
    await Promise.race([showLive(context, options.plain, HINT), cluster.failed]);
  } catch (error) {
    if (!signal.aborted) failure = error instanceof Error ? error : new Error(String(error));
  }
  await takeDown(context, dataDirectory, teardown);
  await lock.release();
  if (failure) throw failure;
  return exitCodes.ok;
}

async function takeDown(
  { terminal, clock }: Context,
  dataDirectory: string,
  teardown: Teardown,
): Promise<void> {
  const begin = clock.monotonic();
  removeClusterFile(dataDirectory);
  let announced = false;
  const problems = await teardown.run((name) => {
    terminal.write(announced ? ` ${name}` : `\nStopping: ${name}`);
    announced = true;
  });
  if (announced) say(terminal, ` (${duration(clock.monotonic() - begin)})`);
  for (const problem of problems) terminal.complain(`could not be undone: ${problem}`);
}

async function deploySample(
  context: Context,
  options: DevOptions,
  { engine }: RunningCluster,
  steps: Steps,
): Promise<void> {
  const { dataDirectory, ports } = options;
  const api = await context.api();
  const ground = { api, cluster: CLUSTER, dataDirectory, httpPort: ports.http };
  if (!options.sample) {
    await steps.run('listener', async () => [
      undefined,
      `port ${(await ensureListener(ground)).port}`,
    ]);
    return;
  }
  await steps.run('image', async () => {
    const made = await ensureSampleImage(engine.dockerHost);
    return [undefined, `${SAMPLE_IMAGE} ${made ? 'made' : 'is there'}`];
  });
  context.signal.throwIfAborted();
  await steps.run('task definition', async () => [undefined, await ensureTaskDefinition(api)]);
  await steps.run('route', async () => [undefined, await ensureRouting(ground)]);
  await steps.run('service hello', async () => {
    const service = await ensureService(ground);
    return [undefined, await untilSteady(context, ground, service)];
  });
}

function welcome(
  { terminal }: Context,
  { ports, sample, dataDirectory }: DevOptions,
  { file, engine, consoleUrl, accessKey }: RunningCluster,
  tookMs: number,
): string[] {
  const tries = [
    ...(sample
      ? [`curl http://localhost:${ports.http}/hello`, 'npx berth logs --follow hello']
      : []),
    'npx berth service list',
    ...(sample ? ['npx berth service update hello --force-new-deployment'] : []),
    'eval "$(npx berth env)"',
  ];
  return [
    '',
    `Berth runs (${duration(tookMs)})`,
    ...facts(
      [
        ['proxy', file.proxyUrl],
        ['api', file.api],
        ['aws', file.awsUrl],
        ['console', consoleUrl],
        ['metrics', `${file.adminUrl}/metrics`],
        ['docker', engine.dockerHost],
        ['state', dataDirectory],
      ],
      terminal.color,
    ).map((line) => `  ${line}`),
    '',
    'Try:',
    ...tries.map((line) => `  ${line}`),
    '',
    'With the AWS CLI and SDKs (berth env prints the same):',
    ...Object.entries(awsVariables(file, accessKey)).map(
      ([name, value]) => `  export ${name}=${quoted(value)}`,
    ),
    '',
  ];
}

function alreadyRunning(directory: string): CommandError {
  const holder = readHolder(directory);
  const where = holder ? `: pid ${holder.pid}, api ${holder.api}, proxy ${holder.proxyUrl}` : '';
  return new CommandError(
    exitCodes.failed,
    `berth dev is running on ${directory} already${where}`,
    {
      next: 'npx berth status, or npx berth dev --stop',
    },
  );
}

/** The api of this very cluster, whatever the environment says. */
function ownApi({ ports, dataDirectory }: DevOptions): Context['api'] {
  let api: ReturnType<Context['api']> | undefined;
  const addresses = [`127.0.0.1:${ports.api}`];
  const tlsDirectory = `${dataDirectory}/tls`;
  return () => (api ??= connectApi({ addresses, tlsDirectory, file: undefined }));
}
