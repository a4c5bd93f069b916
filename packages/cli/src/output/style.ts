// Colour, by meaning. Pure.

export type Style = 'good' | 'bad' | 'warn' | 'dim' | 'strong' | 'accent';

const CODES: Readonly<Record<Style, string>> = {
  good: '32',
  bad: '31',
  warn: '33',
  dim: '2',
  strong: '1',
  accent: '36',
};

/** The text in the style's colour, or as it is where there is no colour. */
export function paint(color: boolean, style: Style | undefined, text: string): string {
  return color && style ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
}

const NAME_COLORS = ['36', '33', '32', '35', '34', '96', '93', '92', '95', '94'];

/** The same name always has the same colour, among ten. */
export function paintName(color: boolean, name: string, text: string): string {
  if (!color) return text;
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) % 65_521;
  return `\u001b[${NAME_COLORS[hash % NAME_COLORS.length] ?? '36'}m${text}\u001b[0m`;
}

const WORDS: Readonly<Record<string, Style>> = {
  ACTIVE: 'good',
  ISSUED: 'good',
  RUNNING: 'good',
  HEALTHY: 'good',
  COMPLETED: 'good',
  healthy: 'good',
  serving: 'good',
  running: 'good',
  yes: 'good',
  UNHEALTHY: 'bad',
  FAILED: 'bad',
  EXPIRED: 'bad',
  unhealthy: 'bad',
  no: 'bad',
  dead: 'bad',
  DRAINING: 'warn',
  PENDING: 'warn',
  PENDING_VALIDATION: 'warn',
  ACTIVATING: 'warn',
  DEACTIVATING: 'warn',
  STOPPING: 'warn',
  IN_PROGRESS: 'warn',
  draining: 'warn',
  paused: 'warn',
  initial: 'warn',
  STOPPED: 'dim',
  INACTIVE: 'dim',
  UNKNOWN: 'dim',
};

/** The style of a status word of ECS or ALB, which more words may follow. */
export function styleOf(word: string): Style | undefined {
  const [first = ''] = word.split(' ');
  return Object.hasOwn(WORDS, first) ? WORDS[first] : undefined;
}
