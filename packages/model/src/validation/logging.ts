// Log configurations of containers. Docker refuses a container whose log options it does not know only when
// it is created; people learn it here. Pure. Source: ECS reference, section 3.6; Docker's json-file driver.
import type { LogConfiguration } from '../generated/messages.ts';
import type { Checker } from './check.ts';

type OptionRule = readonly [pattern: RegExp, expected: string];

const SIZE: OptionRule = [/^[1-9]\d*(\.\d+)?[kmg]?b?$/i, 'a size above zero, such as 10m'];
const ANY: OptionRule = [/^/, 'any text'];

const JSON_FILE_OPTIONS: Readonly<Record<string, OptionRule>> = {
  'max-size': SIZE,
  'max-file': [/^[1-9]\d{0,5}$/, 'a whole number of at least 1'],
  compress: [/^(true|false)$/, 'true or false'],
  mode: [/^(blocking|non-blocking)$/, 'blocking or non-blocking'],
  'max-buffer-size': SIZE,
  labels: ANY,
  'labels-regex': ANY,
  env: ANY,
  'env-regex': ANY,
  tag: ANY,
};

export function checkLogConfiguration(check: Checker, of: LogConfiguration): void {
  check.word('logConfiguration.logDriver', of.logDriver, ['json-file', 'none']);
  const known = of.logDriver === 'json-file' ? JSON_FILE_OPTIONS : {};
  for (const [name, value] of Object.entries(of.options)) {
    const rule = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!rule) {
      const names = Object.keys(known);
      const expected = names.length === 0 ? 'none' : `only ${names.join(', ')}`;
      check.refuse(
        `logConfiguration.options has "${name}", which log driver ${of.logDriver} does not know; expected ${expected}.`,
      );
    }
    check.text(`logConfiguration.options["${name}"]`, value, ...rule);
  }
  checkTogether(check, of.options);
}

/** Berth's agents rotate logs also where a definition does not say so; only one single file can't be compressed. */
function checkTogether(check: Checker, options: LogConfiguration['options']): void {
  if (options['compress'] === 'true' && options['max-file'] === '1') {
    check.refuse(
      'logConfiguration.options["compress"] is "true"; expected a max-file of at least 2 with it.',
    );
  }
  if (options['max-buffer-size'] !== undefined && options['mode'] !== 'non-blocking') {
    check.refuse(
      'logConfiguration.options["max-buffer-size"] is given; expected mode non-blocking with it.',
    );
  }
}
