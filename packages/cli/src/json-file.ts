// Reads what people write in ECS's JSON and checks it member by member, so that a slip of the fingers is
// named instead of being dropped.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';

import { CommandError, exitCodes } from './failure.ts';
import { syntaxProblem } from './json-syntax.ts';

/** What only an answer of DescribeTaskDefinition has; such an answer can be registered again as it is. */
const ANSWER_ONLY = [
  'taskDefinitionArn',
  'revision',
  'status',
  'registeredAt',
  'deregisteredAt',
  'registeredBy',
  'requiresAttributes',
  'compatibilities',
  'deleteRequestedAt',
];
/** Lists that stand in messages of their own in UpdateServiceRequest, and in ECS's JSON do not. */
const WRAPPED = [
  'placementConstraints',
  'placementStrategy',
  'loadBalancers',
  'capacityProviderStrategy',
];
/** The same within deploymentConfiguration, in every request. */
const HOOKS = 'lifecycleHooks';
const SHOWN_MAX = 10;

type Plain = Record<string, unknown>;

/**
 * The message in a file; `-` is standard input.
 * @throws CommandError that names line and column, or each member that is wrong
 */
export async function readMessage<N extends MessageName>(
  name: N,
  file: string,
): Promise<Input<MessageTypes[N]>> {
  const source = file === '-' ? 'standard input' : file;
  const value = parseJson(await readText(file), source);
  const { jsonProblems, formatProblem } = await import('@berth/rpc/strict.ts');
  const { complete } = await import('@berth/rpc/codec.ts');
  const lists = name === 'UpdateServiceRequest' ? wrapLists(value) : withoutAnswer(name, value);
  const given = wrapHooks(lists);
  const problems = jsonProblems(name, given);
  if (problems.length > 0) {
    const lines = problems
      .slice(0, SHOWN_MAX)
      .map((problem) => `\n  ${formatProblem({ ...problem, path: asWritten(problem.path) })}`);
    const more = problems.length > SHOWN_MAX ? `\n  and ${problems.length - SHOWN_MAX} more` : '';
    throw new CommandError(
      exitCodes.refused,
      `${source} is no ${operationOf(name)}:${lines.join('')}${more}`,
    );
  }
  return complete(name, given as object) as Input<MessageTypes[N]>;
}

/** @throws CommandError with line and column */
export function parseJson(json: string, source: string): unknown {
  const problem = syntaxProblem(json);
  if (!problem) return JSON.parse(json) as unknown;
  const { line, column, expected, found } = problem;
  throw new CommandError(
    exitCodes.refused,
    `${source} is no JSON: line ${line}, column ${column}: expected ${expected}, found ${found}`,
  );
}

/** The text of a file; `-` is standard input. @throws CommandError */
export async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new CommandError(exitCodes.failed, `can't read ${file}`, { cause });
  }
}

/** "RegisterTaskDefinition request", as ECS calls it. */
function operationOf(name: MessageName): string {
  return `${name.replace(/Request$/, '')} request of ECS`;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutAnswer(name: MessageName, value: unknown): unknown {
  if (name !== 'RegisterTaskDefinitionRequest' || !isPlain(value)) return value;
  const inner = isPlain(value['taskDefinition']) ? value['taskDefinition'] : value;
  if (!('taskDefinitionArn' in inner)) return value;
  return Object.fromEntries(Object.entries(inner).filter(([key]) => !ANSWER_ONLY.includes(key)));
}

function wrapLists(value: unknown): unknown {
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      WRAPPED.includes(key) && Array.isArray(member) ? [key, { items: member }] : [key, member],
    ),
  );
}

function wrapHooks(value: unknown): unknown {
  if (!isPlain(value) || !isPlain(value['deploymentConfiguration'])) return value;
  const { [HOOKS]: hooks, ...others } = value['deploymentConfiguration'];
  if (!Array.isArray(hooks)) return value;
  const items = (hooks as unknown[]).map((hook) =>
    isPlain(hook) && 'hookDetails' in hook
      ? { ...hook, hookDetails: JSON.stringify(hook['hookDetails']) }
      : hook,
  );
  return { ...value, deploymentConfiguration: { ...others, [HOOKS]: { items } } };
}

/** The path of a problem as the file has it, without the messages that `wrapLists` put in. */
function asWritten(path: string): string {
  return path
    .replace(/^(placementConstraints|placementStrategy|loadBalancers)\.items\b/, '$1')
    .replace(/^(deploymentConfiguration\.lifecycleHooks)\.items\b/, '$1');
}
