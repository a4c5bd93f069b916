// A Docker Engine of our own, where none answers: `dockerd` with its own data, socket, bridge and address pool,
// started again when it dies, and gone without a trace when we end.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { BerthError } from '@berth/model/errors.ts';

import { CommandError, exitCodes } from '../failure.ts';
import { type Daemon, commandLine, endProcess, runningPid, startDaemon } from './child.ts';
import { engineVersion } from './engine-client.ts';
import { findProgram, needProgram, output } from './host-commands.ts';
import { type EngineNetwork, prepareNetwork, restoreNetwork } from './host-network.ts';

/** What Linux allows for the path of a Unix socket, its end included. */
const SOCKET_PATH_MAX = 107;
const READY_MS = 60_000;
const POLL_MS = 100;
const END_GRACE_MS = 30_000;
const RESTART_MS = 1000;
/** A dockerd that dies this often in a row does not work here. */
const FAILURES_MAX = 5;

export interface OwnEngine {
  /** unix://PATH */
  readonly dockerHost: string;
  /** Rejects when it can't be kept running. */
  readonly failed: Promise<never>;
  /** Ends it and removes what it left on the machine. @returns what could not be removed */
  stop(): Promise<string[]>;
}

interface Places {
  readonly data: string;
  /** In memory, short, away from the data: sockets, namespaces, and what must not survive a reboot. */
  readonly run: string;
  readonly pidFile: string;
  readonly socket: string;
  readonly configFile: string;
}

/** @param directory of the cluster's data */
function placesOf(directory: string): Places {
  const id = createHash('sha256').update(directory).digest('hex').slice(0, 8);
  const run = `/run/berth-${id}`;
  return {
    data: join(directory, 'docker'),
    run,
    pidFile: join(run, 'dockerd.pid'),
    socket: join(run, 'docker.sock'),
    configFile: join(run, 'daemon.json'),
  };
}

/** @throws CommandError when it can't be started, with the last lines of its log */
export async function startOwnEngine(
  directory: string,
  clock: Clock,
  logger: Logger,
): Promise<OwnEngine> {
  if (process.getuid?.() !== 0) {
    throw new CommandError(
      exitCodes.failed,
      'no Docker Engine answers, and starting one of our own needs root',
      { next: 'npm start   (asks sudo), or DOCKER_HOST=unix:///path/of/an/engine berth dev' },
    );
  }
  const dockerd = needProgram('dockerd', 'docker.io');
  refuseBesideAnother();
  const places = placesOf(directory);
  mkdirSync(places.data, { recursive: true });
  mkdirSync(places.run, { recursive: true });
  writeFileSync(places.configFile, '{}\n');
  if (Buffer.byteLength(places.socket) >= SOCKET_PATH_MAX) {
    throw new CommandError(exitCodes.failed, `the socket path ${places.socket} is too long`);
  }
  const network = await prepareNetwork(directory);
  const logFile = join(directory, 'logs/dockerd.log');
  const dockerHost = `unix://${places.socket}`;
  const ending = new AbortController();
  const start = async (): Promise<Daemon> => {
    const daemon = await startDaemon(dockerd, argumentsOf(places, network), logFile);
    await untilReady(daemon, dockerHost, clock, logFile);
    return daemon;
  };
  let daemon: Daemon;
  try {
    daemon = await start();
  } catch (error) {
    await removeOwnEngine(directory, clock);
    throw error;
  }

  const supervise = async (): Promise<never> => {
    for (let failures = 0; failures < FAILURES_MAX;) {
      const how = await daemon.ended;
      if (ending.signal.aborted) return await new Promise<never>(() => undefined);
      logger.warn({ how }, 'dockerd ended by itself; starting it again');
      await clock.sleep(RESTART_MS, ending.signal);
      try {
        daemon = await start();
        failures = 0;
      } catch (error) {
        logger.error({ err: error }, 'dockerd could not be started again');
        failures += 1;
      }
    }
    throw new BerthError('Unavailable', `dockerd died ${FAILURES_MAX} times; see ${logFile}`);
  };
  const failed = supervise();
  failed.catch(() => undefined); // whoever waits for it hears of it
  return {
    dockerHost,
    failed,
    stop: async () => {
      ending.abort();
      return await removeOwnEngine(directory, clock);
    },
  };
}

function argumentsOf(
  { data, run, pidFile, socket, configFile }: Places,
  network: EngineNetwork,
): string[] {
  return [
    ...['--data-root', data],
    ...['--exec-root', join(run, 'exec')],
    ...['--pidfile', pidFile],
    ...['--host', `unix://${socket}`],
    ...['--bridge', network.bridge],
    ...['--default-address-pool', `base=${network.pool},size=24`],
    // Not that of the machine's own engine, which may name another socket.
    ...['--config-file', configFile],
    '--live-restore=false',
  ];
}

/** Two engines in one network namespace empty each other's chains of the packet filter. @throws CommandError */
function refuseBesideAnother(): void {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || processName(name) !== 'dockerd') continue;
    if (networkOf(name) !== networkOf('self')) continue;
    const words = commandLine(Number(name)) ?? [];
    const host = words.flatMap((word, index) =>
      ['-H', '--host'].includes(word)
        ? (words[index + 1] ?? [])
        : (/^(?:-H=|--host=)(.+)/.exec(word)?.[1] ?? []),
    )[0];
    throw new CommandError(
      exitCodes.failed,
      `no Docker Engine answers at ${process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock'}, but one runs with pid ${name}; a second one would disturb its network`,
      { next: host ? `DOCKER_HOST=${host} berth dev` : 'end it, or name it with DOCKER_HOST' },
    );
  }
}

/** Names the network namespace of a process. */
function networkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}

function processName(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

async function untilReady(
  daemon: Daemon,
  dockerHost: string,
  clock: Clock,
  logFile: string,
): Promise<void> {
  const never = new AbortController().signal;
  let ended: string | undefined;
  void daemon.ended.then((how) => (ended = how));
  const begin = clock.monotonic();
  while ((await engineVersion(dockerHost)) === undefined) {
    if (ended !== undefined || clock.monotonic() - begin > READY_MS) {
      throw new CommandError(
        exitCodes.failed,
        `dockerd ${ended === undefined ? `did not answer within ${READY_MS / 1000} s` : `ended with ${ended}`}; ${logFile} ends with:\n${lastLines(logFile)}`,
      );
    }
    await clock.sleep(POLL_MS, never);
  }
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-8)
      .map((line) => `  ${line}`)
      .join('\n');
  } catch {
    return '  (nothing)';
  }
}

/** End an engine of ours, whoever started it, and remove what it left. @returns what could not be removed */
export async function removeOwnEngine(directory: string, clock: Clock): Promise<string[]> {
  const places = placesOf(directory);
  const daemon = runningPid(places.pidFile, places.data);
  if (daemon !== undefined) await endProcess(daemon, places.data, END_GRACE_MS, clock);
  // What outlives a killed dockerd: its containerd, and a shim for each container.
  for (const pid of processesWith(places.run)) {
    await endProcess(pid, places.run, END_GRACE_MS, clock);
  }
  const problems: string[] = [];
  for (const mount of mountsBelow([places.run, places.data])) {
    await output(findProgram('umount') ?? 'umount', '-l', mount).catch((error: unknown) => {
      problems.push(`mount ${mount}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
  problems.push(...(await restoreNetwork(directory)));
  if (existsSync(places.run) && problems.length === 0) rmSync(places.run, { recursive: true });
  return problems;
}

/** Processes whose command line names the directory. */
function processesWith(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => commandLine(pid)?.some((word) => word.includes(`${directory}/`)) === true);
}

/** Mount points below the directories, innermost first. */
function mountsBelow(directories: readonly string[]): string[] {
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1]?.replace(/\\040/g, ' ') ?? [])
    .filter((mount) => directories.some((one) => mount === one || mount.startsWith(`${one}/`)))
    .reverse();
}
