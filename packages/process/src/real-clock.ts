// The one place where Berth reads the machine's clock, sets timers and draws random numbers.
import { randomBytes } from 'node:crypto';

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

/** From the system's source of randomness, so that ids drawn with it can't be guessed. */
export const realRandom: Random = () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
