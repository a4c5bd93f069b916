// Are two records the same? Pure.

/** Compares plain data: objects by their own keys in any order, a key that is undefined counting as absent. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = defined(a);
  const right = new Map(defined(b));
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && isSame(value, right.get(key)))
  );
}

function defined(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, each]) => each !== undefined);
}
