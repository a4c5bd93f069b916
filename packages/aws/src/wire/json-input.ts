// Reads the body of an AWS JSON 1.1 call against the model: wrong types are refused as AWS refuses them, unknown members are left
// out. Nothing of the result has a name that the model or the caller's own maps don't give. Pure. Source: ECS reference, section 1.1.
import type { Member, ServiceModel } from '../models/model.ts';
import { structureOf } from '../models/services.ts';
import { Fault } from './fault.ts';

export type Plain = Record<string, unknown>;

const MOST_DEPTH = 64;
const INTEGER_LIMIT = 2 ** 31 - 1;
/** Either way from 1970; what lies beyond is no Date. Source: ECMA-262, "time values and time range". */
const TIME_LIMIT = 8.64e15;

/** @throws Fault SerializationException */
export function readJson(model: ServiceModel, structure: string, body: string): Plain {
  if (body.trim() === '') return readStructure(model, structure, {}, '');
  refuseDepth(body);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw serialization('The body is no JSON.');
  }
  return readStructure(model, structure, value, '');
}

/** Before anything walks it. */
function refuseDepth(body: string): void {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < body.length; index += 1) {
    const unit = body.charCodeAt(index);
    if (quoted) {
      if (unit === 0x5c) index += 1;
      else if (unit === 0x22) quoted = false;
    } else if (unit === 0x22) quoted = true;
    else if (unit === 0x5b || unit === 0x7b) {
      depth += 1;
      if (depth > MOST_DEPTH) {
        throw serialization(`The body is nested deeper than ${MOST_DEPTH} levels.`);
      }
    } else if (unit === 0x5d || unit === 0x7d) depth -= 1;
  }
}

function readStructure(model: ServiceModel, name: string, value: unknown, path: string): Plain {
  if (!isObject(value)) throw wrong(value, 'a structure', path);
  const result: Plain = {};
  for (const [member, shape] of Object.entries(structureOf(model, name).members)) {
    if (!Object.hasOwn(value, member)) continue;
    const part = value[member];
    if (part === null) continue;
    result[member] = readMember(model, shape, part, path === '' ? member : `${path}.${member}`);
  }
  return result;
}

function readMember(model: ServiceModel, shape: Member, value: unknown, path: string): unknown {
  switch (shape.type) {
    case 'structure':
      return readStructure(model, shape.structure ?? '', value, path);
    case 'list':
      if (!Array.isArray(value)) throw wrong(value, 'a list', path);
      return value.map((item: unknown, index) =>
        readMember(model, shape.item as Member, item, `${path}[${index}]`),
      );
    case 'map':
      if (!isObject(value)) throw wrong(value, 'a map', path);
      return Object.fromEntries(
        Object.entries(value)
          .filter(([, item]) => item !== null)
          .map(([key, item]) => [
            key,
            readMember(model, shape.item as Member, item, `${path}.${key}`),
          ]),
      );
    case 'document':
      return JSON.stringify(value);
    case 'string':
    case 'blob':
      if (typeof value !== 'string') throw wrong(value, 'a String', path);
      return value.toWellFormed();
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong(value, 'a Boolean', path);
      return value;
    case 'integer':
      if (!isWhole(value, INTEGER_LIMIT)) throw wrong(value, 'an Integer', path);
      return value;
    case 'long':
      if (!isWhole(value, Number.MAX_SAFE_INTEGER)) throw wrong(value, 'a Long', path);
      return value;
    case 'double':
      // JSON's numbers may be larger than any of ours.
      if (!Number.isFinite(value)) throw wrong(value, 'a Double', path);
      return value;
    case 'timestamp':
      return readTime(value, path);
  }
}

/** Epoch seconds, as clients send them, or ISO 8601. @returns milliseconds */
function readTime(value: unknown, path: string): number {
  const time = typeof value === 'number' ? Math.round(value * 1000) : Date.parse(String(value));
  const allowed = typeof value === 'number' || typeof value === 'string';
  if (!allowed || !(Math.abs(time) <= TIME_LIMIT)) throw wrong(value, 'a Date', path);
  return time;
}

function isWhole(value: unknown, limit: number): boolean {
  const number = value as number;
  return Number.isInteger(value) && number <= limit && number >= -limit - 1;
}

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(value: unknown, expected: string, path: string): Fault {
  const where = path === '' ? '' : ` (${path.slice(0, 200)})`;
  return serialization(`${tokenOf(value)} can not be converted to ${expected}${where}`);
}

function tokenOf(value: unknown): string {
  if (Array.isArray(value)) return 'START_ARRAY';
  if (value === null) return 'NULL_VALUE';
  if (typeof value === 'object') return 'START_OBJECT';
  if (typeof value === 'number') return Number.isInteger(value) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
  return typeof value === 'boolean' ? `${String(value).toUpperCase()}_VALUE` : 'STRING_VALUE';
}

function serialization(message: string): Fault {
  return new Fault('SerializationException', message);
}
