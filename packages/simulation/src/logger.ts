// A log of the whole cluster: errors that should never be are failures of the simulation.
import type { Logger } from '@berth/control/logger.ts';
import { messageChain } from '@berth/model/errors.ts';

/** What is said as an error when the world is as bad as the model makes it. */
const EXPECTED: ReadonlySet<string> = new Set([
  'the memory of a task could not be written',
  'containers of this host could not be removed',
  'the work of the leader failed; its term ends',
]);

export interface LogOptions {
  /** Absent: debug and info are dropped. */
  readonly say?: ((who: string, line: string) => void) | undefined;
  readonly onBug: (error: Error) => void;
}

export function loggerOf(who: string, { say, onBug }: LogOptions): Logger {
  const told = (level: string) => (fields: object, message: string) =>
    say?.(who, `[${level}] ${message} ${textOf(fields)}`);
  const quiet = (): void => undefined;
  const logger: Logger = {
    debug: quiet,
    info: say ? told('info') : quiet,
    warn: say ? told('warn') : quiet,
    error: (fields, message) => {
      told('error')(fields, message);
      if (!EXPECTED.has(message))
        onBug(new Error(`${who} logs an error: ${message} ${textOf(fields)}`));
    },
    child: () => logger,
  };
  return logger;
}

function textOf(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Error ? messageChain(value) : value,
  );
}
