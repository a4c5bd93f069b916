// A process of the simulated cluster. Whatever comes to it from outside, time included, passes through `enter`: so it can be
// stopped like by SIGSTOP and go on later, or die between any two lines.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { seededRandom, type VirtualClock } from '@berth/control/virtual-clock.ts';
import type { Surroundings } from '@berth/process/role.ts';
import { Registry } from 'prom-client';

export interface ProcessOptions {
  /** Of the machine that it runs on: links are between machines. */
  readonly machine: string;
  readonly name: string;
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly logger: Logger;
}

const NEVER = new Promise<never>(() => undefined);

export class Process implements Surroundings {
  readonly machine: string;
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics = new Registry();
  #state: 'runs' | 'paused' | 'dead' = 'runs';
  #waiting: (() => void)[] = [];
  readonly #onDeath: (() => void)[] = [];

  constructor({ machine, name, seed, clock, logger }: ProcessOptions) {
    this.machine = machine;
    this.name = name;
    this.random = seededRandom(mixed(seed, name));
    this.logger = logger;
    this.clock = {
      now: () => Math.floor(clock.now()),
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => {
        const sleeping = clock.sleep(ms, signal);
        return sleeping.then(() => (this.#state === 'runs' ? undefined : this.enter()));
      },
    };
  }

  get runs(): boolean {
    return this.#state === 'runs';
  }

  get dead(): boolean {
    return this.#state === 'dead';
  }

  /** Resolves as soon as the process can take something in: at once, when it goes on, or never. */
  async enter(): Promise<void> {
    while (this.#state === 'paused') {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#state === 'dead') await NEVER;
  }

  pause(): void {
    if (this.#state === 'runs') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'runs';
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Nothing of it happens any more. */
  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#waiting = [];
    for (const tell of this.#onDeath) tell();
  }

  onDeath(tell: () => void): void {
    this.#onDeath.push(tell);
  }
}

/** A seed of its own for each name. */
export function mixed(seed: number, name: string): number {
  let hash = seed >>> 0;
  for (const character of name) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  }
  return hash;
}
