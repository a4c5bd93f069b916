import type { Completer } from './types.d.mts';

export declare function complete(words: readonly string[]): {
  readonly words: readonly string[];
  readonly kind?: Exclude<Completer, readonly string[]>;
};
export declare function completionScript(shell: string): string | undefined;
