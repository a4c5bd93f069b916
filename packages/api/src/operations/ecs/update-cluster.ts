// Changing clusters: settings, configuration, capacity providers. Source: ECS reference, section 2.2.
import { BerthError } from '@berth/model/errors.ts';
import type {
  Cluster,
  ClusterRecord,
  ClusterSetting,
  PutClusterCapacityProvidersRequest,
  UpdateClusterRequest,
  UpdateClusterSettingsRequest,
} from '@berth/model/generated/messages.ts';
import { Checker } from '@berth/model/validation/check.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Guard } from '@berth/store/store.ts';

import { clusterView } from '../../views/cluster-view.ts';
import type { OperationContext } from '../deps.ts';
import { type ClusterPlace, invalid, requireCluster } from '../resolve.ts';
import { replace, write } from '../write.ts';
import { acceptClusterProviders } from './cluster-providers.ts';

/** @throws BerthError InvalidParameterException */
export function checkSettings(check: Checker, settings: readonly ClusterSetting[]): void {
  for (const [index, { name, value }] of settings.entries()) {
    check.word(`settings[${index}].name`, name, ['containerInsights']);
    check.word(`settings[${index}].value`, value, ['enabled', 'enhanced', 'disabled']);
  }
  check.unique(
    'settings: name',
    settings.map(({ name }) => name),
  );
}

/** Only what is given changes. */
export function updateCluster(
  on: OperationContext,
  request: UpdateClusterRequest,
  call: CallContext,
): Promise<{ cluster: Cluster }> {
  checkSettings(new Checker('InvalidParameterException'), request.settings);
  return change(on, request.cluster, call, ({ cluster: { value } }) => ({
    record: {
      ...value,
      settings: request.settings.length > 0 ? request.settings : value.settings,
      configuration: request.configuration ?? value.configuration,
    },
  }));
}

export function updateClusterSettings(
  on: OperationContext,
  request: UpdateClusterSettingsRequest,
  call: CallContext,
): Promise<{ cluster: Cluster }> {
  const check = new Checker('InvalidParameterException');
  if (request.settings.length === 0) check.refuse('Settings can not be empty.');
  checkSettings(check, request.settings);
  return change(on, request.cluster, call, ({ cluster: { value } }) => ({
    record: { ...value, settings: request.settings },
  }));
}

/** Both lists replace what there was. A provider that a service uses can't be taken away. */
export function putClusterCapacityProviders(
  on: OperationContext,
  request: PutClusterCapacityProvidersRequest,
  call: CallContext,
): Promise<{ cluster: Cluster }> {
  return change(on, request.cluster, call, (place) => {
    const { guards, ...providers } = acceptClusterProviders(place, request);
    const { value } = place.cluster;
    const kept = new Set(providers.capacityProviders);
    const dropped = value.capacityProviders.filter((name) => !kept.has(name));
    refuseUsed(place.state, value.name, dropped);
    return { record: { ...value, ...providers }, guards };
  });
}

function refuseUsed(state: State, cluster: string, dropped: readonly string[]): void {
  if (dropped.length === 0) return;
  for (const { value } of state.list(collections.services, cluster)) {
    if (value.status === 'INACTIVE') continue;
    const strategy = value.launch?.capacityProviderStrategy ?? [];
    const used = strategy.find(({ capacityProvider }) => dropped.includes(capacityProvider));
    if (!used) continue;
    throw new BerthError(
      'ResourceInUseException',
      `The specified capacity provider is in use and cannot be removed. ` +
        `(capacity provider "${used.capacityProvider}" is used by service "${value.name}")`,
    );
  }
}

async function change(
  on: OperationContext,
  cluster: string,
  { signal }: CallContext,
  decide: (place: ClusterPlace) => {
    readonly record: ClusterRecord;
    readonly guards?: readonly Guard[];
  },
): Promise<{ cluster: Cluster }> {
  if (cluster === '') throw invalid('cluster is missing; expected the name or ARN of a cluster.');
  const options = { signal, attempted: `update cluster ${cluster}`, turn: `cluster ${cluster}` };
  return write(on, options, (state) => {
    const place = requireCluster({ state, realm: on.realm }, cluster);
    const { record, guards = [] } = decide(place);
    const { guard, put } = replace(collections.clusters, place.cluster, record);
    return {
      guards: [guard, ...guards],
      puts: [put],
      result: (seen) => ({ cluster: clusterView(seen, on.realm, record) }),
    };
  });
}
