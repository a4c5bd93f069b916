import type { CommandSpec } from './types.d.mts';

export declare const commands: readonly CommandSpec[];
export declare const sections: readonly {
  readonly title: string;
  readonly names: readonly string[];
}[];
export declare function findCommand(words: readonly string[]): CommandSpec | undefined;
export declare function commandsOf(group: string): readonly CommandSpec[];
