// A command in a container, with our terminal as its own if wanted. The exit code is the command's.
import type { ReadStream, WriteStream } from 'node:tty';

import { Channel } from '@berth/control/channel.ts';
import type { ExecInput } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';

import { type Handlers, argument } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';

/** Messages that may wait before our input is held back. */
const QUEUE = 64;

export const handlers: Handlers = {
  exec: async (context) => {
    const { flags, rest } = context;
    const { operations } = await context.api();
    const tty = flags.on('tty');
    if (tty && !process.stdout.isTTY) {
      throw new CommandError(
        exitCodes.refused,
        '-t asks for a terminal, and standard output is none',
        { next: 'the same command without -t' },
      );
    }
    const inputs = new Channel<Input<ExecInput>>(QUEUE);
    inputs.offer({
      start: {
        cluster: context.cluster,
        task: argument(context, 0),
        container: flags.text('container'),
        command: rest,
        tty,
        stdin: flags.on('interactive'),
        ...(tty ? { size: sizeOf(process.stdout) } : {}),
      },
    });
    const release = attach(inputs, { tty, stdin: flags.on('interactive') });
    let exitCode: number | undefined;
    try {
      for await (const message of operations.Exec(inputs, { signal: context.signal })) {
        if (message.stdout) await put(process.stdout, message.stdout);
        if (message.stderr) await put(process.stderr, message.stderr);
        if (message.exitCode !== undefined) exitCode = message.exitCode;
      }
    } finally {
      release();
      inputs.close();
    }
    if (exitCode !== undefined) return exitCode;
    throw new CommandError(exitCodes.failed, 'the stream ended before the command did', {
      next: `berth task show ${argument(context, 0)}`,
    });
  },
};

function sizeOf({ columns, rows }: WriteStream): { columns: number; rows: number } {
  return { columns, rows };
}

/** Write and wait until it has left, so that a slow reader slows the command down. */
async function put(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  if (!stream.write(bytes)) await new Promise((resolve) => stream.once('drain', resolve));
}

/** Pass our input and the terminal's size on. @returns the function that gives the terminal back */
function attach(
  inputs: Channel<Input<ExecInput>>,
  options: { readonly tty: boolean; readonly stdin: boolean },
): () => void {
  const input = process.stdin as ReadStream;
  const raw = options.tty && options.stdin && input.isTTY;
  const onResize = (): void => {
    inputs.offer({ resize: sizeOf(process.stdout) });
  };
  const onData = (chunk: Buffer): void => {
    input.pause();
    void inputs.send({ stdin: chunk }).then((sent) => {
      if (sent) input.resume();
    });
  };
  const onEnd = (): void => void inputs.send({ stdinEnd: true });
  if (options.tty) process.stdout.on('resize', onResize);
  if (options.stdin) {
    if (raw) input.setRawMode(true);
    input.on('data', onData).once('end', onEnd);
  }
  return () => {
    process.stdout.off('resize', onResize);
    input.off('data', onData).off('end', onEnd);
    if (raw) input.setRawMode(false);
    input.pause();
    // A pipe that nobody closes must not keep us.
    if (options.stdin && !input.isTTY) input.destroy();
  };
}
