// What decides about services and a prediction knows nothing of: it is said, so that nobody takes a prediction for more than it is.
// Pure.
import type { ServiceRecord, TaskDefinitionRecord } from '../generated/messages.ts';
import { shiftsTraffic } from '../validation/shifting.ts';

/**
 * In the order in which it matters; empty: a service whose tasks are healthy once they run.
 * @param definitions of its tasks that come and go
 */
export function leftOut(
  { loadBalancers, deploymentConfiguration: configuration }: ServiceRecord,
  definitions: readonly (TaskDefinitionRecord | undefined)[],
): readonly string[] {
  const checked = definitions.some((definition) =>
    definition?.containerDefinitions.some(({ healthCheck }) => healthCheck),
  );
  const hooks = configuration?.lifecycleHooks?.items.length ?? 0;
  return [
    ...(shiftsTraffic(configuration) ? ['the steps and times of shifts of traffic'] : []),
    ...(hooks > 0 ? ['lifecycle hooks'] : []),
    ...(configuration?.alarms?.enable === true ? ['alarms'] : []),
    ...(loadBalancers.length > 0 ? ['health and draining of targets'] : []),
    ...(checked ? ['health checks of containers'] : []),
  ];
}
