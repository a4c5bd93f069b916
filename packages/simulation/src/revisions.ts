// The task definitions of the simulated services: what each asks for, and how its tasks behave.
import type { TaskDefinitionRecord } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';

/** How a task of the revision fares. */
export type Fate =
  | 'well'
  /** Its image can't be had. */
  | 'unstartable'
  /** It exits a few seconds after its start, every time. */
  | 'crashing'
  /** It runs, and fails every check. */
  | 'sick';

export interface Revision {
  readonly name: string;
  readonly fate: Fate;
  readonly record: TaskDefinitionRecord;
}

export const PORT = 80;
const FATES: readonly Fate[] = ['well', 'well', 'sick', 'unstartable', 'crashing'];

/** @param checked whether its container defines a health check */
export function revisionsOf(family: string, checked: boolean): readonly Revision[] {
  return FATES.map((fate, index) => ({
    name: `${family}:${index + 1}`,
    fate,
    record: complete('TaskDefinitionRecord', {
      family,
      revision: index + 1,
      status: 'ACTIVE',
      networkMode: 'bridge',
      containerDefinitions: [
        {
          name: 'web',
          image: `${family}-${index + 1}`,
          cpu: 128,
          memory: 128,
          portMappings: [{ containerPort: PORT }],
          healthCheck: checked ? { command: ['CMD', 'check'] } : undefined,
        },
      ],
    }),
  }));
}
