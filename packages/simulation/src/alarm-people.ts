// Those who say that an alarm goes off, and that it is over; and which deployments look at it.
import type { Random } from '@berth/control/clock.ts';
import type { AlarmState, DeploymentConfiguration } from '@berth/model/generated/messages.ts';
import type { Client, Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { type Ask, CALL, pick } from './people.ts';
import type { World } from './world.ts';

const ALARMS = ['errors', 'latency'] as const;
const LONGEST_BAKE_S = 15;

export class AlarmPeople {
  readonly #world: World;
  readonly #operations: Client<'Operations'>;
  readonly #ask: Ask;
  readonly #random: Random;

  constructor(world: World, operations: Client<'Operations'>, ask: Ask) {
    this.#world = world;
    this.#operations = operations;
    this.#ask = ask;
    this.#random = world.randomOf('alarms');
  }

  /** The configuration of a new service, with the alarms that its deployments look at. */
  watched(configuration: Input<DeploymentConfiguration>): Input<DeploymentConfiguration> {
    const random = this.#random;
    if (!this.#world.alarmed || random() < 0.3) return configuration;
    const alarmNames = ALARMS.filter(() => random() < 0.7);
    if (alarmNames.length === 0) return configuration;
    return {
      bakeTimeInSeconds: Math.floor(random() * LONGEST_BAKE_S),
      ...configuration,
      alarms: { alarmNames, enable: true, rollback: random() < 0.7 },
    };
  }

  async deed(): Promise<void> {
    if (!this.#world.alarmed || this.#random() < 0.5) return;
    const name = pick(this.#random, ALARMS);
    const { state } = this.#world.database;
    const on = [...state.list(collections.alarms)].some(
      ({ value }) => value.name === name && value.state === 'ALARM',
    );
    await this.#say([{ name, state: on ? 'OK' : 'ALARM', reason: 'a story' }]);
    // One that is over again before anybody may have looked.
    if (!on && this.#random() < 0.4) await this.#say([{ name, state: 'OK', reason: 'over' }]);
  }

  async makePeace(): Promise<void> {
    if (!this.#world.alarmed) return;
    await this.#say(ALARMS.map((name) => ({ name, state: 'OK', reason: 'peace' })));
  }

  async #say(alarms: readonly Input<AlarmState>[]): Promise<void> {
    const what = alarms.map(({ name, state }) => `${name ?? ''} ${state ?? ''}`).join(', ');
    await this.#ask(`SetAlarmStates ${what}`, () =>
      this.#operations.SetAlarmStates({ alarms: [...alarms], source: 'a person' }, CALL),
    );
  }
}
