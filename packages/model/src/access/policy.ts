// Reads policy documents and refuses what is wrong in them, by element and place. Pure.
// Source: ECS reference, section 12.1; IAM's "JSON policy element reference" and "grammar of the policy language".
import { BerthError } from '../errors.ts';
import { JsonError, type JsonValue, readJson } from './json-text.ts';
import { OPERATOR_NAMES, isTruth, operatorNamed } from './operators.ts';
import type { PolicyDocument, PolicyStatement, PrincipalPattern } from './principal.ts';
import { arnTemplate } from './template.ts';

/** What a document is for: whose permissions it states, or who may assume a role. */
export type PolicyKind = 'identity' | 'trust';

/** Characters that are no white space. */
const MOST_CHARACTERS = { identity: 6144, trust: 4096 } as const;
const MEMBERS = ['Version', 'Id', 'Statement'];
const VERSIONS = ['2012-10-17', '2008-10-17'] as const;
const ELEMENTS = {
  identity: 'Sid Effect Action NotAction Resource NotResource Condition'.split(' '),
  trust: 'Sid Effect Principal Action NotAction Condition'.split(' '),
} as const;
const ACTION = /^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/;
const PRINCIPALS = ['AWS', 'Service', 'Federated'] as const;

type JsonObject = Readonly<Record<string, JsonValue>>;

/** @throws BerthError MalformedPolicyDocument */
export function parsePolicy(text: string, kind: PolicyKind): PolicyDocument {
  const size = text.replace(/\s/g, '').length;
  if (size > MOST_CHARACTERS[kind]) {
    const code = kind === 'identity' ? 'LimitExceeded' : 'MalformedPolicyDocument';
    throw new BerthError(
      code,
      `The policy has ${size} characters without white space; expected at most ${MOST_CHARACTERS[kind]}.`,
    );
  }
  const document = objectOf(read(text), 'the policy');
  refuseUnknown(document, MEMBERS, 'the policy');
  const version = document['Version'] ?? '2008-10-17';
  const known = VERSIONS.find((word) => word === version);
  if (!known) {
    throw malformed(`Version is ${shown(version)}; expected "2012-10-17" or "2008-10-17"`);
  }
  if (document['Statement'] === undefined) throw malformed('Statement is missing');
  const statements = [document['Statement']].flat() as readonly JsonValue[];
  if (statements.length === 0) throw malformed('Statement is empty; expected one at least');
  const parsed = statements.map((item, index) => statementOf(item, kind, `Statement ${index + 1}`));
  const sids = parsed.flatMap(({ sid }) => (sid === undefined ? [] : [sid]));
  const twice = sids.find((sid, index) => sids.indexOf(sid) !== index);
  if (twice !== undefined) throw malformed(`Sid "${twice}" is there twice; expected it once`);
  return { version: known, statements: parsed };
}

function read(text: string): JsonValue {
  try {
    return readJson(text);
  } catch (error) {
    if (error instanceof JsonError) throw malformed(`the policy is no JSON: ${error.message}`);
    throw error;
  }
}

function statementOf(value: JsonValue, kind: PolicyKind, where: string): PolicyStatement {
  const item = objectOf(value, where);
  refuseUnknown(item, ELEMENTS[kind], where);
  const sid = item['Sid'];
  if (sid !== undefined && (typeof sid !== 'string' || !/^[A-Za-z0-9]*$/.test(sid))) {
    throw malformed(`${where}: Sid is ${shown(sid)}; expected letters and digits`);
  }
  const effect = item['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw malformed(`${where}: Effect is ${shown(effect)}; expected "Allow" or "Deny"`);
  }
  const actions = textsOf(item['Action'], `${where}: Action`);
  const notActions = textsOf(item['NotAction'], `${where}: NotAction`);
  oneOf(actions, notActions, `${where}: Action or NotAction`);
  for (const action of [...(actions ?? []), ...(notActions ?? [])]) {
    if (action !== '*' && !ACTION.test(action)) {
      throw malformed(
        `${where}: action ${shown(action)} is not SERVICE:NAME, for instance "ecs:Describe*"`,
      );
    }
  }
  const resources = textsOf(item['Resource'], `${where}: Resource`);
  const notResources = textsOf(item['NotResource'], `${where}: NotResource`);
  if (kind === 'identity') oneOf(resources, notResources, `${where}: Resource or NotResource`);
  for (const resource of [...(resources ?? []), ...(notResources ?? [])]) {
    const parts = arnTemplate(resource);
    if (resource !== '*' && (parts[0] !== 'arn' || parts.length < 6)) {
      throw malformed(
        `${where}: resource ${shown(resource)} is no ARN; expected "*" or arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`,
      );
    }
  }
  return {
    sid: sid === '' ? undefined : sid,
    effect,
    principals: kind === 'trust' ? principalsOf(item['Principal'], where) : undefined,
    actions,
    notActions,
    resources,
    notResources,
    conditions: conditionsOf(item['Condition'], where),
  };
}

function principalsOf(value: JsonValue | undefined, where: string): readonly PrincipalPattern[] {
  if (value === '*') return PRINCIPALS.map((kind) => ({ kind, value: '*' }));
  if (value === undefined) throw malformed(`${where}: Principal is missing`);
  const named = objectOf(value, `${where}: Principal`);
  refuseUnknown(named, PRINCIPALS, `${where}: Principal`);
  return PRINCIPALS.flatMap((kind) =>
    (textsOf(named[kind], `${where}: Principal.${kind}`) ?? []).map((text) => ({
      kind,
      value: text,
    })),
  );
}

function conditionsOf(value: JsonValue | undefined, where: string): PolicyStatement['conditions'] {
  if (value === undefined) return {};
  const conditions: Record<string, Record<string, readonly string[]>> = {};
  for (const [operator, keys] of Object.entries(objectOf(value, `${where}: Condition`))) {
    const use = operatorNamed(operator);
    if (!use) {
      throw malformed(
        `${where}: ${shown(operator)} is no condition operator; expected one of ${OPERATOR_NAMES.join(', ')}, some with ForAllValues:, ForAnyValue: or IfExists`,
      );
    }
    const named = Object.entries(objectOf(keys, `${where}: ${operator}`));
    if (named.length === 0) throw malformed(`${where}: ${operator} names no condition key`);
    const accepts = use.operator ? use.operator.accepts : isTruth;
    const expects = use.operator ? use.operator.expects : 'true or false';
    conditions[operator] = Object.fromEntries(
      named.map(([key, values]) => {
        const texts = scalarsOf(values, `${where}: ${operator}.${key}`);
        const wrong = accepts && texts.find((text) => !accepts(text));
        if (wrong !== undefined) {
          throw malformed(
            `${where}: ${operator}.${key} is ${shown(wrong)}; expected ${expects ?? 'another value'}`,
          );
        }
        return [key, texts];
      }),
    );
  }
  return conditions;
}

function objectOf(value: JsonValue, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw malformed(`${what} is ${shown(value)}; expected an object`);
}

function refuseUnknown(value: JsonObject, known: readonly string[], where: string): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw malformed(
    `${where} has the unknown element ${shown(unknown)}; expected ${known.join(', ')}`,
  );
}

function textsOf(value: JsonValue | undefined, what: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const items = [value].flat() as readonly JsonValue[];
  if (items.length === 0) throw malformed(`${what} is empty; expected one at least`);
  return items.map((item) => {
    if (typeof item === 'string' && item !== '') return item;
    throw malformed(`${what} is ${shown(item)}; expected a text or a list of texts`);
  });
}

function scalarsOf(value: JsonValue, what: string): readonly string[] {
  const items = [value].flat() as readonly JsonValue[];
  if (items.length === 0) throw malformed(`${what} is empty; expected one value at least`);
  return items.map((item) => {
    if (typeof item !== 'object') return String(item);
    throw malformed(`${what} is ${shown(item)}; expected texts, numbers, true or false`);
  });
}

function oneOf(a: readonly string[] | undefined, b: readonly string[] | undefined, what: string) {
  if ((a === undefined) !== (b === undefined)) return;
  throw malformed(`${what} ${a === undefined ? 'is missing' : 'are both there'}; expected one`);
}

function shown(value: JsonValue | undefined): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

function malformed(what: string): BerthError {
  return new BerthError(
    'MalformedPolicyDocument',
    `${what.charAt(0).toUpperCase()}${what.slice(1)}.`,
  );
}
