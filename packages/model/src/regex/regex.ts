// Regular expressions in bounded time: the text is read once, the automaton's states are followed in
// parallel, and sets of states that were seen before are looked up. Nothing backtracks.
// Source: Java's whole-string matching, as the `=~` of the ECS cluster query language uses it; RE2 for listener rules.
import { PatternError, parsePattern } from './parse.ts';
import { compile } from './program.ts';
import type { Instruction, Program } from './program.ts';
import { type Node, complement, contains } from './syntax.ts';

export type RegexResult =
  | { readonly ok: true; readonly regex: Regex }
  | { readonly ok: false; readonly column: number; readonly problem: string };

export interface RegexOptions {
  /** It may match a part of the text; else all of it. */
  readonly part?: boolean;
  /** Upper and lower case of ASCII letters are the same. */
  readonly fold?: boolean;
}

/**
 * Compile a pattern of the safe subset described in `parse.ts`.
 * @returns the problem, with the character (from 1) that it is at, for any other pattern
 */
export function parseRegex(pattern: string, options: RegexOptions = {}): RegexResult {
  try {
    const tree = parsePattern(pattern, options.fold);
    return { ok: true, regex: new Regex(compile(options.part === true ? anywhere(tree) : tree)) };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return { ok: false, column: error.column, problem: error.message };
  }
}

/** The same pattern with anything before and after it. */
function anywhere(tree: Node): Node {
  const any: Node = { kind: 'set', set: complement([]) };
  const filler: Node = { kind: 'repeat', item: any, min: 0, max: Infinity, lazy: false };
  return { kind: 'sequence', items: [filler, tree, filler] };
}

/** A set of states that the automaton can be in, with the sets that follow it as far as they are known. */
interface StateSet {
  readonly states: readonly number[];
  /** The text may end here. */
  readonly accepts: boolean;
  readonly next: Map<number, StateSet>;
}

/** How many known steps, and states in known sets, are kept before all are forgotten. */
const CACHE_LIMIT = 20_000;

/** A compiled pattern. It remembers what it has worked out, so keep it and use it again. */
export class Regex {
  readonly #program: Program;
  readonly #sets = new Map<string, StateSet>();
  #known = 0;
  #first: StateSet;
  #work = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#first = this.#begin();
  }

  /** States visited so far; at most grows by the number of states for each character of a text. */
  get work(): number {
    return this.#work;
  }

  /** True when the pattern stands for the whole of `text`, or for a part of it if that was asked for. */
  matches(text: string): boolean {
    let current = this.#first;
    for (const char of text) {
      const point = char.codePointAt(0) as number;
      const known = current.next.get(point);
      if (known) current = known;
      else current = this.#step(current, point);
      if (current.states.length === 0) return false;
    }
    return current.accepts;
  }

  #begin(): StateSet {
    return this.#setOf([this.#program.entry], true);
  }

  #step(from: StateSet, point: number): StateSet {
    const reached: number[] = [];
    for (const state of from.states) {
      this.#work += 1;
      const instruction = this.#at(state);
      if (instruction.kind === 'char' && contains(instruction.set, point))
        reached.push(instruction.next);
    }
    if (this.#known >= CACHE_LIMIT) {
      this.#sets.clear();
      this.#known = 0;
      this.#first = this.#begin();
    }
    const to = this.#setOf(reached, false);
    from.next.set(point, to);
    this.#known += 1;
    return to;
  }

  #setOf(entries: readonly number[], atStart: boolean): StateSet {
    const states = this.#closure(entries, atStart, false);
    const key = `${atStart ? '^' : ''}${states.join(' ')}`;
    const known = this.#sets.get(key);
    if (known) return known;
    const accepts = this.#closure(states, atStart, true).some(
      (state) => this.#at(state).kind === 'accept',
    );
    const set: StateSet = { states, accepts, next: new Map() };
    this.#sets.set(key, set);
    this.#known += 1 + states.length;
    return set;
  }

  /** All states that can be reached without reading a character; those that only branch are left out. */
  #closure(entries: readonly number[], atStart: boolean, atEnd: boolean): number[] {
    const seen = new Set<number>();
    const found: number[] = [];
    const open = [...entries];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (seen.has(state)) continue;
      seen.add(state);
      this.#work += 1;
      const instruction = this.#at(state);
      switch (instruction.kind) {
        case 'split':
          open.push(...instruction.next);
          break;
        case 'start':
          if (atStart) open.push(instruction.next);
          break;
        case 'end':
          if (atEnd) open.push(instruction.next);
          else found.push(state);
          break;
        case 'save':
          open.push(instruction.next);
          break;
        case 'char':
        case 'accept':
          found.push(state);
      }
    }
    return found.sort((a, b) => a - b);
  }

  #at(state: number): Instruction {
    return this.#program.instructions[state] as Instruction;
  }
}
