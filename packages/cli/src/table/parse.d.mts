import type { CommandLine } from './types.d.mts';

/** A command line that can't be understood; exit code 2. */
export declare class UsageError extends Error {
  readonly next: string;
  constructor(message: string, next: string);
}
/** @throws UsageError */
export declare function parse(args: readonly string[]): CommandLine;
export declare function environmentNames(): readonly string[];
