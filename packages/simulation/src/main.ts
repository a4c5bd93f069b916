// `npm run simulate`: many seeds over all cores for the night, or one seed with its whole story.
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { exit, stderr, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { runScenario } from './scenario.ts';

const USAGE = `npm run simulate -- [--seeds N] [--from N] [--jobs K]   so many stories, from this seed on
npm run simulate -- --seed N [--trace] [--logs]         one story; with all that happens, and with what the roles log
`;
const MOST_TOLD = 20;
const TELL_EVERY_MS = 10_000;

interface Result {
  readonly seed: number;
  readonly failure?: string | undefined;
}

/** @returns the exit code */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      logs: { type: 'boolean', default: false },
      worker: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    stdout.write(USAGE);
    return 0;
  }
  if (values.worker) {
    await work();
    return 0;
  }
  if (values.seed !== undefined) {
    return await one(natural('--seed', values.seed), values.trace || values.logs, values.logs);
  }
  const [seeds, from, jobs] = [
    natural('--seeds', values.seeds),
    natural('--from', values.from),
    natural('--jobs', values.jobs),
  ];
  return await many(from, seeds, Math.max(1, jobs));
}

function natural(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  stderr.write(`${flag} is "${text}"; expected a whole number.\n${USAGE}`);
  exit(2);
}

async function one(seed: number, trace: boolean, logs: boolean): Promise<number> {
  const say = trace ? (line: string): void => void stdout.write(`${line}\n`) : undefined;
  try {
    const { restAfter, digest, lines } = await runScenario(seed, { say, logs });
    const rest = `${restAfter / 1000} s after the end of its troubles`;
    stdout.write(`seed ${seed}: at rest ${rest}; ${lines} lines, ${digest}\n`);
    return 0;
  } catch (error) {
    stderr.write(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** A worker is given one seed after the other, as long as somebody is there to give them. */
async function work(): Promise<void> {
  process.once('disconnect', () => exit(1));
  for (;;) {
    const seed = await new Promise<unknown>((resolve) => process.once('message', resolve));
    if (typeof seed !== 'number') return;
    const result = await runScenario(seed).then(
      (): Result => ({ seed }),
      (error: unknown): Result => ({
        seed,
        failure: error instanceof Error ? error.message : String(error),
      }),
    );
    process.send?.(result);
  }
}

async function many(from: number, seeds: number, jobs: number): Promise<number> {
  const began = performance.now();
  const state = { next: from, done: 0, failed: 0, told: began };
  const end = from + seeds;
  const tell = (): void => {
    const seconds = (performance.now() - began) / 1000;
    const pace = (state.done / seconds).toFixed(1);
    stdout.write(`${state.done} of ${seeds} seeds, ${state.failed} failed, ${pace} a second\n`);
  };
  const take = ({ seed, failure }: Result): void => {
    state.done += 1;
    if (failure !== undefined) {
      state.failed += 1;
      if (state.failed <= MOST_TOLD) {
        stdout.write(`seed ${seed}: ${failure}\n  npm run simulate -- --seed ${seed} --trace\n`);
      }
    }
    if (performance.now() - state.told < TELL_EVERY_MS) return;
    state.told = performance.now();
    tell();
  };
  const runner = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = fork(fileURLToPath(import.meta.url), ['--worker']);
      const give = (): void => {
        worker.send(state.next < end ? state.next : 'enough');
        state.next += 1;
      };
      worker.on('message', (result) => {
        take(result as Result);
        give();
      });
      worker.on('error', reject);
      worker.on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker ended with ${code}`));
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, runner));
  tell();
  return state.failed === 0 ? 0 : 1;
}

exit(await main());
