// "  etcd             3.4.23 on 127.0.0.1:7402 (0.4 s)": one line for each step, with what came of it.
import type { Clock } from '@berth/control/clock.ts';

import { paint } from '../output/style.ts';
import { type Terminal, say } from '../output/terminal.ts';
import { duration } from '../output/text.ts';

const NAME_WIDTH = 16;

export interface Steps {
  /** Run one step and say what it did. `action` resolves to its value and to words for people. */
  run<T>(name: string, action: () => Promise<readonly [T, string]>): Promise<T>;
}

export function createSteps(terminal: Terminal, clock: Clock): Steps {
  return {
    run: async (name, action) => {
      const begin = clock.monotonic();
      const [value, outcome] = await action();
      const took = paint(terminal.color, 'dim', `(${duration(clock.monotonic() - begin)})`);
      say(terminal, `  ${name.padEnd(NAME_WIDTH)} ${outcome} ${took}`);
      return value;
    },
  };
}
