// Which engine volumes a task needs and who owns them. Pure.
// Source: ECS reference, section 3.5. A volume with nothing specified, or with scope `task`, lives and
// dies with the task; one with scope `shared` is never removed; a host path is not a volume at all.
import type { TaskDefinitionRecord, TaskRecord, Volume } from '@berth/model/generated/messages.ts';

import { LABEL, taskLabels } from '../labels.ts';
import type { VolumeSpec } from './runtime.ts';

export interface NeededVolume {
  readonly spec: VolumeSpec;
  /** Make it if it is missing; else it must be there. */
  readonly create: boolean;
}

/** The engine's name of a volume that a task's containers mount. */
export function volumeNameOf(task: TaskRecord, volume: Volume): string {
  if (volume.dockerVolumeConfiguration?.scope === 'shared') return volume.name;
  return `berth-${task.id.slice(0, 12)}-${volume.name}`;
}

/** The volumes that must exist before the named container is created. */
export function neededVolumes(
  definition: TaskDefinitionRecord,
  task: TaskRecord,
  containerName: string,
  hostId: string,
): readonly NeededVolume[] {
  const container = definition.containerDefinitions.find(({ name }) => name === containerName);
  const mounted = new Set(container?.mountPoints.map((mount) => mount.sourceVolume));
  return definition.volumes
    .filter((volume) => mounted.has(volume.name) && volume.host?.sourcePath === undefined)
    .map((volume) => needed(volume, task, hostId));
}

function needed(volume: Volume, task: TaskRecord, hostId: string): NeededVolume {
  const configuration = volume.dockerVolumeConfiguration;
  const shared = configuration?.scope === 'shared';
  const own = shared
    ? {}
    : { ...taskLabels(task.cluster, hostId, task.id), [LABEL.volume]: volume.name };
  return {
    spec: {
      name: volumeNameOf(task, volume),
      driver: configuration?.driver,
      options: configuration?.driverOpts ?? {},
      labels: { ...configuration?.labels, ...own },
    },
    create: !shared || configuration?.autoprovision === true,
  };
}
