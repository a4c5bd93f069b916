// The task definitions of the simulated services: what each asks for, and how its tasks behave. An image is named after the
// revision that uses it, so that whoever sees a container knows its fate.
import type { ModelProgram } from '@berth/agent/runtime/memory-runtime.ts';
import type { RegisterTaskDefinitionRequest } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';

/** How a task of the revision fares. */
export type Fate =
  | 'well'
  /** Its image can't be had. */
  | 'unstartable'
  /** It exits a few seconds after its start, every time. */
  | 'crashing'
  /** It runs, and fails every check. */
  | 'sick'
  /** It takes seconds to end after a stop signal. */
  | 'slow'
  /** It only ends when it is killed. */
  | 'deaf'
  /** It ends by itself, with 0. */
  | 'job';

export const PORT = 80;
const FATES: readonly Fate[] = ['well', 'slow', 'deaf', 'sick', 'unstartable', 'crashing'];
/** Revisions that a service can live on; the others come after these. */
export const GOOD_REVISIONS = 3;
export const REVISIONS = FATES.length;
const STOP_TIMEOUT_SECONDS = 8;

/** @param family those that begin with `checked` have a container check; `job` is one whose tasks end */
export function definitionsOf(family: string): readonly Input<RegisterTaskDefinitionRequest>[] {
  const fates = family === 'job' ? (['job'] as const) : FATES;
  return fates.map((_fate, index) => ({
    family,
    containerDefinitions: [
      {
        name: 'main',
        image: `${family}:${index + 1}`,
        cpu: 384,
        memory: 256,
        command: ['run', fateOfImage(`${family}:${index + 1}`)],
        stopTimeout: STOP_TIMEOUT_SECONDS,
        portMappings: family.startsWith('web') ? [{ containerPort: PORT }] : [],
        ...(family.startsWith('checked') ? { healthCheck: { command: ['CMD', 'check'] } } : {}),
      },
    ],
  }));
}

/** @param image FAMILY:REVISION */
export function fateOfImage(image: string): Fate {
  if (image.startsWith('job')) return 'job';
  return FATES[Number(image.split(':')[1] ?? '1') - 1] ?? 'well';
}

/** What the registry has. */
export function imagesOf(families: readonly string[]): string[] {
  return families.flatMap((family) =>
    FATES.map((_fate, index) => `${family}:${index + 1}`).filter(
      (image) => fateOfImage(image) !== 'unstartable',
    ),
  );
}

export function programOf(command: readonly string[]): ModelProgram {
  const fate = command.at(-1);
  if (fate === 'deaf') return { ignoresStop: true };
  return fate === 'slow' ? { endsAfterMs: 4_000 } : { endsAfterMs: 300 };
}
