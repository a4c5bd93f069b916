// Capacity providers: which there are without anybody's doing, and which hosts are whose. Pure.
// Source: ECS reference, sections 8.1 and 8.2; docs/aws-compatibility.md.
import type { Attribute } from '../generated/messages.ts';

/** A host belongs to the provider that this attribute of it names. */
export const PROVIDER_ATTRIBUTE = 'berth.capacity-provider';

/** They stand for any host of the cluster, so that what was written for them can be deployed. */
export const BUILT_IN_PROVIDERS = ['FARGATE', 'FARGATE_SPOT'] as const;

export function isBuiltInProvider(name: string): boolean {
  return (BUILT_IN_PROVIDERS as readonly string[]).includes(name);
}

/** The provider that a host belongs to; undefined for none. */
export function providerOf(attributes: readonly Attribute[]): string | undefined {
  return attributes.find(({ name }) => name === PROVIDER_ATTRIBUTE)?.value || undefined;
}

/** What hosts have to fulfil for a task of the provider, in the cluster query language; undefined: nothing. */
export function providerExpression(name: string): string | undefined {
  return isBuiltInProvider(name) ? undefined : `attribute:${PROVIDER_ATTRIBUTE} == ${name}`;
}
