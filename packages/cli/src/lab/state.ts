// Where a lab is kept, and how far it has come. Its file is written before anything is made on the machine, so that whoever
// finds it knows what to look for.
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { CommandError, exitCodes } from '../failure.ts';
import { DEFAULT_OPTIONS, type LabPlan, type Places } from './plan.ts';

/** Of all labs of this machine. */
export const LABS = '/var/lib/berth/labs';

/** `building` without a process that builds is a lab whose `up` was killed. */
export type Phase = 'building' | 'up' | 'ending';

export interface LabState {
  readonly phase: Phase;
  readonly plan: LabPlan;
}

const FILE = 'lab.json';

export function placesOf(name: string, labs: string = LABS): Places {
  const directory = join(labs, name);
  return { directory, run: join(directory, 'run') };
}

export function writeState({ directory }: Places, state: LabState): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const path = join(directory, FILE);
  writeFileSync(`${path}.new`, JSON.stringify(state, undefined, 2));
  renameSync(`${path}.new`, path);
}

/** @returns undefined where there is no lab, or one that was killed before its file was written */
export function readState({ directory }: Places): LabState | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, FILE), 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}

export function forgetState({ directory }: Places, labs: string = LABS): void {
  rmSync(directory, { recursive: true, force: true });
  if (labsOf(labs).length > 0) return;
  rmSync(labs, { recursive: true, force: true });
  try {
    rmdirSync(dirname(labs));
  } catch {
    // Others keep something there.
  }
}

/** The names of all labs that left something in the folder. */
export function labsOf(labs: string = LABS): string[] {
  try {
    return readdirSync(labs, { withFileTypes: true })
      .flatMap((entry) => (entry.isDirectory() ? entry.name : []))
      .sort();
  } catch {
    return [];
  }
}

/** @throws CommandError when there is no such lab, or it is not up */
export function needLab(name: string): LabPlan {
  const state = readState(placesOf(name));
  if (state?.phase === 'up') return state.plan;
  const which = name === DEFAULT_OPTIONS.name ? '' : ` --name ${name}`;
  if (!state) {
    const others = labsOf().filter((one) => one !== name);
    throw new CommandError(
      exitCodes.notFound,
      `there is no lab "${name}"${others.length > 0 ? `; there is ${others.join(', ')}` : ''}`,
      { next: `berth lab up${which} --detach` },
    );
  }
  throw new CommandError(
    exitCodes.unavailable,
    `lab "${name}" is not up: it is ${state.phase === 'building' ? 'being built, or its lab up was killed' : 'being taken down'}`,
    { next: `berth lab down${which}` },
  );
}
