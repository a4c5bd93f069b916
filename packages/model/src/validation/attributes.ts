// Attributes that people give to hosts. Pure. Source: ECS reference, sections 2.7 and 5.6.
import { BerthError } from '../errors.ts';
import type { Attribute } from '../generated/messages.ts';
import { Checker } from './check.ts';

/** Attributes of people's own that a host may have. */
export const MOST_CUSTOM = 10;
const MOST_REGISTERED = 100;
const VALUE = /^(?! )[A-Za-z0-9_.@/\\: -]{1,128}(?<! )$/;
const RESERVED = ['ecs.', 'com.amazonaws.ecs.'];

/** True for an attribute that Berth sets itself and nobody else may. */
export function isReservedAttribute(name: string): boolean {
  return RESERVED.some((prefix) => name.startsWith(prefix));
}

export function isAttributeValue(text: string): boolean {
  return VALUE.test(text);
}

/** Names and values alone. */
function checkAttributes(check: Checker, attributes: readonly Attribute[]): void {
  for (const [index, { name, value }] of attributes.entries()) {
    check.text(
      `attributes[${index}].name`,
      name,
      /^[A-Za-z0-9_./\\-]{1,128}$/,
      '1 to 128 letters, digits and _ . / \\ -',
    );
    check.text(
      `attributes[${index}].value`,
      value === '' ? undefined : value,
      VALUE,
      '1 to 128 letters, digits, spaces and - _ . @ / \\ :, with no space at either end',
    );
  }
  check.unique(
    'attributes: name',
    attributes.map((attribute) => attribute.name),
  );
}

/**
 * The host's attributes without the given ones; one that is given with a value has to have it.
 * @throws BerthError InvalidParameterException
 */
export function withoutAttributes(
  current: readonly Attribute[],
  given: readonly Attribute[],
): Attribute[] {
  const check = new Checker('InvalidParameterException');
  if (given.length === 0) check.refuse('attributes is empty; expected 1 to 10 attributes.');
  check.atMost('attributes', given.length, MOST_CUSTOM, 'attributes');
  checkAttributes(check, given);
  refuseReserved(check, given);
  return current.filter(
    (attribute) =>
      !given.some(
        ({ name, value }) =>
          name === attribute.name && (!value || value === (attribute.value ?? '')),
      ),
  );
}

/**
 * Attributes as a host brings them when it is registered: also those that nobody else may set.
 * @throws BerthError InvalidParameterException
 */
export function acceptRegisteredAttributes(given: readonly Attribute[]): Attribute[] {
  const check = new Checker('InvalidParameterException');
  check.atMost('attributes', given.length, MOST_REGISTERED, 'attributes');
  checkAttributes(check, given);
  return given.map(({ name, value }) => (value ? { name, value } : { name }));
}

function refuseReserved(check: Checker, given: readonly Attribute[]): void {
  for (const { name } of given) {
    if (isReservedAttribute(name)) {
      check.expected('attributes: name', name, `none that begins with ${RESERVED.join(' or ')}`);
    }
  }
}

/**
 * The host's attributes with the given ones added or replaced.
 * @throws BerthError InvalidParameterException, or AttributeLimitExceededException when they become too many
 */
export function putAttributes(
  current: readonly Attribute[],
  given: readonly Attribute[],
): Attribute[] {
  const check = new Checker('InvalidParameterException');
  if (given.length === 0) check.refuse('attributes is empty; expected 1 to 10 attributes.');
  check.atMost('attributes', given.length, MOST_CUSTOM, 'attributes');
  checkAttributes(check, given);
  refuseReserved(check, given);
  const names = new Set(given.map((attribute) => attribute.name));
  const own = given.map(({ name, value }) => (value === undefined ? { name } : { name, value }));
  const merged = [...current.filter((attribute) => !names.has(attribute.name)), ...own];
  const custom = merged.filter((attribute) => !isReservedAttribute(attribute.name));
  if (custom.length > MOST_CUSTOM) {
    throw new BerthError(
      'AttributeLimitExceededException',
      `The host would have ${custom.length} custom attributes; expected at most ${MOST_CUSTOM}. Remove some first.`,
    );
  }
  return merged;
}
