// What a deployment controller of people's own does with a service of controller EXTERNAL: it makes task sets, scales them, says which
// one serves, and deletes them.
import type { Random } from '@berth/control/clock.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { LoadBalancer, TaskSetRecord } from '@berth/model/generated/messages.ts';
import type { Client, Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { type Ask, CALL, pick } from './people.ts';
import { fateOfImage, GOOD_REVISIONS, PORT, REVISIONS } from './revisions.ts';
import { alternateOf } from './shifting-people.ts';
import { CLUSTER, EXTERNAL } from './settings.ts';
import type { World } from './world.ts';

/** In place of a target group. */
const NONE = '';
const SCALES = [0, 12.5, 25, 34, 50, 75, 100] as const;

export function isExternalFamily(family: string): boolean {
  return family === EXTERNAL;
}

export class SetPeople {
  readonly #world: World;
  readonly #ecs: Client<'Ecs'>;
  readonly #ask: Ask;
  readonly #random: Random;
  #tokens = 0;

  constructor(world: World, ecs: Client<'Ecs'>, ask: Ask) {
    this.#world = world;
    this.#ecs = ecs;
    this.#ask = ask;
    this.#random = world.randomOf('sets');
  }

  /** The service, with one set that serves. */
  async begin(): Promise<void> {
    await this.#ask('CreateService', () =>
      this.#ecs.CreateService(
        {
          cluster: CLUSTER,
          serviceName: EXTERNAL,
          desiredCount: 2 + Math.floor(this.#random() * 3),
          deploymentController: { type: 'EXTERNAL' },
        },
        CALL,
      ),
    );
    await this.#create(1, 100);
    const [set] = this.#standing();
    if (set) await this.#serve(set);
  }

  /** Something that is done to the sets. */
  async deed(): Promise<void> {
    const random = this.#random;
    const sets = this.#standing();
    const choice = random();
    if (choice < 0.3 || sets.length === 0) {
      const revision = 1 + Math.floor(random() * (random() < 0.6 ? GOOD_REVISIONS : REVISIONS));
      await this.#create(revision, pick(random, SCALES));
      return;
    }
    const set = pick(random, sets);
    if (choice < 0.6) await this.#scale(set, pick(random, SCALES));
    else if (choice < 0.75) await this.#serve(set);
    else if (choice < 0.95) await this.#delete(set, random() < 0.6);
  }

  /** At last there are one or two sets, of revisions that can live. */
  async makePeace(): Promise<void> {
    const random = this.#random;
    const desiredCount = 2 + Math.floor(random() * 2);
    await this.#ask('UpdateService', () =>
      this.#ecs.UpdateService({ cluster: CLUSTER, service: EXTERNAL, desiredCount }, CALL),
    );
    const [first, second, ...others] = this.#standing().sort(
      (a, b) => Number(isGood(b)) - Number(isGood(a)),
    );
    for (const set of [first, second, ...others]) {
      if (set && (!isGood(set) || (set !== first && set !== second))) await this.#delete(set, true);
    }
    if (first && isGood(first)) await this.#scale(first, 100);
    else await this.#create(1 + Math.floor(random() * GOOD_REVISIONS), 100);
    if (second && isGood(second)) await this.#scale(second, pick(random, SCALES));
    for (const { id, scale } of this.#standing()) {
      this.#world.trace.note('ada', `${id} is to have ${scale?.value ?? 0} percent`);
    }
  }

  /** Those that nobody has deleted, as they are. */
  #standing(): TaskSetRecord[] {
    return [...this.#world.database.state.list(collections.taskSets, CLUSTER, EXTERNAL)]
      .map(({ value }) => value)
      .filter(({ deletedAt }) => deletedAt === undefined);
  }

  async #create(revision: number, percent: number): Promise<void> {
    this.#tokens += 1;
    const clientToken = `set-${this.#tokens}`;
    const group = pick(this.#random, [EXTERNAL, alternateOf(EXTERNAL), NONE]);
    const balancer = (targetGroupArn: string): Input<LoadBalancer> => ({
      targetGroupArn,
      containerName: 'main',
      containerPort: PORT,
    });
    const answer = await this.#ask('CreateTaskSet', () =>
      this.#ecs.CreateTaskSet(
        {
          cluster: CLUSTER,
          service: EXTERNAL,
          taskDefinition: `${EXTERNAL}:${revision}`,
          scale: { value: percent, unit: 'PERCENT' },
          loadBalancers: group === NONE ? [] : [balancer(group)],
          clientToken,
        },
        CALL,
      ),
    );
    const id = answer?.taskSet?.id;
    if (id !== undefined && !this.#world.checks.sets.known.has(id)) {
      this.#world.fail(`invariant 10: the task set ${id} that the api acknowledged does not exist`);
    }
  }

  async #scale({ id }: TaskSetRecord, percent: number): Promise<void> {
    await this.#ofSet(`UpdateTaskSet ${id} ${percent}`, () =>
      this.#ecs.UpdateTaskSet(
        {
          cluster: CLUSTER,
          service: EXTERNAL,
          taskSet: id,
          scale: { value: percent, unit: 'PERCENT' },
        },
        CALL,
      ),
    );
  }

  async #serve({ id }: TaskSetRecord): Promise<void> {
    await this.#ofSet(`UpdateServicePrimaryTaskSet ${id}`, () =>
      this.#ecs.UpdateServicePrimaryTaskSet(
        { cluster: CLUSTER, service: EXTERNAL, primaryTaskSet: id },
        CALL,
      ),
    );
  }

  async #delete(set: TaskSetRecord, force: boolean): Promise<void> {
    if (!force) await this.#scale(set, 0);
    await this.#ofSet(`DeleteTaskSet ${set.id}`, () =>
      this.#ecs.DeleteTaskSet(
        { cluster: CLUSTER, service: EXTERNAL, taskSet: set.id, force },
        CALL,
      ),
    );
  }

  /** A set may be gone by the time that somebody asks again. */
  async #ofSet(what: string, call: () => Promise<unknown>): Promise<void> {
    await this.#ask(what, async () => {
      try {
        await call();
      } catch (error) {
        if (!isBerthError(error, 'TaskSetNotFoundException')) throw error;
      }
    });
  }
}

function isGood({ taskDefinition }: TaskSetRecord): boolean {
  return !['sick', 'unstartable', 'crashing'].includes(fateOfImage(taskDefinition));
}
