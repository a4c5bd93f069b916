// Volumes of a task and the mount points of its containers. Pure. Source: ECS reference, section 3.5.
import type {
  ContainerDefinition,
  DockerVolumeConfiguration,
  Volume,
} from '../generated/messages.ts';
import type { TaskDefinitionContent } from '../resources/task-definition.ts';
import type { Checker } from './check.ts';
import { checkEcsName } from './names.ts';

export function checkVolumes(check: Checker, definition: TaskDefinitionContent): void {
  for (const [index, volume] of definition.volumes.entries()) {
    checkEcsName(check, `volumes[${index}].name`, volume.name);
    checkVolume(check.within(`Volume '${volume.name}'`), volume);
  }
  const names = definition.volumes.map((volume) => volume.name);
  check.unique('volumes: name', names);
  for (const container of definition.containerDefinitions) {
    checkMounts(check.within(`Container '${container.name}'`), container, names);
  }
}

function checkVolume(check: Checker, volume: Volume): void {
  const docker = volume.dockerVolumeConfiguration;
  if (volume.host && docker) {
    check.refuse('host and dockerVolumeConfiguration are both given; expected one of them.');
  }
  check.text('host.sourcePath', volume.host?.sourcePath, /^\//, 'an absolute path');
  if (docker) checkDockerVolume(check, volume.name, docker);
}

function checkDockerVolume(check: Checker, name: string, docker: DockerVolumeConfiguration): void {
  const shared = docker.scope === 'shared';
  if (docker.autoprovision === true && !shared) {
    check.refuse(
      'dockerVolumeConfiguration.autoprovision is true; expected it only with scope shared.',
    );
  }
  if (docker.driver === '') {
    check.expected(
      'dockerVolumeConfiguration.driver',
      '',
      'the name of a volume driver, or nothing',
    );
  }
  // A shared volume bears its name in Docker, which wants two characters and no sign first.
  if (shared && !/^[A-Za-z0-9][A-Za-z0-9_-]+$/.test(name)) {
    check.expected('name', name, 'for scope shared 2 or more characters, a letter or digit first');
  }
}

function checkMounts(
  check: Checker,
  container: ContainerDefinition,
  volumes: readonly string[],
): void {
  for (const [index, mount] of container.mountPoints.entries()) {
    const field = `mountPoints[${index}]`;
    if (!volumes.includes(mount.sourceVolume)) {
      const expected = volumes.length === 0 ? 'no volumes are given' : volumes.join(', ');
      check.expected(
        `${field}.sourceVolume`,
        mount.sourceVolume,
        `a name in volumes (${expected})`,
      );
    }
    check.text(`${field}.containerPath`, mount.containerPath, /^\//, 'an absolute path');
  }
  check.unique('mountPoints: containerPath', [
    ...container.mountPoints.map((mount) => mount.containerPath),
    ...(container.linuxParameters?.tmpfs ?? []).map((mount) => mount.containerPath),
  ]);
}
