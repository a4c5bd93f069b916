// The task definition that a record names by family:revision.
import type { TaskDefinitionRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

/** Undefined where there is no such revision. Pure. */
export function definitionOf(state: State, name: string): TaskDefinitionRecord | undefined {
  const at = name.lastIndexOf(':');
  const [family, revision] = [name.slice(0, at), name.slice(at + 1)];
  if (at <= 0 || revision === '') return undefined;
  return state.get(collections.taskDefinitions, family, revision)?.value;
}
