// `service update --image`: a new revision of what the service runs, with other images.
import type {
  ContainerDefinition,
  RegisterTaskDefinitionRequest,
} from '@berth/model/generated/messages.ts';

import type { Context } from './context.ts';
import { CommandError, exitCodes } from './failure.ts';
import { say } from './output/terminal.ts';
import { describeService } from './queries.ts';

export interface ImageChange {
  readonly cluster: string;
  readonly service: string;
  /** The revision to start from; absent: the one that the service runs. */
  readonly from: string | undefined;
  /** IMAGE, or CONTAINER=IMAGE where there are several containers. */
  readonly images: readonly string[];
}

/** Register the revision. @returns family:revision */
export async function registerWithImages(context: Context, change: ImageChange): Promise<string> {
  const { ecs } = await context.api();
  const from =
    change.from ?? (await describeService(ecs, change.cluster, change.service)).taskDefinition;
  const { taskDefinition, tags } = await ecs.DescribeTaskDefinition({
    taskDefinition: from,
    include: ['TAGS'],
  });
  if (!taskDefinition) throw new Error('DescribeTaskDefinition answered without a definition');
  const { family, cpu, memory, networkMode, volumes, placementConstraints } = taskDefinition;
  const answer = await ecs.RegisterTaskDefinition({
    family,
    containerDefinitions: withImages(taskDefinition.containerDefinitions, change.images),
    cpu,
    memory,
    networkMode: networkMode as RegisterTaskDefinitionRequest['networkMode'],
    volumes,
    placementConstraints,
    requiresCompatibilities: taskDefinition.requiresCompatibilities,
    runtimePlatform: taskDefinition.runtimePlatform,
    taskRoleArn: taskDefinition.taskRoleArn,
    executionRoleArn: taskDefinition.executionRoleArn,
    ephemeralStorage: taskDefinition.ephemeralStorage,
    tags,
  });
  const name = `${family}:${answer.taskDefinition?.revision ?? '?'}`;
  if (!context.flags.on('json')) say(context.terminal, `registered ${name}`);
  return name;
}

/** @throws CommandError when a container is not named where it must be, or does not exist */
export function withImages(
  containers: readonly ContainerDefinition[],
  images: readonly string[],
): ContainerDefinition[] {
  const names = containers.map(({ name }) => name);
  const chosen = new Map<string, string>();
  for (const text of images) {
    const [left = '', ...right] = text.split('=');
    // An image's digest or tag holds no "=", so that one can only follow a container's name.
    const named = right.length > 0;
    const [only] = names;
    if (!named && (names.length !== 1 || only === undefined)) {
      throw new CommandError(
        exitCodes.refused,
        `--image ${text} does not say for which container: there are ${names.join(', ')}`,
        { next: `--image ${only ?? 'CONTAINER'}=${text}` },
      );
    }
    const name = named ? left : (only ?? '');
    if (!names.includes(name)) {
      throw new CommandError(
        exitCodes.refused,
        `--image ${text}: the task definition has no container "${name}", only ${names.join(', ')}`,
      );
    }
    chosen.set(name, named ? right.join('=') : text);
  }
  return containers.map((one) => ({ ...one, image: chosen.get(one.name) ?? one.image }));
}
