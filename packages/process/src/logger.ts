// Logs: one JSON object a line, to stdout or a file. Messages are constant, variables are fields; an error
// stands under `err`, its message joined with its causes; what is secret is blotted out.
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';

import type { Logger } from '@berth/control/logger.ts';
import { isBerthError, messageChain } from '@berth/model/errors.ts';
import { pino } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields with these names, at the top or one level below, never reach the log. */
const SECRETS = [
  'password',
  'secret',
  'token',
  'privateKey',
  'tls',
  'authorization',
  'secretAccessKey',
  'environment',
];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Standard output, a file that is made or appended to, or any stream. */
  readonly to: 'stdout' | { readonly file: string } | Writable;
  /** On every line, for instance `{ component: 'api' }`. */
  readonly fields?: object | undefined;
}

export interface ProcessLogger extends Logger {
  /** Resolves when everything logged so far has been handed to the system. */
  flush(): Promise<void>;
}

/** @throws Error when the file's folder can't be made */
export function createLogger(options: LoggerOptions): ProcessLogger {
  const stream = destination(options.to);
  const logger = pino(
    {
      level: options.level,
      base: options.fields ?? {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: describeError },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' },
    },
    stream,
  );
  // An empty write is called back after all that were made before it.
  const flush = (): Promise<void> =>
    stream.destroyed
      ? Promise.resolve()
      : new Promise((resolve) => stream.write('', () => resolve()));
  return Object.assign(logger as Logger, { flush });
}

export interface DescribedError {
  readonly type: string;
  /** The messages of the error and its causes. */
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: string | undefined;
  readonly details?: Readonly<Record<string, string>> | undefined;
}

/** An error as it stands in the log. Expected errors come without their stack. */
export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const message = messageChain(error);
  if (isBerthError(error)) {
    const { code, details, cause } = error;
    const unexpected = code === 'Internal' ? deepestStack(error) : undefined;
    return {
      type: 'BerthError',
      code,
      message,
      ...(Object.keys(details).length > 0 ? { details } : {}),
      ...(unexpected === undefined ? {} : { stack: unexpected }),
      ...(cause instanceof Error && code !== 'Internal' && !isBerthError(cause)
        ? { stack: cause.stack }
        : {}),
    };
  }
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message,
    ...(code === undefined ? {} : { code }),
    stack: deepestStack(error),
  };
}

/** Where the first cause was thrown tells more than where it was wrapped. */
function deepestStack(error: Error): string | undefined {
  let current = error;
  for (let depth = 0; depth < 10 && current.cause instanceof Error; depth += 1)
    current = current.cause;
  return current.stack;
}

function destination(to: LoggerOptions['to']): Writable {
  if (to === 'stdout') return process.stdout;
  if (!('file' in to)) return to;
  mkdirSync(dirname(to.file), { recursive: true });
  const stream = createWriteStream(to.file, { flags: 'a' });
  // A full disk must not stop a role: it goes on without its log.
  stream.on('error', () => undefined);
  return stream;
}
