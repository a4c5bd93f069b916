// How the command table is written down. Plain JavaScript, like all of this folder: help must be answered
// by any Node without loading TypeScript. Types for the rest of the package: commands.d.mts.

/** A flag that is on or off, or, with `value` (its placeholder in help), takes one. */
export function flag(name, value, help, more = {}) {
  return { name, ...(value ? { value } : {}), help, ...more };
}

/**
 * One command. `usage` is its path and its arguments: `service scale SERVICE COUNT`; `[X]` is optional, `X...` may
 * be repeated, `-- COMMAND...` takes the rest of the line.
 */
export function command(usage, summary, { module, flags = [], complete = {}, ...more }) {
  const words = usage.split(' ');
  const path = words.filter((word) => /^[a-z]/.test(word));
  const rest = words.indexOf('--');
  const given = words.slice(path.length, rest < 0 ? undefined : rest);
  return {
    path,
    usage,
    summary,
    module: module ?? path[0],
    arguments: given.map((word) => {
      const name = word.replace(/[[\].]/g, '');
      return {
        name,
        optional: word.startsWith('['),
        repeated: word.includes('...'),
        ...(complete[name] ? { complete: complete[name] } : {}),
      };
    }),
    takesRest: rest >= 0,
    restOptional: rest >= 0 && words[rest + 1]?.startsWith('[') === true,
    flags,
    examples: [],
    details: '',
    ...more,
  };
}

export const JSON_FLAG = flag('json', '', 'print the API’s own JSON, with absolute times');
export const WATCH = flag('watch', '', 'show it again whenever two seconds have passed', {
  short: 'w',
});
export const YES = flag('yes', '', 'do not ask', { short: 'y' });
export const CLUSTER = flag(
  'cluster',
  'NAME',
  'the cluster (default: $BERTH_CLUSTER, else default)',
  {
    complete: 'cluster',
    env: 'BERTH_CLUSTER',
  },
);
export const DETACH = flag('detach', '', 'return at once instead of following the deployment', {
  short: 'd',
});
export const TIMEOUT = flag('timeout', 'DURATION', 'stop waiting after this long (default 10m)');
export const TAGS = flag('tag', 'KEY=VALUE', 'a tag; may be repeated', { multiple: true });

/** Flags that every command which talks to the api takes. */
export const API_FLAGS = [
  flag('api', 'HOST:PORT', 'the api (default: $BERTH_API, else that of the running berth dev)', {
    env: 'BERTH_API',
  }),
];

/** Flags of every command. */
export const COMMON_FLAGS = [
  flag('no-color', '', 'no colour (also: $NO_COLOR, or when the output is no terminal)'),
  flag('help', '', 'show this help', { short: 'h' }),
];
