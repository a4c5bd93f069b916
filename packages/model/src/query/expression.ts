// The cluster query language as data: which hosts an expression is about. Made by `parser.ts`, read by
// `evaluate.ts`, turned back into text by `print.ts`. Source: ECS reference, section 5.5.

/** Both signs and words of the language come down to these. */
export type Operator =
  '==' | '!=' | '>' | '>=' | '<' | '<=' | '=~' | '!~' | 'in' | 'not_in' | 'exists' | 'not_exists';

export type Subject =
  | { readonly kind: 'attribute'; readonly name: string }
  | {
      readonly kind:
        | 'task:group'
        | 'agentConnected'
        | 'agentVersion'
        | 'ec2InstanceId'
        | 'registeredAt'
        | 'runningTasksCount';
    };

export interface Comparison {
  readonly kind: 'comparison';
  readonly subject: Subject;
  readonly operator: Operator;
  /** None for (not_)exists, one or more for (not_)in, else one. No value holds both kinds of quotes. */
  readonly values: readonly string[];
}

export type Expression =
  | { readonly kind: 'or' | 'and'; readonly operands: readonly Expression[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  | Comparison;

/** What a query can ask of a host. */
export interface HostFacts {
  /** The host's id; `ec2InstanceId` in the language. */
  readonly id: string;
  /** An attribute without a value has the value ''. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly agentConnected: boolean;
  readonly agentVersion: string;
  /** Milliseconds since the Unix epoch. */
  readonly registeredAt: number;
  /** Tasks on the host that shall run. */
  readonly runningTasksCount: number;
  /** The groups of these tasks. */
  readonly groups: { has(group: string): boolean; keys(): Iterable<string> };
}

/** Bounds of a query, so that reading and evaluating one stays cheap. */
export const MAX_QUERY_LENGTH = 2000;
export const MAX_QUERY_DEPTH = 50;
