// The tags that a task is born with. Pure. Source: ECS reference, section 1.7.
import type { Tag } from '../generated/messages.ts';

export interface TaskTagSources {
  readonly cluster: string;
  readonly service?: string | undefined;
  /** Those of the call. */
  readonly own?: readonly Tag[];
  /** Where others come from. */
  readonly propagate?: 'TASK_DEFINITION' | 'SERVICE' | 'NONE' | undefined;
  readonly definition?: readonly Tag[] | undefined;
  readonly ofService?: readonly Tag[] | undefined;
  /** `aws:ecs:clusterName` and, for tasks of services, `aws:ecs:serviceName`. */
  readonly managed?: boolean | undefined;
}

/** The call's own win over those that are propagated. */
export function taskTags(sources: TaskTagSources): Tag[] {
  const { cluster, service, own = [], propagate, managed } = sources;
  const tags = new Map<string, string>();
  const add = (from: readonly Tag[] | undefined): void => {
    for (const { key, value } of from ?? []) tags.set(key, value);
  };
  if (propagate === 'TASK_DEFINITION') add(sources.definition);
  if (propagate === 'SERVICE') add(sources.ofService);
  add(own);
  if (managed === true) {
    tags.set('aws:ecs:clusterName', cluster);
    if (service !== undefined) tags.set('aws:ecs:serviceName', service);
  }
  return Array.from(tags, ([key, value]) => ({ key, value }));
}
