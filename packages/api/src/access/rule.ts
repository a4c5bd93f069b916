// What a method needs the permission for. One rule a method; the tables are `rules-*.ts`.
// Source: ECS reference, section 12.2; the Service Authorization Reference of AWS.
import type { Tag } from '@berth/model/generated/messages.ts';
import type { ServiceTypes } from '@berth/rpc/generated/services.ts';

import type { Place } from '../operations/resolve.ts';

/** Values of condition keys: of none, one or several. Keys in lower case, but for the tags' names. */
export type Conditions = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One thing that has to be allowed. */
export interface Need {
  /** ecs:RunTask */
  readonly action: string;
  /** An ARN, or * where the action is on nothing in particular. */
  readonly resource: string;
  readonly conditions?: Conditions;
}

/** What a call needs, all of it. @param place the state and the realm of its ARNs */
export type Rule<Q> = (request: Q, place: Place) => readonly Need[];

/** For each method of a service. */
export type Rules<S extends keyof ServiceTypes> = {
  readonly [M in keyof ServiceTypes[S]]: ServiceTypes[S][M] extends { request: infer Q }
    ? Rule<Q>
    : never;
};

/** A resource with its tags. */
export interface Resource {
  readonly arn: string;
  readonly tags: readonly Tag[];
}

/** @param prefixes of the keys that the tags are known by */
export function resourceTags(
  tags: readonly Tag[],
  prefixes: readonly string[] = ['aws:resourcetag/'],
): Conditions {
  return Object.fromEntries(
    prefixes.flatMap((prefix) => tags.map(({ key, value }) => [prefix + key, value])),
  );
}

/** What a request says of tags: `aws:RequestTag/KEY` and `aws:TagKeys`. */
export function requestTags(tags: readonly Tag[]): Conditions {
  return {
    ...Object.fromEntries(tags.map(({ key, value }) => [`aws:requesttag/${key}`, value])),
    'aws:tagkeys': tags.length > 0 ? tags.map(({ key }) => key) : undefined,
  };
}

/** Permission to hand a role on to something. */
export function passRoles(
  roles: readonly (string | undefined)[],
  account: string,
  to: string,
): Need[] {
  return roles
    .filter((role) => role !== undefined && role !== '')
    .map((role) => ({
      action: 'iam:PassRole',
      resource: role?.startsWith('arn:') ? role : `arn:aws:iam::${account}:role/${role}`,
      conditions: { 'iam:passedtoservice': to },
    }));
}
