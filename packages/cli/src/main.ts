// Runs one command in this process: wires the terminal, the clock, Ctrl-C and the connection to the api, and
// turns whatever happens into output and an exit code.
import { realClock } from '@berth/process/real-clock.ts';

import { type Api, connectApi, locate } from './connection.ts';
import type { Context, Handlers } from './context.ts';
import { CommandError, exitCodes, failureOf } from './failure.ts';
import { type Environment, Flags } from './flags.ts';
import { type Terminal, processTerminal } from './output/terminal.ts';
import { parse } from './table/parse.mjs';

/** By the names that the table gives them. */
export const modules: Readonly<Record<string, () => Promise<{ readonly handlers: Handlers }>>> = {
  'access-key': () => import('./commands/access-key.ts'),
  acme: () => import('./commands/acme.ts'),
  alarm: () => import('./commands/alarm.ts'),
  certificate: () => import('./commands/certificate.ts'),
  cluster: () => import('./commands/cluster.ts'),
  dev: () => import('./commands/dev.ts'),
  env: () => import('./commands/env.ts'),
  deployment: () => import('./commands/deployment.ts'),
  'deployment-certificate': () => import('./commands/deployment-certificate.ts'),
  'event-sink': () => import('./commands/event-sink.ts'),
  events: () => import('./commands/events.ts'),
  exec: () => import('./commands/exec.ts'),
  explain: () => import('./commands/explain.ts'),
  'explain-placement': () => import('./commands/explain-placement.ts'),
  host: () => import('./commands/host.ts'),
  lab: () => import('./commands/lab.ts'),
  'lab-faults': () => import('./commands/lab-faults.ts'),
  'lab-up': () => import('./commands/lab-up.ts'),
  listener: () => import('./commands/listener.ts'),
  'load-balancer': () => import('./commands/load-balancer.ts'),
  logs: () => import('./commands/logs.ts'),
  policy: () => import('./commands/policy.ts'),
  'proxy-reload': () => import('./commands/proxy-reload.ts'),
  replay: () => import('./commands/replay.ts'),
  requests: () => import('./commands/requests.ts'),
  role: () => import('./commands/role.ts'),
  roles: () => import('./commands/roles.ts'),
  route: () => import('./commands/route.ts'),
  rule: () => import('./commands/rule.ts'),
  secrets: () => import('./commands/secrets.ts'),
  service: () => import('./commands/service.ts'),
  state: () => import('./commands/state.ts'),
  status: () => import('./commands/status.ts'),
  tag: () => import('./commands/tag.ts'),
  'target-group': () => import('./commands/target-group.ts'),
  task: () => import('./commands/task.ts'),
  'task-definition': () => import('./commands/task-definition.ts'),
  'task-set': () => import('./commands/task-set.ts'),
  'tls-certificate': () => import('./commands/tls-certificate.ts'),
  'trust-store': () => import('./commands/trust-store.ts'),
  user: () => import('./commands/user.ts'),
  version: () => import('./commands/version.ts'),
  whatif: () => import('./commands/whatif.ts'),
};

/** They stop what they have started, in order, and listen to signals themselves. */
const OWN_SIGNALS = new Set(['dev', 'lab-faults', 'lab-up', 'roles']);
/** For giving a terminal back and closing connections; what can not be interrupted ends with the process. */
const ABORT_GRACE_MS = 300;

/** Run the command line of this process and set its exit code. */
export async function main(args: readonly string[]): Promise<void> {
  if (args[0] === '__complete') {
    const { completeNames } = await import('./commands/complete.ts');
    await completeNames(args.slice(1), process.env, (text) => void process.stdout.write(text));
    return;
  }
  const interrupted = new AbortController();
  const { command } = parse(args);
  if (!OWN_SIGNALS.has(command.module)) {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        interrupted.abort();
        setTimeout(() => process.exit(exitCodes.interrupted), ABORT_GRACE_MS).unref();
      });
    }
  }
  // Those that clear up do so as if they were asked to end; for others there is nothing left to do.
  const onGone = OWN_SIGNALS.has(command.module)
    ? (): void => void process.kill(process.pid, 'SIGTERM')
    : (): void => process.exit(exitCodes.ok);
  process.exitCode = await run(args, process.env, interrupted.signal, (noColor) =>
    processTerminal(noColor, onGone),
  );
}

/** Run one command. Never throws. @returns its exit code */
export async function run(
  args: readonly string[],
  environment: Environment,
  signal: AbortSignal,
  makeTerminal: (noColor: boolean) => Terminal,
): Promise<number> {
  const line = parse(args);
  const flags = new Flags(line, environment);
  const terminal = makeTerminal(flags.on('no-color'));
  const words = line.command.path.join(' ');
  let api: Promise<Api> | undefined;
  const context: Context = {
    flags,
    positionals: line.positionals,
    rest: line.rest,
    terminal,
    clock: realClock,
    environment,
    signal,
    cluster: flags.text('cluster') ?? environment['BERTH_CLUSTER'] ?? 'default',
    api: () => (api ??= (async () => await connectApi(locate(flags, environment)))()),
  };
  try {
    const { handlers } = (await modules[line.command.module]?.()) ?? { handlers: {} };
    const handler = handlers[words];
    if (!handler) throw new Error(`"${words}" is in the table and has no handler`);
    return (await handler(context)) ?? exitCodes.ok;
  } catch (error) {
    // A command that was interrupted may say what goes on without it; anything else is an echo of the interruption.
    const told = error instanceof CommandError && error.exitCode === exitCodes.interrupted;
    if (signal.aborted && !told) return exitCodes.interrupted;
    const failure = failureOf(error, words);
    for (const text of failure.lines) terminal.complain(text);
    return failure.exitCode;
  } finally {
    await api?.then(
      (made) => made.close(),
      () => undefined,
    );
  }
}
