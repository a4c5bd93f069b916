// Tags of scalable targets. Source: Auto Scaling reference, section 2.
import { BerthError } from '@berth/model/errors.ts';
import type {
  ListTagsForScalableTargetRequest,
  ListTagsForScalableTargetResponse,
  ScalableTargetRecord,
  TagScalableTargetRequest,
  TagScalableTargetResponse,
  UntagScalableTargetRequest,
  UntagScalableTargetResponse,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { scalingCheck } from '@berth/model/validation/scaling/target.ts';
import { checkTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';
import { targetArn, turnOf } from './find.ts';

const MOST_TAGS = 50;

type Tags = Readonly<Record<string, string>>;

/** @throws BerthError ValidationException, TooManyTagsException */
export function mergedTags(current: Tags, given: Tags): Tags {
  const merged = { ...current, ...given };
  if (Object.keys(merged).length > MOST_TAGS) {
    throw new BerthError(
      'TooManyTagsException',
      `A scalable target has at most ${MOST_TAGS} tags.`,
    );
  }
  checkTags(
    scalingCheck,
    Object.entries(given).map(([key, value]) => ({ key, value })),
  );
  return merged;
}

export async function tag(
  on: OperationContext,
  { resourceArn, tags }: TagScalableTargetRequest,
  call: CallContext,
): Promise<TagScalableTargetResponse> {
  return change(on, resourceArn, call, (current) => mergedTags(current, tags));
}

export async function untag(
  on: OperationContext,
  { resourceArn, tagKeys }: UntagScalableTargetRequest,
  call: CallContext,
): Promise<UntagScalableTargetResponse> {
  return change(on, resourceArn, call, (current) =>
    Object.fromEntries(Object.entries(current).filter(([key]) => !tagKeys.includes(key))),
  );
}

export function listTags(
  { cache, realm }: OperationContext,
  { resourceArn }: ListTagsForScalableTargetRequest,
): ListTagsForScalableTargetResponse {
  return { tags: requireByArn(cache, realm, resourceArn).value.tags };
}

function change(
  on: OperationContext,
  resourceArn: string,
  { signal }: CallContext,
  decide: (current: Tags) => Tags,
): Promise<object> {
  const turn = turnOf(requireByArn(on.cache, on.realm, resourceArn).value);
  const attempted = `change the tags of ${resourceArn}`;
  return write(on, { signal, attempted, turn }, (state) => {
    const found = requireByArn(state, on.realm, resourceArn);
    const next = { ...found.value, tags: decide(found.value.tags) };
    const { guard, put } = replace(collections.scalableTargets, found, next);
    return { guards: [guard], puts: [put], result: () => ({}) };
  });
}

function requireByArn(
  state: State,
  realm: Realm,
  resourceArn: string,
): Stored<ScalableTargetRecord> {
  for (const found of state.list(collections.scalableTargets)) {
    if (targetArn(realm, found.value) === resourceArn) return found;
  }
  throw new BerthError(
    'ResourceNotFoundException',
    `The specified resource doesn't exist: ${resourceArn}`,
  );
}
