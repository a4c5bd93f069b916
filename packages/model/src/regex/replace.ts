// Replaces the first place that a pattern matches, with the parts that its groups took: a Pike machine, whose threads read the text
// side by side, so that the time is bounded by the text's length times the pattern's size. Of several matches that begin at the
// same place the one that Perl or RE2 would prefer counts.
import { PatternError, parsePattern } from './parse.ts';
import { type Instruction, type Program, compile } from './program.ts';
import { contains } from './syntax.ts';

/** Fewer than for matching: each state may be visited for each character. */
const MAX_STATES = 600;

export type ReplacerResult =
  | { readonly ok: true; readonly replacer: Replacer }
  | { readonly ok: false; readonly column: number; readonly problem: string };

/** @param template `$1` to `$9` stand for what the groups took; what took no part is empty */
export function parseReplacer(
  pattern: string,
  template: string,
  options: { readonly fold?: boolean } = {},
): ReplacerResult {
  try {
    const program = compile(parsePattern(pattern, options.fold), true);
    if (program.instructions.length > MAX_STATES) {
      throw new PatternError(1, `the pattern needs more than ${MAX_STATES} states; repeat less`);
    }
    return { ok: true, replacer: new Replacer(program, template) };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return { ok: false, column: error.column, problem: error.message };
  }
}

/** Places in the text: of the whole match at 0 and 1, of group n at 2n and 2n + 1; -1 is none. */
type Slots = readonly number[];

interface Thread {
  readonly state: number;
  readonly slots: Slots;
}

export class Replacer {
  readonly #program: Program;
  readonly #template: string;
  readonly #none: Slots;

  constructor(program: Program, template: string) {
    this.#program = program;
    this.#template = template;
    let slots = 2;
    for (const instruction of program.instructions) {
      if (instruction.kind === 'save') slots = Math.max(slots, 2 * (instruction.slot >> 1) + 2);
    }
    this.#none = Array.from({ length: slots }, () => -1);
  }

  /** @returns undefined when nothing in `text` matches. Pure. */
  replaceFirst(text: string): string | undefined {
    const slots = this.#find(text);
    if (slots === undefined) return undefined;
    const [start = 0, end = 0] = slots;
    const filled = this.#template.replace(/\$([1-9])/g, (_, digit: string) => {
      const from = slots[2 * Number(digit)] ?? -1;
      const to = slots[2 * Number(digit) + 1] ?? -1;
      return from < 0 || to < 0 ? '' : text.slice(from, to);
    });
    return text.slice(0, start) + filled + text.slice(end);
  }

  #find(text: string): Slots | undefined {
    let threads: Thread[] = [];
    let found: Slots | undefined;
    for (let at = 0; ;) {
      const seen = new Set<number>();
      const next: Thread[] = [];
      const before = threads;
      threads = [];
      for (const thread of before) this.#follow(thread, at, text.length, seen, threads);
      if (found === undefined) {
        const slots = [at, ...this.#none.slice(1)];
        this.#follow({ state: this.#program.entry, slots }, at, text.length, seen, threads);
      }
      const point = text.codePointAt(at);
      for (const { state, slots } of threads) {
        const instruction = this.#at(state);
        if (instruction.kind === 'accept') {
          // Those after it are preferred less.
          found = [slots[0] as number, at, ...slots.slice(2)];
          break;
        }
        if (
          instruction.kind === 'char' &&
          point !== undefined &&
          contains(instruction.set, point)
        ) {
          next.push({ state: instruction.next, slots });
        }
      }
      if (point === undefined || (found !== undefined && next.length === 0)) return found;
      threads = next;
      at += point > 0xffff ? 2 : 1;
    }
  }

  /** Adds the states that are reached from a thread without reading, the preferred ones first. */
  #follow(thread: Thread, at: number, length: number, seen: Set<number>, found: Thread[]): void {
    const open = [thread];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { state, slots } = next;
      if (seen.has(state)) continue;
      seen.add(state);
      const instruction = this.#at(state);
      switch (instruction.kind) {
        case 'split':
          for (let i = instruction.next.length - 1; i >= 0; i -= 1) {
            open.push({ state: instruction.next[i] as number, slots });
          }
          break;
        case 'start':
          if (at === 0) open.push({ state: instruction.next, slots });
          break;
        case 'end':
          if (at === length) open.push({ state: instruction.next, slots });
          break;
        case 'save': {
          const saved = [...slots];
          saved[instruction.slot] = at;
          open.push({ state: instruction.next, slots: saved });
          break;
        }
        case 'char':
        case 'accept':
          found.push(next);
      }
    }
  }

  #at(state: number): Instruction {
    return this.#program.instructions[state] as Instruction;
  }
}
