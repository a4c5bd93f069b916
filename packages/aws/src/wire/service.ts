// What the dispatcher knows of a service: its model, what of it is served, and how it refuses.
import type { CallContext } from '@berth/rpc/api.ts';

import type { ServiceModel } from '../models/model.ts';
import type { Fault, FaultCodes } from './fault.ts';
import type { Plain } from './json-input.ts';
import type { XmlDialect } from './xml-output.ts';

/** @param input of the operation's structure, decoded and checked @returns its output; times in milliseconds */
export type Operation = (input: Plain, call: CallContext) => Promise<object>;

export interface WireService {
  readonly model: ServiceModel;
  /** In the scope of signatures. */
  readonly signingName: string;
  /** Of services that speak the Query protocol. */
  readonly dialect: XmlDialect;
  readonly codes: FaultCodes;
  /** Those that are served, by name. */
  readonly operations: Readonly<Record<string, Operation>>;
  /** What is answered to an operation that is not served. */
  readonly notServed: (operation: string) => Fault;
  /** @throws Fault when the input does not hold with the model, or asks for what is not supported */
  readonly check: (operation: string, structure: string, input: Plain) => void;
}
