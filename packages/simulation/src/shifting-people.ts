// What people do with services whose deployments shift traffic: how they set them up, and how they answer, stop and protect.
import type { Random } from '@berth/control/clock.ts';
import type {
  CreateServiceRequest,
  DeploymentConfiguration,
  DeploymentLifecycleHook,
  LoadBalancer,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import type { Client, Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { type Ask, CALL, LIMITS, pick } from './people.ts';
import { PORT } from './revisions.ts';
import { CLUSTER, REALM, SHIFTING } from './settings.ts';
import type { World } from './world.ts';

const HOOKED = [
  'PRE_SCALE_UP',
  'POST_SCALE_UP',
  'TEST_TRAFFIC_SHIFT',
  'POST_TEST_TRAFFIC_SHIFT',
  'PRE_PRODUCTION_TRAFFIC_SHIFT',
  'PRODUCTION_TRAFFIC_SHIFT',
  'POST_PRODUCTION_TRAFFIC_SHIFT',
];
const PAUSED = HOOKED.filter(
  (stage) => stage !== 'TEST_TRAFFIC_SHIFT' && stage !== 'PRODUCTION_TRAFFIC_SHIFT',
);
const LONGEST_BAKE_S = 20;

export function isShifting(family: string): boolean {
  return family.startsWith(SHIFTING);
}

export function alternateOf(family: string): string {
  return `${family}-other`;
}

/** @param peaceful nobody has to be asked who might not answer */
export function drawConfiguration(
  random: Random,
  peaceful: boolean,
): Input<DeploymentConfiguration> {
  const seconds = (): number => Math.floor(random() * LONGEST_BAKE_S);
  const strategy = pick(random, ['ROLLING', 'BLUE_GREEN', 'LINEAR', 'CANARY'] as const);
  const [minimumHealthyPercent, maximumPercent] = pick(random, LIMITS);
  const enable = random() < 0.5;
  const common = {
    strategy,
    minimumHealthyPercent,
    maximumPercent,
    deploymentCircuitBreaker: { enable, rollback: enable && random() < 0.7 },
  };
  if (strategy === 'ROLLING') return common;
  return {
    ...common,
    bakeTimeInSeconds: seconds(),
    ...(strategy === 'LINEAR'
      ? {
          linearConfiguration: {
            stepPercent: pick(random, [25, 33.3, 60]),
            stepBakeTimeInSeconds: seconds(),
          },
        }
      : {}),
    ...(strategy === 'CANARY'
      ? {
          canaryConfiguration: {
            canaryPercent: pick(random, [0.1, 5, 50]),
            canaryBakeTimeInSeconds: seconds(),
          },
        }
      : {}),
    lifecycleHooks: { items: drawHooks(random, peaceful) },
  };
}

function drawHooks(random: Random, peaceful: boolean): Input<DeploymentLifecycleHook>[] {
  const hooks: Input<DeploymentLifecycleHook>[] = [];
  if (random() < 0.6) {
    hooks.push({
      hookTargetArn: 'http://hooks.example/',
      lifecycleStages: HOOKED.filter(() => random() < 0.4)
        .concat('POST_SCALE_UP')
        .filter(isFirst),
    });
  }
  if (!peaceful && random() < 0.4) {
    hooks.push({
      targetType: 'PAUSE',
      lifecycleStages: [pick(random, PAUSED)],
      timeoutConfiguration: {
        timeoutInMinutes: 1,
        action: pick(random, ['CONTINUE', 'ROLLBACK'] as const),
      },
    });
  }
  return hooks;
}

function isFirst(value: string, index: number, all: readonly string[]): boolean {
  return all.indexOf(value) === index;
}

export class ShiftingPeople {
  readonly #world: World;
  readonly #ecs: Client<'Ecs'>;
  readonly #ask: Ask;
  readonly #random: Random;
  /** Ids of the rules of each family: production, test. */
  readonly #rules = new Map<string, readonly [string, string | undefined]>();

  constructor(world: World, ecs: Client<'Ecs'>, ask: Ask) {
    this.#world = world;
    this.#ecs = ecs;
    this.#ask = ask;
    this.#random = world.randomOf('shifting');
  }

  /** @param production the default rule that clients come by */
  async begin(
    family: string,
    production: string,
    listen: () => Promise<string | undefined>,
  ): Promise<void> {
    const test = this.#random() < 0.7 ? await listen() : undefined;
    this.#rules.set(family, [production, test]);
  }

  balancerOf(family: string): Input<LoadBalancer> {
    const [productionListenerRule = '', testListenerRule] = this.#rules.get(family) ?? [];
    return {
      targetGroupArn: family,
      containerName: 'main',
      containerPort: PORT,
      advancedConfiguration: {
        alternateTargetGroupArn: alternateOf(family),
        productionListenerRule,
        testListenerRule,
      },
    };
  }

  /** Whether a service of a cluster with zones is kept spread over them. */
  zones(): Pick<Input<CreateServiceRequest>, 'availabilityZoneRebalancing' | 'placementStrategy'> {
    const spread = { type: 'spread', field: 'attribute:ecs.availability-zone' } as const;
    return this.#random() < 0.6
      ? { availabilityZoneRebalancing: 'ENABLED', placementStrategy: [spread] }
      : {};
  }

  configuration(): Input<DeploymentConfiguration> {
    return drawConfiguration(this.#random, false);
  }

  /** How the service is to be deployed from now on. While traffic moves a deployment that does not shift it is refused. */
  peaceful(family: string): Input<DeploymentConfiguration> {
    const { state } = this.#world.database;
    const service = state.get(collections.services, CLUSTER, family)?.value;
    const [primary] = state.get(collections.deployments, CLUSTER, family)?.value.deployments ?? [];
    const atRest = primary?.id === service?.deploymentId && primary?.rolloutState !== 'IN_PROGRESS';
    for (;;) {
      const drawn = drawConfiguration(this.#random, true);
      if (atRest || drawn.strategy !== 'ROLLING') return drawn;
    }
  }

  /** Something that is done to a deployment, or to tasks while one goes on. */
  async deed(): Promise<void> {
    const random = this.#random;
    const family = this.#world.families.find(isShifting);
    const choice = random();
    if (choice < 0.15) await this.#protect();
    if (family === undefined) return;
    if (choice < 0.5) await this.#answer(family);
    else if (choice < 0.6) await this.#stop(family);
    else if (choice < 0.75) {
      const deploymentConfiguration = this.configuration();
      await this.#ask('UpdateService', () =>
        this.#ecs.UpdateService(
          { cluster: CLUSTER, service: family, deploymentConfiguration },
          CALL,
        ),
      );
    }
  }

  /** Lets paused deployments go on, or sends them back. */
  async #answer(family: string): Promise<void> {
    const { state } = this.#world.database;
    for (const { value } of [...state.list(collections.serviceDeployments, CLUSTER, family)]) {
      for (const { hookId, status } of value.lifecycleHooks) {
        if (status !== 'AWAITING_ACTION') continue;
        const action = this.#random() < 0.7 ? ('CONTINUE' as const) : ('ROLLBACK' as const);
        const serviceDeploymentArn = arn.serviceDeployment(REALM, CLUSTER, family, value.id);
        if (action === 'CONTINUE') this.#world.checks.shifts.continued.add(hookId);
        await this.#ask(`${action} ${hookId}`, () =>
          this.#ecs.ContinueServiceDeployment({ serviceDeploymentArn, hookId, action }, CALL),
        );
      }
    }
  }

  async #stop(family: string): Promise<void> {
    const { state } = this.#world.database;
    const open = [...state.list(collections.serviceDeployments, CLUSTER, family)].find(
      ({ value }) => value.status === 'IN_PROGRESS',
    );
    if (!open) return;
    const serviceDeploymentArn = arn.serviceDeployment(REALM, CLUSTER, family, open.value.id);
    await this.#ask('StopServiceDeployment', () =>
      this.#ecs.StopServiceDeployment({ serviceDeploymentArn }, CALL),
    );
  }

  /** From being scaled in, for a minute or two. */
  async #protect(): Promise<void> {
    const families = this.#world.families.filter((name) => name !== 'job');
    const family = pick(this.#random, families);
    const tasks = [...this.#world.database.state.tasksByService(CLUSTER, family)]
      .filter(({ value }) => value.desiredStatus === 'RUNNING')
      .map(({ value }) => value.id)
      .sort()
      .slice(0, 1 + Math.floor(this.#random() * 3));
    if (tasks.length === 0) return;
    const expiresInMinutes = 1 + Math.floor(this.#random() * 2);
    await this.#ask('UpdateTaskProtection', () =>
      this.#ecs.UpdateTaskProtection(
        { cluster: CLUSTER, tasks, protectionEnabled: true, expiresInMinutes },
        CALL,
      ),
    );
  }
}
