// Requests as the audit log may hold them: without secrets and without what is not set. Pure.

const HIDDEN = '[hidden]';
const SECRET_MEMBERS: ReadonlySet<string> = new Set([
  'clientSecret',
  'keyPem',
  'secretAccessKey',
  'sessionToken',
  'stdin',
]);
/** Of these, the values: people put passwords there. `options` are those of log drivers, `headers` those of a route to be tested. */
const SECRET_VALUES: ReadonlySet<string> = new Set(['environment', 'headers', 'options']);
/** Public, and long. */
const LONG_MEMBERS: ReadonlySet<string> = new Set([
  'authorityPem',
  'bundlePem',
  'chainPem',
  'revocationsPem',
]);
const DEPTH = 12;

/** A copy without empty lists and absent members. */
export function redacted(value: unknown, depth = 0): unknown {
  if (depth > DEPTH) return '[deep]';
  if (value instanceof Uint8Array) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => redacted(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  const members: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (isEmpty(member)) continue;
    if (SECRET_MEMBERS.has(name)) members.push([name, HIDDEN]);
    else if (LONG_MEMBERS.has(name)) members.push([name, '[PEM]']);
    else if (SECRET_VALUES.has(name)) members.push([name, withoutValues(member)]);
    else members.push([name, redacted(member, depth + 1)]);
  }
  return Object.fromEntries(members);
}

function withoutValues(list: unknown): unknown {
  if (typeof list !== 'object' || list === null) return HIDDEN;
  if (!Array.isArray(list)) {
    return Object.fromEntries(Object.keys(list).map((name) => [name, HIDDEN]));
  }
  return list.map((item: unknown) => ({
    name: (item as { name?: unknown } | null)?.name,
    value: HIDDEN,
  }));
}

function isEmpty(member: unknown): boolean {
  return member === undefined || member === '' || (Array.isArray(member) && member.length === 0);
}
