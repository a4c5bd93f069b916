// A resource's life as Terraform's AWS provider leads it: create, read until it is there, read for drift, update in place, delete, read
// until it is gone. Configurations and states have the provider's own names for their members, so that comparing them is what a plan
// does: what is configured has to be what is read, and two reads have to be alike.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

import { realClock } from '@berth/process/real-clock.ts';

import type { Case, Ground } from '../cases.ts';

/** In the provider's names. Members that are left out are left to the provider. */
export type State = Readonly<Record<string, unknown>>;

export interface Resource {
  /** Up to where `terraform apply` goes on. @returns the id in the state */
  create(on: Ground, config: State): Promise<string>;
  /** @returns undefined when it is gone: the provider then takes it out of the state */
  read(on: Ground, id: string): Promise<State | undefined>;
  /** What of the resource is different, and only that. @returns its id, which changes only where the provider makes another one */
  update(on: Ground, id: string, before: State, after: State): Promise<string>;
  /** Up to where the provider takes it for gone. */
  delete(on: Ground, id: string): Promise<void>;
}

/** The time-outs of the provider are longer; it asks less often. */
const PATIENCE_MS = 30_000;
const EVERY_MS = 50;

/** Try until it gives something. @throws Error that says what was waited for */
export async function until<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  const deadline = realClock.monotonic() + PATIENCE_MS;
  for (;;) {
    const found = await attempt();
    if (found !== undefined) return found;
    if (realClock.monotonic() > deadline) throw new Error(`waited too long for ${what}`);
    await realClock.sleep(EVERY_MS, AbortSignal.timeout(PATIENCE_MS));
  }
}

/** An error's name and a part of its text. */
export type Passing = readonly [name: string, words: string];

/** Do it, and again while it fails with such a name and such words: the provider greps for both. */
export function retried<T>(
  passing: readonly Passing[],
  attempt: () => Promise<T>,
): Promise<{ readonly answer: T; readonly retries: number }> {
  let retries = 0;
  return until(`an end of ${passing.join(' and ')}`, async () => {
    try {
      return { answer: await attempt(), retries };
    } catch (error) {
      const { name, message } = error as Error;
      if (!passing.some(([known, words]) => name === known && message.includes(words))) throw error;
      retries += 1;
      return undefined;
    }
  });
}

/** @returns undefined when the call fails with one of the names: the thing is not there */
export async function unless<T>(
  names: readonly string[],
  call: Promise<T>,
): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined;
    throw error;
  }
}

export interface Life {
  readonly resource: Resource;
  /** With everything that the provider's schema has a default for. */
  readonly config: (on: Ground) => State;
  /** Laid over it for the update. */
  readonly change: (on: Ground) => State;
}

/** Lines such as a plan would show; none: nothing is to be done. */
function plan(config: State, state: State): string[] {
  return Object.entries(config)
    .filter(([name, value]) => !isDeepStrictEqual(value, state[name]))
    .map(([name, value]) => `${name}: ${JSON.stringify(state[name])} -> ${JSON.stringify(value)}`);
}

function idOf(on: Ground, name: string): string {
  const id = on.kept[name];
  assert.ok(id !== undefined, `${name} was not created`);
  return id;
}

async function readNow({ resource }: Life, on: Ground, name: string): Promise<State> {
  const state = await resource.read(on, idOf(on, name));
  assert.ok(state, `${name} is gone`);
  return state;
}

function refreshed(name: string, life: Life): Case {
  return {
    name: `${name}: a second read shows no drift`,
    call: async (on) => {
      const first = await readNow(life, on, name);
      return plan(first, await readNow(life, on, name));
    },
    gives: [],
  };
}

/** Its id is kept under its name. */
export function created(name: string, life: Life): Case[] {
  return [
    {
      name: `${name}: created, it is as configured`,
      call: async (on) => {
        on.kept[name] = await life.resource.create(on, life.config(on));
        return plan(life.config(on), await readNow(life, on, name));
      },
      gives: [],
    },
    refreshed(name, life),
  ];
}

export function updated(name: string, life: Life): Case[] {
  return [
    {
      name: `${name}: updated, it is as configured anew`,
      call: async (on) => {
        const before = life.config(on);
        const after = { ...before, ...life.change(on) };
        on.kept[name] = await life.resource.update(on, idOf(on, name), before, after);
        return plan(after, await readNow(life, on, name));
      },
      gives: [],
    },
    refreshed(name, life),
  ];
}

export function destroyed(name: string, { resource }: Life): Case[] {
  return [
    {
      name: `${name}: deleted, it is gone`,
      call: async (on) => {
        await resource.delete(on, idOf(on, name));
        const left = await resource.read(on, idOf(on, name));
        return { left };
      },
      gives: { left: undefined },
    },
  ];
}

/** @returns whether a member is another one after the update */
export function changes(before: State, after: State): (...names: string[]) => boolean {
  return (...names) => names.some((name) => !isDeepStrictEqual(before[name], after[name]));
}

export type Tags = Readonly<Record<string, string>>;

/** What the provider tags and untags to get from one to the other. */
export function tagChanges(before: State, after: State): { set: Tags; unset: string[] } {
  const [old, now] = [before['tags'] as Tags, after['tags'] as Tags];
  return {
    set: Object.fromEntries(Object.entries(now).filter(([key, value]) => old[key] !== value)),
    unset: Object.keys(old).filter((key) => !(key in now)),
  };
}
