// Operations whose names and shapes are the same on both sides: nothing has to be said of them but that they are supported.
import type { ErrorCode } from '@berth/model/errors.ts';
import type { MessageName } from '@berth/model/generated/messages.ts';
import type { CallContext, Handlers } from '@berth/rpc/api.ts';
import { methodsOf } from '@berth/rpc/load.ts';

import type { ServiceModel } from '../models/model.ts';
import { namesOf, type ServiceSupport } from '../support/support.ts';
import type { Operation } from '../wire/service.ts';
import { AnswerMapper, type Fixes, RequestMapper, type Shown } from './messages.ts';

export interface DirectOptions<S extends 'Ecs' | 'Scaling'> {
  /** Of Berth's. */
  readonly service: S;
  readonly handlers: Handlers<S>;
  readonly model: ServiceModel;
  readonly support: ServiceSupport;
  readonly shown: Shown;
  readonly requestFixes?: Fixes;
  readonly answerFixes?: Fixes;
  /** The code for a word that the API knows and Berth does not. */
  readonly invalid: (operation: string) => ErrorCode;
}

type AnyHandler = (request: object, call: CallContext) => Promise<object>;

/** The supported operations that Berth has under the same name. */
export function directOperations<S extends 'Ecs' | 'Scaling'>(
  options: DirectOptions<S>,
): Record<string, Operation> {
  const { service, handlers, model, support, shown, invalid } = options;
  const methods = methodsOf(service);
  const answers = new AnswerMapper(model, shown, options.answerFixes ?? {});
  const table = handlers as unknown as Readonly<Record<string, AnyHandler>>;
  return Object.fromEntries(
    namesOf(support.supported).flatMap((name): [string, Operation][] => {
      const method = methods.get(name);
      const handler = table[name];
      const names = model.operations[name];
      if (!method || !handler || !names) return [];
      const { requestMessage, response } = method;
      const requests = new RequestMapper(model, options.requestFixes ?? {}, invalid(name));
      const run: Operation = async (input, call) => {
        const request = requests.request(names.input, requestMessage, input);
        const answer = await handler(request, call);
        return answers.answer(names.output, response.type.name as MessageName, answer);
      };
      return [[name, run]];
    }),
  );
}

/** Every list of an operation's output itself is always there. */
export function listsOfOutputs(model: ServiceModel): Record<string, string> {
  return Object.fromEntries(
    Object.values(model.operations).map(({ output }) => {
      const members = Object.entries(model.structures[output]?.members ?? {});
      const lists = members.filter(([, { type }]) => type === 'list').map(([name]) => name);
      return [output, lists.join(' ')];
    }),
  );
}
