import type { CommandSpec } from './types.d.mts';

export declare function mainHelp(width: number): string;
export declare function groupHelp(group: string, width: number): string;
export declare function commandHelp(command: CommandSpec, width: number): string;
export declare function topicHelp(name: 'exit-codes' | 'environment', width: number): string;
