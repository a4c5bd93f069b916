// Where a command writes and whether anybody looks. Commands never touch process.stdout themselves.
import { createInterface } from 'node:readline/promises';
import type { ReadStream, WriteStream } from 'node:tty';

export interface Terminal {
  /** Standard output is a terminal. */
  readonly live: boolean;
  /** Somebody can be asked. */
  readonly canAsk: boolean;
  readonly color: boolean;
  /** Columns that a line may take; 79 where there is no terminal. */
  readonly width: number;
  readonly height: number;
  /** Standard output, as it is: no line end is added. */
  write(text: string): void;
  /** Resolves when what was written has left, so that a slow reader slows us down. */
  drained(): Promise<void>;
  /** Standard error, a line. */
  complain(line: string): void;
  /** @returns whether the answer began with y */
  ask(question: string, signal: AbortSignal): Promise<boolean>;
}

/** Print one line. */
export function say(terminal: Terminal, line = ''): void {
  terminal.write(`${line}\n`);
}

/** Node's types promise a value that a pipe does not have. */
function isTerminal(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true;
}

/**
 * The terminal of this process.
 * @param noColor the flag; NO_COLOR and a pipe have the same effect
 * @param onGone called when whoever read our output (head, less) has gone
 */
export function processTerminal(noColor: boolean, onGone: () => void): Terminal {
  const out: WriteStream = process.stdout;
  const input: ReadStream = process.stdin;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') onGone();
    });
  }
  return {
    live: isTerminal(process.stdout),
    canAsk: isTerminal(process.stdin) && isTerminal(process.stderr),
    color: isTerminal(process.stdout) && !noColor && !process.env['NO_COLOR'],
    get width() {
      return out.isTTY ? Math.max(out.columns, 40) - 1 : 79;
    },
    get height() {
      return out.isTTY ? out.rows : 24;
    },
    write: (text) => void out.write(text),
    drained: async () => {
      if (out.writableNeedDrain) await new Promise((resolve) => out.once('drain', resolve));
    },
    complain: (line) => void process.stderr.write(`${line}\n`),
    ask: async (question, signal) => {
      const lines = createInterface({ input, output: process.stderr });
      try {
        return /^y/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
      } finally {
        lines.close();
      }
    },
  };
}
