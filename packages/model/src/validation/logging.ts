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

/** What definitions made for Amazon ECS say of CloudWatch Logs: their mode and buffer mean here what they mean there. */
const AWSLOGS_OPTIONS: Readonly<Record<string, OptionRule>> = {
  'awslogs-group': [/^[A-Za-z0-9_\-/.#]{1,512}$/, '1 to 512 letters, digits and _ - / . #'],
  'awslogs-region': [/^[a-z0-9-]{1,64}$/, 'a region such as us-east-1'],
  'awslogs-stream-prefix': [/^[^:*]{1,256}$/, '1 to 256 characters without : and *'],
  'awslogs-create-group': [/^(true|false)$/, 'true or false'],
  'awslogs-datetime-format': ANY,
  'awslogs-multiline-pattern': ANY,
  mode: [/^(blocking|non-blocking)$/, 'blocking or non-blocking'],
  'max-buffer-size': SIZE,
};

const OPTIONS = { 'json-file': JSON_FILE_OPTIONS, awslogs: AWSLOGS_OPTIONS, none: {} } as const;

export function checkLogConfiguration(check: Checker, of: LogConfiguration): void {
  check.word('logConfiguration.logDriver', of.logDriver, Object.keys(OPTIONS));
  const known: Readonly<Record<string, OptionRule>> = OPTIONS[of.logDriver];
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
  if (of.logDriver === 'awslogs') checkAwslogs(check, of.options);
  checkTogether(check, of.options);
}

function checkAwslogs(check: Checker, options: LogConfiguration['options']): void {
  for (const name of ['awslogs-group', 'awslogs-region']) {
    if (options[name] === undefined) {
      check.refuse(`Log driver awslogs requires options: ${name}`);
    }
  }
  const both = ['awslogs-datetime-format', 'awslogs-multiline-pattern'];
  if (both.every((name) => options[name] !== undefined)) {
    check.refuse(`logConfiguration.options has ${both.join(' and ')}; expected one of them.`);
  }
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
