// Amazon ECS over Berth's own operations. Where the messages have ECS's shape, nothing has to be said of an operation here: it is
// found by its name. Source: ECS reference, sections 1, 2 and 7.2.
import type { ErrorCode } from '@berth/model/errors.ts';
import type { Handlers } from '@berth/rpc/api.ts';

import { directOperations } from '../mapping/direct.ts';
import { ecs } from '../models/services.ts';
import { ecsSupport } from '../support/ecs.ts';
import { refusalOf, refuseUnsupported } from '../support/support.ts';
import { violationsOf, type Violation } from '../wire/constraints.ts';
import { Fault, type FaultCodes } from '../wire/fault.ts';
import type { Plain } from '../wire/json-input.ts';
import type { WireService } from '../wire/service.ts';
import { containerInstanceOperations } from './container-instances.ts';
import { ANSWER_FIXES, REQUEST_FIXES, SHOWN } from './ecs-shapes.ts';

const CODES: FaultCodes = {
  invalid: 'InvalidParameterException',
  denied: { code: 'AccessDeniedException', status: 400 },
  internal: 'ServerException',
};

export function ecsService(handlers: Handlers<'Ecs'>): WireService {
  return {
    model: ecs,
    signingName: 'ecs',
    dialect: 'query',
    codes: CODES,
    operations: {
      ...directOperations({
        service: 'Ecs',
        handlers,
        model: ecs,
        support: ecsSupport,
        shown: SHOWN,
        requestFixes: REQUEST_FIXES,
        answerFixes: ANSWER_FIXES,
        invalid: invalidCode,
      }),
      ...containerInstanceOperations(handlers),
    },
    notServed,
    check: (operation, structure, input) => {
      const first = violationsOf(ecs, structure, input).find(
        (violation) => !isToldByOperation(violation),
      );
      if (first) throw new Fault(invalidCode(operation), violationText(first));
      refuseUnsupported(ecs, ecsSupport, structure, input, invalidCode(operation));
      refuseEmptyTags(operation, input);
    },
  };
}

/** In a message nothing tells an empty list from none. Source: ECS reference, section 1.7. */
function refuseEmptyTags(operation: string, { tags }: Plain): void {
  if (operation !== 'RegisterTaskDefinition' || !Array.isArray(tags) || tags.length > 0) return;
  throw new Fault('ClientException', 'Tags can not be empty.');
}

/** ECS has words of its own for a state that nobody can set: see container-instances.ts. */
function isToldByOperation({ structure, kind }: Violation): boolean {
  return structure === 'UpdateContainerInstancesStateRequest' && kind === 'words';
}

function notServed(operation: string): Fault {
  const refusal = refusalOf(ecsSupport, operation);
  if (refusal) {
    return new Fault(
      refusal.code ?? 'UnsupportedFeatureException',
      `${operation} is not supported by Berth. ${refusal.message}`,
    );
  }
  return new Fault(
    'UnknownOperationException',
    `${operation.slice(0, 100)} is no operation of Amazon ECS.`,
  );
}

/** ECS says almost everything about task definitions with ClientException. */
function invalidCode(operation: string): ErrorCode {
  return operation === 'RegisterTaskDefinition' ? 'ClientException' : 'InvalidParameterException';
}

/** ECS has no common words for these: the member, what was found, what was expected. */
function violationText({ path, value, kind, shape }: Violation): string {
  const name = path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index > 0 ? `.${part}` : part))
    .join('');
  const found = value === undefined ? '' : shown(value);
  switch (kind) {
    case 'required':
      return shape.type === 'list'
        ? `${capital(name)} cannot be empty.`
        : `${capital(name)} can not be blank.`;
    case 'words':
      return `Invalid value ${found} for ${name}; expected one of ${(ecs.words[shape.words ?? ''] ?? []).join(', ')}.`;
    case 'min':
    case 'max':
      return `Invalid value ${found} for ${name}; expected a value from ${shape.min ?? '-∞'} to ${shape.max ?? '∞'}.`;
    case 'shortest':
    case 'longest': {
      const things = shape.type === 'string' ? 'characters' : 'items';
      return `${name} has ${sizeOf(value)} ${things}; expected from ${shape.min ?? 0} to ${shape.max ?? '∞'}.`;
    }
    case 'pattern':
      return `Invalid value ${found} for ${name}; expected a match of ${shape.pattern ?? ''}.`;
  }
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `'${text.length <= 80 ? text : `${text.slice(0, 79)}…`}'`;
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' || Array.isArray(value)
    ? value.length
    : Object.keys(value as Plain).length;
}
