// The conditions of a listener rule. Pure. Source: ALB reference, sections 2.1 and 2.2.
import type { RuleCondition } from '../generated/messages.ts';
import { parseRegex } from '../regex/regex.ts';
import {
  MOST_VALUES_A_CONDITION,
  MOST_VALUES_A_RULE,
  MOST_WILDCARDS_A_RULE,
} from '../resources/quotas.ts';
import { parseBlock } from '../routing/address.ts';
import type { Checker } from './check.ts';

const MOST_CIDRS = 5;
/** Fields that take regular expressions instead of values. */
const WITH_REGEX = ['host-header', 'path-pattern', 'http-header'];
const ONCE = ['host-header', 'http-request-method', 'path-pattern', 'source-ip'];
const PRINTABLE = /^[ -~]{1,128}$/;
const PRINTABLE_EXPECTED = '1 to 128 printable ASCII characters';

export function checkConditions(check: Checker, conditions: readonly RuleCondition[]): void {
  if (conditions.length === 0) check.refuse('A rule must have at least one condition.');
  for (const [index, condition] of conditions.entries()) {
    checkCondition(check, `conditions[${index}]`, condition);
  }
  for (const field of ONCE) {
    const count = conditions.filter((condition) => condition.field === field).length;
    if (count > 1) check.refuse(`conditions has ${count} of field ${field}; expected at most one.`);
  }
  const texts = conditions.flatMap(textsOf);
  check.atMost('conditions', texts.length, MOST_VALUES_A_RULE, 'values in all');
  const wildcards = conditions
    .filter((condition) => condition.field !== 'source-ip')
    .map((condition) => ({ ...condition, regexValues: [] }))
    .flatMap(textsOf)
    .reduce((sum, text) => sum + countWildcards(text), 0);
  check.atMost('conditions', wildcards, MOST_WILDCARDS_A_RULE, 'wildcards (* and ?) in all');
}

/** The comparison strings of a condition, as AWS counts them: a query-string pair is one. */
function textsOf(condition: RuleCondition): string[] {
  return condition.field === 'query-string'
    ? condition.queryString.map(({ key, value }) => `${key ?? ''}${value}`)
    : [...condition.values, ...condition.regexValues];
}

/** `\*` and `\?` are not wildcards. */
function countWildcards(text: string): number {
  return (text.replace(/\\[\\*?]/g, '').match(/[*?]/g) ?? []).length;
}

function checkCondition(check: Checker, at: string, condition: RuleCondition): void {
  const { field } = condition;
  check.word(`${at}.field`, field, [...ONCE, 'http-header', 'query-string']);
  checkShape(check, at, condition);
  const most = field === 'source-ip' ? MOST_CIDRS : MOST_VALUES_A_CONDITION;
  check.atMost(at, textsOf(condition).length, most, 'values');
  if (field === 'http-header') checkHeaderName(check, at, condition.httpHeaderName);
  if (field === 'query-string') {
    for (const [index, { key, value }] of condition.queryString.entries()) {
      check.text(`${at}.queryString[${index}].key`, key, PRINTABLE, PRINTABLE_EXPECTED);
      check.text(`${at}.queryString[${index}].value`, value, PRINTABLE, PRINTABLE_EXPECTED);
    }
  }
  for (const [index, value] of condition.values.entries()) {
    checkValue(check, `${at}.values[${index}]`, field, value);
  }
  for (const [index, text] of condition.regexValues.entries()) {
    checkRegex(check, `${at}.regexValues[${index}]`, text);
  }
}

function checkRegex(check: Checker, at: string, text: string): void {
  check.text(at, text, PRINTABLE, PRINTABLE_EXPECTED);
  const parsed = parseRegex(text, { part: true });
  if (!parsed.ok) {
    check.refuse(
      `${at} is not a valid regular expression: at character ${parsed.column}, ${parsed.problem}.`,
    );
  }
}

/** Each field has its own members and no others. */
function checkShape(check: Checker, at: string, condition: RuleCondition): void {
  const { field, values, queryString, httpHeaderName, regexValues } = condition;
  const byPairs = field === 'query-string';
  if (regexValues.length > 0 && !WITH_REGEX.includes(field)) {
    check.refuse(`${at}.regexValues is given; expected none for field ${field}.`);
  }
  if (regexValues.length > 0 && values.length > 0) {
    check.refuse(`${at} has both values and regexValues; expected one of them.`);
  }
  if ((byPairs ? queryString : [...values, ...regexValues]).length === 0) {
    const member = byPairs ? 'queryString' : 'values';
    check.refuse(`${at}.${member} is empty; expected at least one for field ${field}.`);
  }
  if ((byPairs ? values : queryString).length > 0) {
    const member = byPairs ? 'values' : 'queryString';
    check.refuse(`${at}.${member} is given; expected none for field ${field}.`);
  }
  if (field !== 'http-header' && httpHeaderName !== undefined && httpHeaderName !== '') {
    check.expected(`${at}.httpHeaderName`, httpHeaderName, `none for field ${field}`);
  }
}

function checkHeaderName(check: Checker, at: string, name: string | undefined): void {
  const field = `${at}.httpHeaderName`;
  if (name === undefined) check.expected(field, name, 'the name of a header');
  check.text(
    field,
    name,
    /^[A-Za-z0-9!#$%&'+.^_`|~-]{1,40}$/,
    'a header name of 1 to 40 characters without wildcards',
  );
  if (name.toLowerCase() === 'host') {
    check.expected(field, name, 'another header than Host, for which there is field host-header');
  }
}

function checkValue(
  check: Checker,
  at: string,
  field: RuleCondition['field'],
  value: string,
): void {
  switch (field) {
    case 'host-header': {
      checkHost(check, at, value);
      return;
    }
    case 'path-pattern': {
      check.text(
        at,
        value,
        /^[A-Za-z0-9_\-.$/~"'@:+;&*?]{1,128}$/,
        `1 to 128 letters, digits and _ - . $ / ~ " ' @ : + ; & with wildcards * and ?`,
      );
      return;
    }
    case 'http-request-method': {
      check.text(at, value, /^[A-Z_-]{1,40}$/, 'a method of 1 to 40 characters A-Z, - and _');
      return;
    }
    case 'source-ip': {
      const isBlock = value.includes('/') && parseBlock(value) !== undefined;
      if (!isBlock) check.expected(at, value, 'a CIDR block, such as 10.0.0.0/8 or 2001:db8::/32');
      if (value === '255.255.255.255/32') check.expected(at, value, 'a block of client addresses');
      return;
    }
    case 'http-header':
    case 'query-string': {
      check.text(at, value, PRINTABLE, PRINTABLE_EXPECTED);
      return;
    }
  }
}

function checkHost(check: Checker, at: string, value: string): void {
  check.text(
    at,
    value,
    /^[A-Za-z0-9\-._*?]{1,128}$/,
    '1 to 128 letters, digits and - . _ with wildcards * and ?',
  );
  const lastLabel = value.slice(value.lastIndexOf('.') + 1);
  if (!value.includes('.') || !/^[A-Za-z*?]+$/.test(lastLabel)) {
    check.expected(at, value, 'at least one dot, and only letters after the last');
  }
}
