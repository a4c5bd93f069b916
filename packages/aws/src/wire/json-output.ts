// Writes an answer of AWS JSON 1.1 in the order and the types of the model: what the model does not know is left out, times become
// seconds. Pure. Source: ECS reference, section 1.1.
import type { Member, ServiceModel, Structure } from '../models/model.ts';
import { structureOf } from '../models/services.ts';
import type { Plain } from './json-input.ts';

/** @param value times in milliseconds */
export function writeJson(model: ServiceModel, structure: string, value: object): string {
  return JSON.stringify(structureJson(model, structure, value as Plain));
}

/** Of a structure, as they are gone through for each value of it. */
const membersOf = new WeakMap<Structure, readonly (readonly [string, Member])[]>();

function entriesOf(structure: Structure): readonly (readonly [string, Member])[] {
  let entries = membersOf.get(structure);
  if (!entries) membersOf.set(structure, (entries = Object.entries(structure.members)));
  return entries;
}

function structureJson(model: ServiceModel, name: string, value: Plain): Plain {
  const result: Plain = {};
  for (const [member, shape] of entriesOf(structureOf(model, name))) {
    const part = value[member];
    if (part !== undefined && part !== null) result[member] = memberJson(model, shape, part);
  }
  return result;
}

function memberJson(model: ServiceModel, shape: Member, value: unknown): unknown {
  switch (shape.type) {
    case 'structure':
      return structureJson(model, shape.structure ?? '', value as Plain);
    case 'list':
      return (value as unknown[]).map((item) => memberJson(model, shape.item as Member, item));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Plain).map(([key, item]) => [
          key,
          memberJson(model, shape.item as Member, item),
        ]),
      );
    case 'timestamp':
      return (value as number) / 1000;
    case 'string':
      return String(value);
    case 'integer':
    case 'long':
      return Math.trunc(value as number);
    case 'document':
      return JSON.parse(value as string) as unknown;
    case 'double':
    case 'boolean':
    case 'blob':
      return value;
  }
}
