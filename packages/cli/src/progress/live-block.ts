// A block of lines at the end of a terminal that is drawn over again and again.
import type { Terminal } from '../output/terminal.ts';

export interface LiveBlock {
  /** Draw these lines over the former ones. None may be wider than the terminal. */
  draw(lines: readonly string[]): void;
  /** Leave what is drawn and go on below it. */
  finish(): void;
}

export function liveBlock(terminal: Terminal): LiveBlock {
  let drawn = 0;
  return {
    draw: (lines) => {
      const shown = lines.slice(0, Math.max(1, terminal.height - 1));
      const up = drawn > 0 ? `\u001b[${drawn}A` : '';
      // Each line is cleared to its right, then what is below: no flicker of an empty block.
      terminal.write(`${up}\r${shown.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
      drawn = shown.length;
    },
    finish: () => {
      drawn = 0;
    },
  };
}
