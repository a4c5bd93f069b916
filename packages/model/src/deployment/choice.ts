// Which of several equally stoppable tasks to stop: placement's reverse, by the service's strategy. Pure.
// Source: ECS reference, section 5.3.
import type { ServiceRecord } from '../generated/messages.ts';
import { hashText } from '../placement/hash.ts';
import { attributeMap } from '../placement/host.ts';
import { parseStrategies } from '../placement/strategies.ts';
import { chooseVictims, type VictimHost, type VictimTask } from '../placement/victims.ts';
import { type ActiveTask, type Buckets, membersOf } from './buckets.ts';
import type { ServiceView } from './view.ts';

export type Choose = (candidates: readonly ActiveTask[], count: number) => readonly ActiveTask[];

/**
 * A choice among a service's tasks that counts all of them where tasks are counted. A second choice takes no
 * account of the first: the plan is made again before it could matter.
 */
export function chooser(view: ServiceView, service: ServiceRecord, buckets: Buckets): Choose {
  return (all, count) => {
    const candidates = all.filter(({ shielded }) => !shielded);
    if (count <= 0 || candidates.length === 0) return [];
    if (count >= candidates.length) return candidates;
    const everyone = [...buckets.byDeployment.values()].flatMap(membersOf);
    const hosts = [...view.hosts].map(([id]) => victimHost(view, id));
    const strategy = parseStrategies(service.placementStrategy, true);
    const seed = hashText(`${view.cluster}/${view.name}`);
    const byId = new Map(candidates.map((task) => [task.of.task.id, task]));
    const tasks = everyone.map((task) => victimTask(task, !byId.has(task.of.task.id)));
    const chosen = chooseVictims({ tasks, count, strategy, hosts, seed });
    return chosen.flatMap((id) => byId.get(id) ?? []);
  };
}

function victimTask({ of, health }: ActiveTask, isProtected: boolean): VictimTask {
  return {
    id: of.task.id,
    hostId: of.task.hostId,
    running: health.state !== 'pending',
    unhealthy: health.state === 'unhealthy',
    protected: isProtected,
    cpu: of.task.reserved?.cpu ?? 0,
    memory: of.task.reserved?.memory ?? 0,
  };
}

function victimHost(view: ServiceView, id: string): VictimHost {
  const host = view.hosts.get(id);
  return {
    id,
    ready: host?.record?.status === 'ACTIVE' && host.connected,
    attributes: attributeMap(host?.record?.attributes ?? []),
    cpuFree: host?.cpuFree ?? 0,
    memoryFree: host?.memoryFree ?? 0,
  };
}
