// Writes the facts of the AWS APIs that Berth speaks: names, types and limits; no text of anybody's documentation.
// - packages/aws/src/models/generated/SERVICE.json: from the JavaScript SDK's clients, which know the newest operations, and from
// - scripts/aws-limits.json: what the SDK leaves out, namely which numbers are whole, ranges, lengths and patterns.
// With --check it writes nothing and fails if what is committed differs. With --limits DIRECTORY it makes aws-limits.json anew from the
// data directory of a botocore (python3-botocore of Debian has one in /usr/lib/python3/dist-packages/botocore/data).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

import ts from 'typescript';

import type { Member, ServiceModel, Structure } from '../packages/aws/src/models/model.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LIMITS = join(ROOT, 'scripts/aws-limits.json');
const OUTPUT = join(ROOT, 'packages/aws/src/models/generated');

interface Source {
  readonly client: string;
  /** Directory in botocore's data. */
  readonly botocore: string;
  readonly model: Pick<ServiceModel, 'protocol' | 'version' | 'target' | 'namespace'>;
}

const SOURCES: Readonly<Record<string, Source>> = {
  ecs: {
    client: '@aws-sdk/client-ecs',
    botocore: 'ecs/2014-11-13',
    model: {
      protocol: 'json',
      version: '2014-11-13',
      target: 'AmazonEC2ContainerServiceV20141113',
    },
  },
  elbv2: {
    client: '@aws-sdk/client-elastic-load-balancing-v2',
    botocore: 'elbv2/2015-12-01',
    model: {
      protocol: 'query',
      version: '2015-12-01',
      namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    },
  },
  scaling: {
    client: '@aws-sdk/client-application-auto-scaling',
    botocore: 'application-autoscaling/2016-02-06',
    model: { protocol: 'json', version: '2016-02-06', target: 'AnyScaleFrontendService' },
  },
  sts: {
    client: '@aws-sdk/client-sts',
    botocore: 'sts/2011-06-15',
    model: {
      protocol: 'query',
      version: '2011-06-15',
      namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    },
  },
};

// --- limits ---

interface BotocoreShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly exception?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
}

type Limit = Pick<Member, 'min' | 'max' | 'pattern'> & { readonly type?: Member['type'] };
/** By `Structure.member`, then `[]` for a list's items and `{}` for a map's values. */
type Limits = Record<string, Limit>;

const NUMBERS = ['integer', 'long', 'double', 'float'];

function limitsFrom(directory: string): Record<string, Limits> {
  return Object.fromEntries(
    Object.entries(SOURCES).map(([name, { botocore }]) => {
      const file = join(directory, botocore, 'service-2.json');
      const text = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
      const { shapes } = JSON.parse(text.toString('utf8')) as {
        readonly shapes: Record<string, BotocoreShape>;
      };
      const limits: Limits = {};
      const visit = (path: string, shapeName: string): void => {
        const shape = shapes[shapeName];
        if (!shape) throw new Error(`${file}: no shape ${shapeName}`);
        const { type, min, max, pattern } = shape;
        const limit: Limit = {
          ...(NUMBERS.includes(type) && { type: type === 'float' ? 'double' : (type as 'long') }),
          ...(min !== undefined && { min }),
          ...(max !== undefined && { max }),
          ...(pattern !== undefined && { pattern }),
        };
        if (Object.keys(limit).length > 0) limits[path] = limit;
        if (shape.member) visit(`${path}[]`, shape.member.shape);
        if (shape.value) visit(`${path}{}`, shape.value.shape);
      };
      for (const [structure, shape] of Object.entries(shapes).sort(byName)) {
        if (shape.type !== 'structure' || shape.exception === true) continue;
        for (const [member, { shape: target }] of Object.entries(shape.members ?? {})) {
          visit(`${structure}.${member}`, target);
        }
      }
      return [name, limits];
    }),
  );
}

// --- the SDK's schemas ---

/** [kind, namespace, name, traits, ...]; see @smithy/core's schemas. Smaller ones are numbers and functions. */
type Schema = readonly unknown[];
type SchemaRef = number | Schema | (() => SchemaRef);

const KIND = { simple: 0, list: 1, map: 2, structure: 3, union: 4, operation: 9, error: -3 };
const SIMPLE: Readonly<Record<number, Member['type']>> = {
  0: 'string',
  1: 'double',
  2: 'boolean',
  4: 'timestamp',
  5: 'timestamp',
  7: 'timestamp',
  15: 'document',
  21: 'blob',
};
const LIST_OF = 64;
const MAP_OF = 128;

const require = createRequire(import.meta.url);

async function modelOf(name: string, source: Source, limits: Limits): Promise<ServiceModel> {
  const schemas = (await import(source.client)) as Record<string, unknown>;
  const words = new Words(source.client);
  const structures: Record<string, Structure> = {};
  const operations: Record<string, { input: string; output: string }> = {};
  const errors: Record<string, { code: string; status: number }> = {};

  const memberOf = (path: string, ref: SchemaRef | readonly [SchemaRef, unknown]): Member => {
    if (typeof ref === 'function') return memberOf(path, ref());
    if (typeof ref === 'number') return simpleOf(path, ref);
    const [kind] = ref;
    if (typeof kind !== 'number' || typeof ref[1] !== 'string') {
      return memberOf(path, ref[0] as SchemaRef); // [schema, traits]
    }
    const schema = ref as Schema;
    switch (kind) {
      case KIND.simple:
        return simpleOf(path, schema[4] as number);
      case KIND.list:
        return limited(path, {
          type: 'list',
          item: memberOf(`${path}[]`, schema[4] as SchemaRef),
        });
      case KIND.map:
        return limited(path, {
          type: 'map',
          item: memberOf(`${path}{}`, schema[5] as SchemaRef),
        });
      case KIND.structure:
      case KIND.union:
        return { type: 'structure', structure: structureOf(schema) };
      default:
        throw new Error(`${name}: ${path} is of an unknown kind ${kind}`);
    }
  };
  const simpleOf = (path: string, code: number): Member => {
    if (code >= MAP_OF) {
      return limited(path, { type: 'map', item: simpleOf(`${path}{}`, code - MAP_OF) });
    }
    if (code >= LIST_OF) {
      return limited(path, { type: 'list', item: simpleOf(`${path}[]`, code - LIST_OF) });
    }
    const type = SIMPLE[code];
    if (type === undefined) throw new Error(`${name}: ${path} is of an unknown type ${code}`);
    const plain = limited(path, { type });
    const [, structure, member] = /^(\w+)\.(\w+)/.exec(path) ?? [];
    const set = type === 'string' ? words.of(structure ?? '', member ?? '') : undefined;
    return set === undefined ? plain : { ...plain, words: set };
  };
  const limited = (path: string, member: Member): Member => ({ ...member, ...limits[path] });
  const structureOf = (schema: Schema): string => {
    const [, , structure, , names, types, required = 0] = schema as [
      number,
      string,
      string,
      unknown,
      string[],
      SchemaRef[],
      number?,
    ];
    if (structures[structure]) return structure;
    const members: Record<string, Member> = {};
    structures[structure] = { members };
    names.forEach((member, index) => {
      const found = memberOf(`${structure}.${member}`, types[index] as SchemaRef);
      members[member] = index < required ? { ...found, required: true } : found;
    });
    return structure;
  };

  for (const value of Object.values(schemas)) {
    if (!Array.isArray(value)) continue;
    const schema = value as Schema;
    if (schema[0] === KIND.operation) {
      const part = (index: number): string => {
        const found = memberOf('', schema[index] as SchemaRef);
        if (found.structure === undefined) throw new Error(`${String(schema[2])}: no structure`);
        return found.structure;
      };
      operations[schema[2] as string] = { input: part(4), output: part(5) };
    } else if (schema[0] === KIND.error) {
      const traits = schema[3] as {
        readonly error?: string;
        readonly httpError?: number;
        readonly awsQueryError?: readonly [string, number];
      };
      if (typeof traits !== 'object') continue;
      const status = traits.httpError ?? (traits.error === 'server' ? 500 : 400);
      const [code, queryStatus] = traits.awsQueryError ?? [schema[2] as string, status];
      errors[schema[2] as string] = { code, status: queryStatus };
    }
  }
  const enums = words.used;
  return {
    name,
    ...source.model,
    operations: sorted(operations),
    structures: sorted(structures),
    words: sorted(enums),
    errors: sorted(errors),
  };
}

/** Which members are closed sets of words: only the declarations say so. */
class Words {
  readonly used: Record<string, readonly string[]> = {};
  readonly #sets = new Map<string, readonly string[]>();
  readonly #members = new Map<string, string>();

  constructor(client: string) {
    const main = require.resolve(client);
    const directory = join(dirname(dirname(main)), 'dist-types/models');
    for (const name of ['enums', 'models_0', 'models_1', 'models_2']) {
      const file = join(directory, `${name}.d.ts`);
      if (!existsSync(file)) continue;
      const parsed = ts.createSourceFile(
        file,
        readFileSync(file, 'utf8'),
        ts.ScriptTarget.Latest,
        true,
      );
      parsed.forEachChild((node) => this.#read(node, parsed));
    }
  }

  /** The name of the set that the member's words, or those of its items, are of. */
  of(structure: string, member: string): string | undefined {
    const name = this.#members.get(`${structure}.${member}`);
    const set = name === undefined ? undefined : this.#sets.get(name);
    if (name === undefined || set === undefined) return undefined;
    this.used[name] = set;
    return name;
  }

  #read(node: ts.Node, file: ts.SourceFile): void {
    if (ts.isVariableStatement(node)) {
      for (const { name, type } of node.declarationList.declarations) {
        if (!type || !ts.isTypeLiteralNode(type)) continue;
        const values = type.members.map((member) => {
          const literal = ts.isPropertySignature(member) && member.type;
          if (!literal || !ts.isLiteralTypeNode(literal) || !ts.isStringLiteral(literal.literal)) {
            throw new Error(`${file.fileName}: ${name.getText(file)} is no set of words`);
          }
          return literal.literal.text;
        });
        this.#sets.set(name.getText(file), values);
      }
    } else if (ts.isInterfaceDeclaration(node)) {
      for (const member of node.members) {
        if (!ts.isPropertySignature(member) || !member.type) continue;
        const word = /^(?:Record<\w+, )?(\w+)(?:\[\])*>?$/.exec(
          member.type.getText(file).replace(/ \| undefined/g, ''),
        )?.[1];
        if (word !== undefined) {
          this.#members.set(`${node.name.text}.${member.name.getText(file)}`, word);
        }
      }
    }
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(byName));
}

/** One line an operation, a structure, a set of words: a change of the API is then a readable change of the file. */
function print(model: object): string {
  const parts = Object.entries(model).map(([key, value]: [string, unknown]) => {
    if (typeof value !== 'object' || value === null) {
      return `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    }
    const lines = Object.entries(value).map(
      ([name, item]) => `    ${JSON.stringify(name)}: ${JSON.stringify(item)}`,
    );
    return `  ${JSON.stringify(key)}: {\n${lines.join(',\n')}\n  }`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}

const limitsAt = process.argv.indexOf('--limits');
if (limitsAt >= 0) {
  const directory = process.argv[limitsAt + 1];
  if (directory === undefined) throw new Error('--limits needs the data directory of a botocore');
  writeFileSync(LIMITS, print(limitsFrom(directory)));
}
const limits = JSON.parse(readFileSync(LIMITS, 'utf8')) as Record<string, Limits>;
const stale: string[] = [];
for (const [name, source] of Object.entries(SOURCES)) {
  const file = join(OUTPUT, `${name}.json`);
  const text = print(await modelOf(name, source, limits[name] ?? {}));
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) stale.push(file);
}
if (stale.length > 0) {
  console.error(`Not up to date: ${stale.join(', ')}. Run: node scripts/aws-models.ts`);
  process.exitCode = 1;
}
