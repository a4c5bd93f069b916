// Reads the parameters of a Query call against the model. Lists are `Name.member.N`, in the order of N whatever gaps there are; `Name=`
// is an empty list; maps are `Name.entry.N.key` and `.value`. Unknown parameters are left out. Pure. Source: ALB reference, 1.1.
import type { Member, ServiceModel } from '../models/model.ts';
import { structureOf } from '../models/services.ts';
import { Fault } from './fault.ts';
import type { Plain } from './json-input.ts';
import type { XmlDialect } from './xml-output.ts';

const MOST_PARAMETERS = 5_000;
const MOST_DEPTH = 16;
const INTEGER_LIMIT = 2 ** 31 - 1;
const LONG_LIMIT = Number.MAX_SAFE_INTEGER;
const WHOLE = /^[+-]?\d{1,16}$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** A part of a name: what stands there, and what stands below. */
interface Node {
  text: string | undefined;
  readonly below: Map<string, Node>;
}

export type Parameters = ReadonlyMap<string, string>;

/** @throws Fault when there are too many, or one of them twice */
export function parseParameters(text: string): Parameters {
  const result = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (result.has(name)) {
      throw invalid(`Parameter ${name.slice(0, 100)} is given more than once; expected it once.`);
    }
    if (result.size >= MOST_PARAMETERS) {
      throw invalid(`The request has more than ${MOST_PARAMETERS} parameters.`);
    }
    result.set(name, value);
  }
  return result;
}

/**
 * The parameters of a GET, read as signatures read them: a plus is a plus there, what is not escaped stands for its byte. Otherwise
 * two queries with the same signature could say different things.
 * @param query what follows the question mark, as it stood in the request line
 * @throws Fault as `parseParameters` does
 */
export function parseSignedQuery(query: string): Parameters {
  return parseParameters(
    query.replace(
      /[^!-*,-~]|^\?/g,
      (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    ),
  );
}

/** @throws Fault ValidationError when a value is of the wrong type */
export function readQuery(
  model: ServiceModel,
  structure: string,
  parameters: Parameters,
  dialect: XmlDialect = 'query',
): Plain {
  return new Reader(model, dialect).structure(structure, treeOf(parameters), '');
}

function treeOf(parameters: Parameters): Node {
  const root: Node = { text: undefined, below: new Map() };
  for (const [name, value] of parameters) {
    const parts = name.split('.', MOST_DEPTH + 1);
    if (parts.length > MOST_DEPTH) {
      throw invalid(`Parameter ${name.slice(0, 100)} is nested deeper than ${MOST_DEPTH} levels.`);
    }
    let node = root;
    for (const part of parts) {
      let next = node.below.get(part);
      if (!next) {
        next = { text: undefined, below: new Map() };
        node.below.set(part, next);
      }
      node = next;
    }
    node.text = value;
  }
  return root;
}

class Reader {
  readonly #model: ServiceModel;
  readonly #dialect: XmlDialect;

  constructor(model: ServiceModel, dialect: XmlDialect) {
    this.#model = model;
    this.#dialect = dialect;
  }

  structure(name: string, node: Node, path: string): Plain {
    const result: Plain = {};
    for (const [member, shape] of Object.entries(structureOf(this.#model, name).members)) {
      const part = node.below.get(member);
      if (!part) continue;
      const value = this.#member(shape, part, path === '' ? member : `${path}.${member}`);
      if (value !== undefined) result[member] = value;
    }
    return result;
  }

  #member(shape: Member, node: Node, path: string): unknown {
    switch (shape.type) {
      case 'structure':
        return this.structure(shape.structure ?? '', node, path);
      case 'list': {
        const items = this.#dialect === 'ec2' ? node : node.below.get('member');
        return numbered(items).map(([index, item]) =>
          this.#member(shape.item as Member, item, `${path}.member.${index}`),
        );
      }
      case 'map':
        return Object.fromEntries(
          numbered(node.below.get('entry')).map(([index, entry]) => {
            const value = entry.below.get('value');
            const key = entry.below.get('key')?.text ?? '';
            return [
              key,
              value
                ? this.#member(shape.item as Member, value, `${path}.entry.${index}.value`)
                : '',
            ];
          }),
        );
      default:
        return node.text === undefined ? undefined : scalar(shape, node.text, path);
    }
  }
}

function numbered(node: Node | undefined): [number, Node][] {
  if (!node) return [];
  return [...node.below]
    .filter(([name]) => /^\d{1,6}$/.test(name))
    .map(([name, item]): [number, Node] => [Number(name), item])
    .sort(([a], [b]) => a - b);
}

function scalar(shape: Member, text: string, path: string): unknown {
  switch (shape.type) {
    case 'boolean':
      if (/^true$/i.test(text)) return true;
      if (/^false$/i.test(text)) return false;
      throw wrong(text, 'a boolean', path);
    case 'integer':
    case 'long': {
      const limit = shape.type === 'integer' ? INTEGER_LIMIT : LONG_LIMIT;
      const fits = WHOLE.test(text) && Number(text) <= limit && Number(text) >= -limit - 1;
      if (!fits) throw wrong(text, shape.type, path);
      return Number(text);
    }
    case 'double':
      if (!DECIMAL.test(text) || !Number.isFinite(Number(text)))
        throw wrong(text, 'a number', path);
      return Number(text);
    case 'timestamp': {
      const time = Date.parse(text);
      if (!Number.isFinite(time)) throw wrong(text, 'a timestamp', path);
      return time;
    }
    default:
      return text.toWellFormed();
  }
}

function wrong(text: string, type: string, path: string): Fault {
  return invalid(
    `Value '${text.slice(0, 200)}' at '${path.slice(0, 200)}' can not be read as ${type}.`,
  );
}

function invalid(message: string): Fault {
  return new Fault('ValidationError', message);
}
