// A change of attributes, checked by the one list of them. Pure.
import { BerthError } from '../errors.ts';
import { checkAttributes } from '../routing/attribute-check.ts';
import { type AttributePlace, mergedAttributes } from '../routing/attributes.ts';

/**
 * What to store: `changes` laid over `stored`, without what has its default value.
 * @throws BerthError ValidationError or InvalidConfigurationRequest; nothing of the change is good then
 */
export function acceptAttributes(
  place: AttributePlace,
  changes: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>>,
): Record<string, string> {
  const [problem] = checkAttributes(place, changes, stored);
  if (problem) throw new BerthError(problem.code, problem.message);
  return mergedAttributes(place, stored, changes);
}
