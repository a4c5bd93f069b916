// Follows a deployment to its end: shows it, says why it failed, and returns the exit code that is true.
import { Channel } from '@berth/control/channel.ts';
import { isBerthError, messageChain } from '@berth/model/errors.ts';
import type { ServiceProgress } from '@berth/model/generated/messages.ts';

import type { Context } from '../context.ts';
import { CommandError, type ExitCode, exitCodes } from '../failure.ts';
import { groupBy } from '../group-by.ts';
import { paint } from '../output/style.ts';
import { say } from '../output/terminal.ts';
import { duration } from '../output/text.ts';
import { liveBlock } from './live-block.ts';
import { type ProgressState, type Trouble, advance, deploymentOf } from './model.ts';
import {
  type Scene,
  block,
  changeLine,
  heartbeatLine,
  requestTotal,
  whatServes,
} from './render.ts';
import { verdictOf } from './verdict.ts';

export interface Followed {
  readonly cluster: string;
  readonly service: string;
  /** The deployment that is to become the only one. */
  readonly deploymentId: string;
  /** "hello:1 -> hello:2", "4 -> 6 tasks". */
  readonly title: string;
  /** What it is called when it is over: "deployed hello:2". */
  readonly done: string;
  readonly timeoutMs: number;
}

export const DEFAULT_TIMEOUT_MS = 600_000;
const TICK_MS = 250;
/** Never be silent for longer, where there is no terminal. */
const HEARTBEAT_MS = 5000;
const RECONNECT_MS = 1000;
const QUEUE = 64;
const LOG_LINES = 10;
const LOG_TIMEOUT_MS = 5000;

type News =
  | { readonly kind: 'progress'; readonly progress: ServiceProgress }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'tick' };

/** @returns 0 when the deployment is complete, 5 when it failed or made no headway in time */
export async function followDeployment(context: Context, followed: Followed): Promise<ExitCode> {
  const ending = new AbortController();
  const signal = AbortSignal.any([context.signal, ending.signal]);
  const news = new Channel<News>(QUEUE);
  const loops = [readProgress(context, followed, news, signal), tick(context, news, signal)];
  for (const loop of loops) {
    loop.catch((error: unknown) => {
      if (signal.aborted) news.close();
      else news.fail(error instanceof Error ? error : new Error(String(error)));
    });
  }
  try {
    return await show(context, followed, news);
  } finally {
    ending.abort();
    await Promise.allSettled(loops);
  }
}

/** Offer each message; a broken stream is opened anew, as often as it takes. */
async function readProgress(
  context: Context,
  { cluster, service }: Followed,
  news: Channel<News>,
  signal: AbortSignal,
): Promise<void> {
  const { operations } = await context.api();
  for (;;) {
    try {
      for await (const progress of operations.WatchService({ cluster, service }, { signal })) {
        await news.send({ kind: 'progress', progress });
      }
      news.offer({ kind: 'broken', reason: 'the api ended the stream' });
    } catch (error) {
      if (signal.aborted || !isBerthError(error, 'Unavailable', 'DeadlineExceeded', 'Internal')) {
        throw error;
      }
      news.offer({ kind: 'broken', reason: messageChain(error) });
    }
    await context.clock.sleep(RECONNECT_MS, signal);
  }
}

async function tick(context: Context, news: Channel<News>, signal: AbortSignal): Promise<void> {
  for (;;) {
    await context.clock.sleep(TICK_MS, signal);
    news.offer({ kind: 'tick' });
  }
}

async function show(context: Context, followed: Followed, news: Channel<News>): Promise<ExitCode> {
  const { terminal, clock, flags } = context;
  const quiet = flags.on('json');
  const live = terminal.live && !quiet ? liveBlock(terminal) : undefined;
  const scene = (): Scene => ({
    width: terminal.width,
    color: terminal.color,
    title: followed.title,
  });
  const begin = clock.monotonic();
  let spokeAt = begin;
  let state: ProgressState | undefined;
  /** The messages' clock at the last message, and ours: so that the display runs on between messages. */
  let heardAt = begin;
  const now = (): number => (state?.at ?? 0) + (clock.monotonic() - heardAt);
  const line = (text: string): void => {
    if (quiet) return;
    say(terminal, text);
    spokeAt = clock.monotonic();
  };

  if (!live) line(`service ${followed.service}: ${followed.title}`);
  for await (const item of news) {
    if (item.kind === 'progress') {
      const next = advance(state, followed.deploymentId, item.progress);
      const first = state === undefined;
      state = next.state;
      heardAt = clock.monotonic();
      if (!live && !first) for (const change of next.changes) line(changeLine(change, state));
    }
    if (item.kind === 'broken' && !live) line(`lost sight of it (${item.reason}); trying again`);
    if (state) {
      if (live) live.draw(block(state, now(), scene()));
      else if (clock.monotonic() - spokeAt > HEARTBEAT_MS) line(heartbeatLine(state, now()));
      const verdict = verdictOf(state, now());
      if (verdict.kind === 'done') {
        live?.finish();
        line(
          paint(
            terminal.color,
            'good',
            `${followed.done} in ${duration(clock.monotonic() - begin)}`,
          ) + requestTotal(state),
        );
        return exitCodes.ok;
      }
      if (verdict.kind === 'failed') {
        live?.finish();
        return await explain(context, followed, state, verdict.reason, begin);
      }
    }
    if (clock.monotonic() - begin > followed.timeoutMs) {
      live?.finish();
      const limit = `not complete after ${duration(followed.timeoutMs)}`;
      if (state) return await explain(context, followed, state, limit, begin);
      throw new CommandError(exitCodes.unavailable, `${limit}: the api could not be reached`);
    }
  }
  throw new CommandError(exitCodes.interrupted, 'no longer followed; the deployment goes on', {
    next: `berth service show ${followed.service}`,
  });
}

/** Say why it failed, what serves, and what to look at. */
async function explain(
  context: Context,
  followed: Followed,
  state: ProgressState,
  reason: string,
  begin: number,
): Promise<ExitCode> {
  const { terminal, clock } = context;
  const tell = (text: string): void => terminal.complain(text);
  const took = duration(clock.monotonic() - begin);
  tell(
    paint(terminal.color, 'bad', `not deployed after ${took}: ${followed.title}: ${reason}`) +
      requestTotal(state),
  );
  if (state.unplaced !== undefined) tell(`  ${state.unplaced}`);
  const troubles = [...state.troubles.values()];
  for (const text of reasonLines(troubles)) tell(`  ${text}`);
  const last = troubles.at(-1) ?? unhealthyTask(state);
  if (last) await tellLogs(context, followed, last.taskId, tell);
  const serving = whatServes(state);
  if (serving) tell(`${serving}.`);
  const ours = deploymentOf(state.service, followed.deploymentId);
  if (ours?.rolloutState === 'IN_PROGRESS') tell('The deployment goes on trying.');
  const before = state.service.deployments.find(({ id }) => id !== followed.deploymentId);
  const next = [
    `berth service show ${followed.service}`,
    ...(last ? [`berth task show ${last.taskId.slice(0, 12)}`] : []),
    ...(before && ours
      ? [
          `berth service update ${followed.service} --task-definition ${before.taskDefinition.split('/').at(-1) ?? ''}   (to go back)`,
        ]
      : []),
  ];
  for (const text of next) tell(`Next: ${text}`);
  return exitCodes.notDeployed;
}

/** A line for each different reason, with how many tasks it stopped; then what their checks said. */
function reasonLines(troubles: readonly Trouble[]): string[] {
  const byReason = groupBy(troubles, ({ reason }) => reason.replace(/\b[0-9a-f]{32}\b/g, 'ID'));
  return [...byReason.values()].flatMap((group) => {
    const [one] = group;
    if (!one) return [];
    const more = group.length > 1 ? ` (and ${group.length - 1} more)` : '';
    return [
      `task ${one.taskId.slice(0, 12)}${more}: ${one.reason}`,
      ...one.exitCodes.map((text) => `  ${text}`),
      ...(one.check ? one.check.split('\n').map((text) => `  check: ${text}`) : []),
    ];
  });
}

/** A task of the deployment that runs and is not healthy: what a deployment that timed out waits for. */
function unhealthyTask(state: ProgressState): { readonly taskId: string } | undefined {
  const waiting = [...state.tasks.values()].find(({ fresh, step }) => fresh && step === 'health');
  return waiting && { taskId: waiting.id };
}

async function tellLogs(
  context: Context,
  { cluster }: Followed,
  taskId: string,
  tell: (text: string) => void,
): Promise<void> {
  const { operations } = await context.api();
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(LOG_TIMEOUT_MS)]);
  const lines: string[] = [];
  try {
    const request = { cluster, task: taskId, follow: false, tail: LOG_LINES };
    for await (const chunk of operations.StreamLogs(request, { signal })) {
      lines.push(...chunk.lines.map((text) => `${chunk.container} | ${text}`));
    }
  } catch (error) {
    if (lines.length === 0) lines.push(`(no logs: ${messageChain(error)})`);
  }
  if (lines.length === 0) lines.push('(it printed nothing)');
  tell(`  last lines of task ${taskId.slice(0, 12)}:`);
  for (const text of lines.slice(-LOG_LINES)) tell(`    ${text}`);
}
