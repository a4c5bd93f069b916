// What people and programs do: calls of the api, at any replica, repeated while nobody answers.
import type { Random } from '@berth/control/clock.ts';
import { BerthError, type ErrorCode } from '@berth/model/errors.ts';
import type {
  CreateServiceRequest,
  UpdateServiceRequest,
} from '@berth/model/generated/messages.ts';
import type { Client, Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import type { Process } from './process.ts';
import { AlarmPeople } from './alarm-people.ts';
import { definitionsOf, GOOD_REVISIONS, PORT, REVISIONS } from './revisions.ts';
import { isExternalFamily, SetPeople } from './set-people.ts';
import { CLUSTER, GROUP_DELAY_MS } from './settings.ts';
import { alternateOf, isShifting, ShiftingPeople } from './shifting-people.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

const TRIES = 6;
const TIMEOUT_MS = 8_000;
/** The answers that a person may get in a cluster that others change and that breaks. Others are bugs. */
const POSSIBLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ServiceNotFoundException',
  'ServiceNotActiveException',
  'InvalidParameterException',
  'ClientException',
  'ConflictException',
  'ServerException',
  'ResourceInUseException',
  'AccessDeniedException',
]);
const REPEATED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'Unavailable',
  'DeadlineExceeded',
  'StaleView',
  'NotLeader',
]);

export interface Wish {
  readonly desiredCount: number;
  readonly taskDefinition: string;
}

/** Calls the api until somebody answers. */
export type Ask = <T>(what: string, call: () => Promise<T>) => Promise<T | undefined>;

export class People {
  readonly random: Random;
  readonly #world: World;
  readonly #process: Process;
  readonly #ecs: Client<'Ecs'>;
  readonly #balancing: Client<'LoadBalancing'>;
  readonly #shifting: ShiftingPeople;
  readonly #sets: SetPeople;
  readonly #alarms: AlarmPeople;
  #tokens = 0;
  /** Since when nobody has to answer any more: faults are over, and calls are repeated until they succeed. */
  patient = false;

  constructor(world: World) {
    this.#world = world;
    this.random = world.randomOf('people');
    this.#process = world.process('desk', 'ada');
    const connection = world.network.transportOf(this.#process).connect({
      addresses: world.apiAddresses,
      tls: { certificate: 'admin/ada', key: '', authority: '' },
    });
    this.#ecs = connection.client('Ecs');
    this.#balancing = connection.client('LoadBalancing');
    const ask: Ask = (what, call) => this.#ask(what, call);
    this.#shifting = new ShiftingPeople(world, this.#ecs, ask);
    this.#sets = new SetPeople(world, this.#ecs, ask);
    this.#alarms = new AlarmPeople(world, connection.client('Operations'), ask);
  }

  /** Everything that a new cluster needs. */
  async begin(): Promise<void> {
    this.patient = true;
    await this.#ask('CreateCluster', () => this.#ecs.CreateCluster({ clusterName: CLUSTER }, CALL));
    for (const family of this.#world.families) {
      for (const definition of definitionsOf(family)) {
        await this.#ask('RegisterTaskDefinition', () =>
          this.#ecs.RegisterTaskDefinition(definition, CALL),
        );
      }
    }
    const webs = this.#world.families.filter((family) => family.startsWith('web'));
    for (const [index, name] of webs.entries()) {
      await this.#createGroup(name);
      if (isExternalFamily(name)) {
        await this.#createGroup(alternateOf(name));
        await this.#createListener(8080 + index, name, alternateOf(name));
        continue;
      }
      const rule = await this.#createListener(8080 + index, name);
      if (!isShifting(name)) continue;
      await this.#createGroup(alternateOf(name));
      await this.#shifting.begin(name, rule, () => this.#createListener(9080 + index, name));
    }
    for (const family of this.#world.families.filter((name) => name !== 'job'))
      await this.#createService(family);
    this.patient = false;
  }

  async #createGroup(name: string): Promise<void> {
    const seconds = String(GROUP_DELAY_MS / 1000);
    await this.#ask('CreateTargetGroup', () =>
      this.#balancing.CreateTargetGroup(
        {
          name,
          port: PORT,
          healthCheck: {
            intervalSeconds: 5,
            timeoutSeconds: 2,
            unhealthyThresholdCount: 2,
            healthyThresholdCount: 2,
          },
          attributes: { 'deregistration_delay.timeout_seconds': seconds },
        },
        CALL,
      ),
    );
  }

  /** @returns the id of its default rule */
  async #createListener(port: number, ...groups: string[]): Promise<string> {
    const answer = await this.#ask('CreateListener', () =>
      this.#balancing.CreateListener(
        {
          port,
          defaultActions: [
            {
              type: 'forward',
              forward: { targetGroups: groups.map((targetGroupArn) => ({ targetGroupArn })) },
            },
          ],
        },
        CALL,
      ),
    );
    return answer?.listener?.listenerArn.split('/').at(-1) ?? '';
  }

  async #createService(family: string): Promise<void> {
    if (isExternalFamily(family)) {
      await this.#sets.begin();
      return;
    }
    const { random } = this;
    const daemon = family.startsWith('daemon');
    const enable = random() < 0.5;
    const [minimumHealthyPercent, maximumPercent] = pick(random, LIMITS);
    const request: Input<CreateServiceRequest> = {
      cluster: CLUSTER,
      serviceName: family,
      taskDefinition: `${family}:1`,
      ...(daemon
        ? { schedulingStrategy: 'DAEMON' as const }
        : {
            desiredCount: 2 + Math.floor(random() * 3),
            deploymentConfiguration: this.#alarms.watched(
              isShifting(family)
                ? this.#shifting.configuration()
                : {
                    minimumHealthyPercent,
                    maximumPercent,
                    deploymentCircuitBreaker: { enable, rollback: enable && random() < 0.7 },
                  },
            ),
            ...(random() < 0.5 ? { placementStrategy: [pick(random, STRATEGIES)] } : {}),
            ...(this.#world.zoned ? this.#shifting.zones() : {}),
          }),
      loadBalancers: isShifting(family)
        ? [this.#shifting.balancerOf(family)]
        : family.startsWith('web')
          ? [{ targetGroupArn: family, containerName: 'main', containerPort: PORT }]
          : [],
    };
    await this.#ask('CreateService', () => this.#ecs.CreateService(request, CALL));
  }

  /** Something that a person does. */
  async deed(): Promise<void> {
    const { random } = this;
    const world = this.#world;
    const families = world.families.filter((name) => name !== 'job');
    const service = pick(random, families);
    const host = pick(random, world.hosts);
    const choice = random();
    if (isExternalFamily(service) && choice < 0.45) await this.#sets.deed();
    else if (choice < 0.35) {
      const revision = 1 + Math.floor(random() * (random() < 0.6 ? GOOD_REVISIONS : REVISIONS));
      await this.#update({ service, taskDefinition: `${service}:${revision}` });
    } else if (choice < 0.45) await this.#update({ service, forceNewDeployment: true });
    else if (choice < 0.6) await this.#scale(service);
    else if (choice < 0.7) await this.#stopTask(service);
    else if (choice < 0.82) await this.#runTask();
    else if (choice < 0.9) await this.#host(host.id, 'DRAINING');
    else if (choice < 0.97) await this.#host(host.id, 'ACTIVE');
    else await this.#deregister(host);
    await this.#shifting.deed();
    if (world.families.some(isExternalFamily)) await this.#sets.deed();
    await this.#alarms.deed();
  }

  /** The last wishes are ones that can be fulfilled. */
  async makePeace(): Promise<void> {
    this.patient = true;
    this.#world.hooks.agreeable = true;
    const { random } = this;
    for (const host of this.#world.hosts) {
      if (!host.registered) host.restartAgent();
      await this.#host(host.id, 'ACTIVE');
    }
    await this.#alarms.makePeace();
    for (const family of this.#world.families.filter((name) => name !== 'job')) {
      const daemon = family.startsWith('daemon');
      if (!daemon && random() < 0.15) {
        await this.#ask('DeleteService', () =>
          this.#ecs.DeleteService({ cluster: CLUSTER, service: family, force: true }, CALL),
        );
        continue;
      }
      if (isExternalFamily(family)) {
        await this.#sets.makePeace();
        continue;
      }
      const revision = 1 + Math.floor(random() * GOOD_REVISIONS);
      const taskDefinition = `${family}:${revision}`;
      const desiredCount = 2 + Math.floor(random() * 2);
      await this.#update({
        service: family,
        taskDefinition,
        forceNewDeployment: true,
        ...(daemon ? {} : { desiredCount }),
        ...(isShifting(family) ? { deploymentConfiguration: this.#shifting.peaceful(family) } : {}),
      });
      const found = this.#world.database.state.get(collections.services, CLUSTER, family)?.value;
      if (
        found?.taskDefinition !== taskDefinition ||
        (!daemon && found.desiredCount !== desiredCount)
      ) {
        this.#world.fail(`invariant 10: what the api acknowledged of ${family} is not stored`);
      }
    }
  }

  async #update(request: Input<UpdateServiceRequest>): Promise<void> {
    await this.#ask('UpdateService', () =>
      this.#ecs.UpdateService({ cluster: CLUSTER, ...request }, CALL),
    );
  }

  async #scale(service: string): Promise<void> {
    if (service.startsWith('daemon')) return;
    await this.#update({ service, desiredCount: Math.floor(this.random() * 5) });
  }

  async #stopTask(service: string): Promise<void> {
    const tasks = [...this.#world.database.state.tasksByService(CLUSTER, service)]
      .map(({ value }) => value.id)
      .sort();
    if (tasks.length === 0) return;
    const task = pick(this.random, tasks);
    await this.#ask('StopTask', () => this.#ecs.StopTask({ cluster: CLUSTER, task }, CALL));
  }

  /** As an impatient program does it: the same token at any replica until one answers, sometimes at two at once. */
  async #runTask(): Promise<void> {
    if (!this.#world.families.includes('job')) return;
    this.#tokens += 1;
    const clientToken = `token-${this.#tokens}`;
    const count = 1 + Math.floor(this.random() * 3);
    this.#world.checks.runs.set(clientToken, count);
    const run = async (): Promise<void> => {
      const answer = await this.#ask('RunTask', () =>
        this.#ecs.RunTask({ cluster: CLUSTER, taskDefinition: 'job:1', count, clientToken }, CALL),
      );
      for (const { taskArn } of answer?.tasks ?? []) {
        const id = taskArn.split('/').at(-1) ?? '';
        if (!this.#world.database.state.get(collections.tasks, CLUSTER, id)) {
          this.#world.fail(`invariant 10: the task ${id} that the api acknowledged does not exist`);
        }
      }
    };
    await Promise.all(this.random() < 0.3 ? [run(), run()] : [run()]);
  }

  async #host(id: string, status: 'ACTIVE' | 'DRAINING'): Promise<void> {
    await this.#ask('UpdateHostsState', () =>
      this.#ecs.UpdateHostsState({ cluster: CLUSTER, hosts: [id], status }, CALL),
    );
  }

  /** By force: its tasks are given up, as after the loss of a machine for good. Then its agent is started anew. */
  async #deregister(host: Host): Promise<void> {
    const { state } = this.#world.database;
    const giveUp = (): void => {
      for (const { value } of state.tasksByHost(host.id)) this.#world.checks.forced.add(value.id);
    };
    giveUp();
    const request = { cluster: CLUSTER, host: host.id, force: true };
    await this.#ask('DeregisterHost', () => this.#ecs.DeregisterHost(request, CALL));
    giveUp();
    if (this.random() < 0.5 && host.up) host.restartAgent();
  }

  async #ask<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const { clock } = this.#process;
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await call();
        this.#world.trace.note('ada', `${what} done`);
        return answer;
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
        this.#world.trace.note('ada', `${what} ${error.code}: ${error.message}`);
        const again = REPEATED.has(error.code);
        if (!again && !POSSIBLE.has(error.code)) {
          this.#world.fail(`${what} was answered ${error.code}: ${error.message}`);
          return undefined;
        }
        if (!this.patient && (!again || tries >= TRIES)) return undefined;
        if (this.patient && !again && tries >= TRIES) {
          // Nothing is wrong with the request and nothing is broken.
          this.#world.fail(`${what} is refused for good: ${error.code}: ${error.message}`);
          return undefined;
        }
        await clock.sleep(500 + this.random() * 1_500, NEVER);
      }
    }
  }
}

const NEVER = new AbortController().signal;
export const CALL = { timeoutMs: TIMEOUT_MS };
export const LIMITS = [
  [100, 200],
  [50, 200],
  [50, 100],
  [100, 150],
  [0, 100],
] as const;
const STRATEGIES = [
  { type: 'spread', field: 'instanceId' },
  { type: 'binpack', field: 'memory' },
  { type: 'random' },
] as const;

export function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new Error('there is nothing to pick from');
  return found;
}
