export declare function nearest(word: string, candidates: readonly string[]): string | undefined;
