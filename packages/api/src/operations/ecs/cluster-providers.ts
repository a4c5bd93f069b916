// Which capacity providers a cluster has, and what a strategy may name. Pure. Source: ECS reference, sections 2.2 and 8.2.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CapacityProviderRecord,
  CapacityProviderStrategyItem,
  ClusterRecord,
} from '@berth/model/generated/messages.ts';
import { isBuiltInProvider } from '@berth/model/resources/capacity-provider.ts';
import { parseEcsReference } from '@berth/model/resources/reference.ts';
import { checkStrategy, MOST_PROVIDERS } from '@berth/model/validation/capacity-provider.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { collections } from '@berth/store/keys.ts';
import { guardPresent } from '@berth/store/record.ts';
import type { Stored } from '@berth/store/state.ts';
import type { Guard } from '@berth/store/store.ts';

import { invalid, type Place } from '../resolve.ts';

export interface ClusterProviders {
  readonly capacityProviders: readonly string[];
  readonly defaultCapacityProviderStrategy: readonly CapacityProviderStrategyItem[];
}

/** A provider of whatever status, by name or ARN. */
export function findProvider(
  place: Place,
  text: string,
): Stored<CapacityProviderRecord> | undefined {
  const reference = parseEcsReference(place.realm, 'capacity-provider', text);
  return reference && place.state.get(collections.capacityProviders, reference.name);
}

/** What a cluster is given, by name, with guards that hold while those providers are there. */
export function acceptClusterProviders(
  place: Place,
  asked: ClusterProviders,
): ClusterProviders & { readonly guards: readonly Guard[] } {
  const check = new Checker('InvalidParameterException');
  check.atMost('capacityProviders', asked.capacityProviders.length, MOST_PROVIDERS, 'providers');
  const guards: Guard[] = [];
  const capacityProviders = asked.capacityProviders.map((text) => {
    const name = providerName(place, text);
    if (isBuiltInProvider(name)) return name;
    const found = place.state.get(collections.capacityProviders, name);
    if (found?.value.status !== 'ACTIVE') {
      throw invalid(
        `The specified capacity provider '${text}' was not found. Specify a valid name or ARN and try again.`,
      );
    }
    guards.push(guardPresent(found));
    return name;
  });
  check.unique('capacityProviders', capacityProviders);
  const strategy = namedStrategy(place, asked.defaultCapacityProviderStrategy);
  checkStrategy(check, 'defaultCapacityProviderStrategy', strategy);
  refuseUnassociated(capacityProviders, strategy);
  return { capacityProviders, defaultCapacityProviderStrategy: strategy, guards };
}

/**
 * The strategy of a call or a service, its providers by name.
 * @throws BerthError InvalidParameterException for a provider that the cluster does not have
 */
export function resolveStrategy(
  place: Place,
  cluster: ClusterRecord,
  asked: readonly CapacityProviderStrategyItem[],
): CapacityProviderStrategyItem[] {
  const strategy = namedStrategy(place, asked);
  refuseUnassociated(cluster.capacityProviders, strategy);
  return strategy;
}

function namedStrategy(
  place: Place,
  strategy: readonly CapacityProviderStrategyItem[],
): CapacityProviderStrategyItem[] {
  return strategy.map((item) => ({
    ...item,
    capacityProvider: providerName(place, item.capacityProvider),
  }));
}

function providerName({ realm }: Place, text: string): string {
  return parseEcsReference(realm, 'capacity-provider', text)?.name ?? text;
}

function refuseUnassociated(
  providers: readonly string[],
  strategy: readonly CapacityProviderStrategyItem[],
): void {
  const stranger = strategy.find(({ capacityProvider }) => !providers.includes(capacityProvider));
  if (!stranger) return;
  throw new BerthError(
    'InvalidParameterException',
    'The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. ' +
      `Associate the capacity provider with the cluster and try again. (capacity provider "${stranger.capacityProvider}")`,
  );
}
