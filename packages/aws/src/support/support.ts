// The form of the tables that say what each operation and each input member means here, and their enforcement. Pure.
import type { ServiceModel } from '../models/model.ts';
import { structureOf } from '../models/services.ts';
import { Fault } from '../wire/fault.ts';
import type { Plain } from '../wire/json-input.ts';

export interface ServiceSupport {
  /** Names with spaces between them. */
  readonly supported: string;
  readonly refused: readonly RefusedOperations[];
  /** Of every structure that the input of a supported operation can hold. */
  readonly structures: Readonly<Record<string, StructureSupport>>;
}

export interface RefusedOperations {
  /** Names with spaces between them. */
  readonly operations: string;
  /** The service's own code for what it does not do, where it is left out. */
  readonly code?: string;
  /** Why, and what to use instead. */
  readonly message: string;
}

/** Each member stands in one of the three; what is inside of an accepted or refused one needs no word. */
export interface StructureSupport {
  /** Names with spaces between them. */
  readonly supported: string;
  /** What they mean here. */
  readonly accepted?: Readonly<Record<string, string>>;
  /** Why they can't be had, and what to use instead. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** Why an operation of the model is not served; undefined for one that is. */
export function refusalOf(
  support: ServiceSupport,
  operation: string,
): RefusedOperations | undefined {
  return support.refused.find(({ operations }) => namesOf(operations).includes(operation));
}

/** Names that stand in one text. */
export function namesOf(text: string): readonly string[] {
  return text.split(' ').filter((name) => name !== '');
}

/**
 * Refuses what asks for something that a refused member stands for; `false`, an empty text, list or structure asks for nothing.
 * @param code of the fault
 * @throws Fault that names the member
 */
export function refuseUnsupported(
  model: ServiceModel,
  support: ServiceSupport,
  structure: string,
  input: Plain,
  code: string,
): void {
  const visit = (name: string, value: Plain, path: string): void => {
    const row = support.structures[name];
    if (!row) return;
    for (const [member, shape] of Object.entries(structureOf(model, name).members)) {
      const part = value[member];
      if (part === undefined) continue;
      const at = path === '' ? member : `${path}.${member}`;
      const why = row.refused?.[member];
      if (why !== undefined) {
        if (asks(part)) throw new Fault(code, `${at} is not supported by Berth. ${why}`);
      } else if (shape.structure !== undefined) visit(shape.structure, part as Plain, at);
      else if (shape.item?.structure !== undefined && Array.isArray(part)) {
        const within = shape.item.structure;
        part.forEach((item, index) => visit(within, item as Plain, `${at}[${index}]`));
      }
    }
  };
  visit(structure, input, '');
}

function asks(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.values(value).some(asks);
  return value !== false && value !== '' && value !== undefined;
}
