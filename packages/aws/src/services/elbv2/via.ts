// How an operation of ELBv2 becomes a call of Berth's, and what many of them share.
import { BerthError } from '@berth/model/errors.ts';
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import type { CallContext, Handlers } from '@berth/rpc/api.ts';

import { checked } from '../../mapping/messages.ts';
import type { Plain } from '../../wire/json-input.ts';
import type { Operation } from '../../wire/service.ts';
import { shownAttributes } from './answers.ts';

type Rpc = Handlers<'LoadBalancing'>;
type RequestOf<M extends keyof Rpc> = Parameters<Rpc[M]>[0];
type AnswerOf<M extends keyof Rpc> = Awaited<ReturnType<Rpc[M]>>;

/** @param request of that message, partial @param answer as the operation's output */
export type Via = <M extends keyof Rpc, N extends MessageName>(
  method: M,
  message: MessageTypes[N] extends RequestOf<M> ? N : never,
  request: (input: Plain) => Plain,
  answer: (from: AnswerOf<M>) => object,
) => Operation;

export function viaHandlers(handlers: Rpc): Via {
  return (method, message, request, answer) => {
    const handler = handlers[method] as unknown as (
      request: unknown,
      call: CallContext,
    ) => Promise<AnswerOf<typeof method>>;
    return async (input, call) =>
      answer(await handler(checked(message, request(input), 'ValidationError'), call));
  };
}

export const nothing = (): object => ({});

export const attributes = ({
  attributes: all,
}: {
  readonly attributes?: object | undefined;
}): object => ({ Attributes: shownAttributes({ ...all }) });

export const page = ({ Marker, PageSize }: Plain): Plain => ({
  marker: Marker,
  pageSize: PageSize,
});

// What a request is about.

export const loadBalancer = ({ LoadBalancerArn }: Plain): Plain => ({
  loadBalancer: LoadBalancerArn,
});
export const targetGroup = ({ TargetGroupArn }: Plain): Plain => ({ targetGroup: TargetGroupArn });
export const listener = ({ ListenerArn }: Plain): Plain => ({ listener: ListenerArn });
export const rule = ({ RuleArn }: Plain): Plain => ({ rule: RuleArn });
export const trustStore = ({ TrustStoreArn }: Plain): Plain => ({ trustStore: TrustStoreArn });

/** What is meant, by the one of these lists that is given. @throws BerthError when several are, or one besides `other` */
export function oneSelector(
  input: Plain,
  lists: readonly string[],
  other?: string,
): readonly string[] {
  const given = lists.filter((name) => ((input[name] ?? []) as string[]).length > 0);
  const all = other !== undefined && input[other] !== undefined ? [...given, other] : given;
  if (all.length > 1) {
    throw new BerthError('ValidationError', `You can specify only one of ${all.join(' and ')}`);
  }
  return (input[given[0] ?? ''] ?? []) as string[];
}
