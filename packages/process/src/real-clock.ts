// The one place where Berth reads the machine's clock, sets timers and draws random numbers.
import { randomFillSync } from 'node:crypto';

import type { Clock, Random } from '@berth/control/clock.ts';

/** Beyond this, Node's timers fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const end = performance.now() + ms;
      const wake = (): void => {
        const left = end - performance.now();
        if (left > 0)
          timer = set(left); // Node rounds down, and cuts what is too long
        else {
          signal.removeEventListener('abort', onAbort);
          resolve();
        }
      };
      const set = (delay: number): NodeJS.Timeout =>
        setTimeout(wake, Math.min(Math.max(delay, 0), MAX_TIMER_MS));
      let timer = set(ms);
      signal.addEventListener('abort', onAbort, { once: true });
    }),
};

const DRAW_BYTES = 6;
/** Asking the source costs more than what it gives: many draws at a time. */
const drawn = Buffer.alloc(DRAW_BYTES * 512);
let used = drawn.length;

/** From the system's source of randomness, so that ids drawn with it can't be guessed. */
export const realRandom: Random = () => {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  const value = drawn.readUIntBE(used, DRAW_BYTES) / 2 ** 48;
  drawn.fill(0, used, (used += DRAW_BYTES));
  return value;
};
