// Compiles the tree of a regular expression into a Thompson automaton: numbered states, each of which
// consumes one character, branches, asserts a position, or accepts.
import { PatternError } from './parse.ts';
import type { CharSet, Node } from './syntax.ts';

/** Bounds the memory of an automaton, and with it the work per character: nested {m,n} multiply. */
export const MAX_STATES = 2500;

export type Instruction =
  | { readonly kind: 'char'; readonly set: CharSet; readonly next: number }
  | { readonly kind: 'split'; readonly next: readonly number[] }
  | { readonly kind: 'start'; readonly next: number }
  | { readonly kind: 'end'; readonly next: number }
  /** Here a capture begins (slot 2n) or ends (slot 2n + 1). */
  | { readonly kind: 'save'; readonly slot: number; readonly next: number }
  | { readonly kind: 'accept' };

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly entry: number;
}

/**
 * @param captures keep track of them
 * @throws PatternError when the automaton would have more than MAX_STATES states
 */
export function compile(tree: Node, captures = false): Program {
  const instructions: Instruction[] = [{ kind: 'accept' }];
  const emit = (instruction: Instruction): number => {
    if (instructions.length >= MAX_STATES) throw tooLarge();
    return instructions.push(instruction) - 1;
  };
  // Empty parts make no states, yet repeating them takes time: they are counted too.
  let parts = 0;
  // Built backwards: each part is told where to go on.
  const build = (node: Node, next: number): number => {
    parts += 1;
    if (parts > 10 * MAX_STATES) throw tooLarge();
    switch (node.kind) {
      case 'set':
        return emit({ kind: 'char', set: node.set, next });
      case 'start':
      case 'end':
        return emit({ kind: node.kind, next });
      case 'sequence':
        return node.items.reduceRight((after, item) => build(item, after), next);
      case 'choice':
        return emit({ kind: 'split', next: node.options.map((option) => build(option, next)) });
      case 'repeat':
        return repeat(node, next);
      case 'capture': {
        if (!captures) return build(node.item, next);
        const end = emit({ kind: 'save', slot: 2 * node.number + 1, next });
        return emit({ kind: 'save', slot: 2 * node.number, next: build(node.item, end) });
      }
    }
  };
  const repeat = (node: Extract<Node, { kind: 'repeat' }>, next: number): number => {
    const { item, min, max, lazy } = node;
    // What is preferred comes first.
    const split = (body: number): Instruction => ({
      kind: 'split',
      next: lazy ? [next, body] : [body, next],
    });
    let entry = next;
    if (max === Infinity) {
      const loop = emit({ kind: 'split', next: [] });
      const body = build(item, loop);
      instructions[loop] = split(body);
      entry = loop;
    } else {
      for (let left = max - min; left > 0; left -= 1) {
        entry = emit(split(build(item, entry)));
      }
    }
    for (let left = min; left > 0; left -= 1) entry = build(item, entry);
    return entry;
  };
  const entry = build(tree, 0);
  return { instructions, entry };
}

function tooLarge(): PatternError {
  return new PatternError(1, `the pattern needs more than ${MAX_STATES} states; repeat less`);
}
