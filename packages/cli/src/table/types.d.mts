// The types of the command table for the TypeScript part of this package.

/** Kinds of names that completion can look up, or the words themselves. */
export type Completer =
  | 'cluster'
  | 'host'
  | 'task-definition'
  | 'family'
  | 'task'
  | 'service'
  | 'task-or-service'
  | 'target-group'
  | 'listener'
  | 'rule'
  | 'load-balancer'
  | 'tls-certificate'
  | 'trust-store'
  | 'state'
  | 'user'
  | 'access-key'
  | 'policy'
  | 'role'
  | 'file'
  | readonly string[];

export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  /** Placeholder of its value; absent for a flag that is on or off. */
  readonly value?: string;
  readonly multiple?: boolean;
  readonly help: string;
  readonly env?: string;
  readonly complete?: Completer;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly optional: boolean;
  readonly repeated: boolean;
  readonly complete?: Completer;
}

export interface CommandSpec {
  readonly path: readonly string[];
  readonly usage: string;
  readonly summary: string;
  readonly details: string;
  readonly examples: readonly string[];
  /** The file in `commands/` that carries it out. */
  readonly module: string;
  readonly arguments: readonly ArgumentSpec[];
  /** It takes words after `--`. */
  readonly takesRest: boolean;
  readonly restOptional: boolean;
  readonly flags: readonly FlagSpec[];
  /** It does not talk to the api. */
  readonly local?: boolean;
}

export interface CommandLine {
  readonly command: CommandSpec;
  readonly positionals: readonly string[];
  readonly rest: readonly string[];
  readonly flags: Readonly<Record<string, true | string | readonly string[] | undefined>>;
}
