// What the value of an attribute may be, in words and as a check. Values are texts on the wire and in the store.
import { parseBlock } from './address.ts';

export interface AttributeKind {
  readonly default: string;
  /** What the value may be, for people. */
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}

export function flag(initial: boolean): AttributeKind {
  return words(String(initial), 'true', 'false');
}

export function words(initial: string, ...accepted: readonly string[]): AttributeKind {
  return {
    default: initial,
    expected: `one of ${accepted.join(', ')}`,
    accepts: (value) => accepted.includes(value),
  };
}

const isWhole = (value: string, least: number, most: number): boolean =>
  /^(0|[1-9]\d{0,11})$/.test(value) && Number(value) >= least && Number(value) <= most;

export function whole(initial: number, least: number, most: number, unit: string): AttributeKind {
  return {
    default: String(initial),
    expected: `a whole number of ${unit} from ${least} to ${most}`,
    accepts: (value) => isWhole(value, least, most),
  };
}

/** 0 switches the feature off. */
export function offOrWhole(
  initial: number,
  least: number,
  most: number,
  unit: string,
): AttributeKind {
  return {
    default: String(initial),
    expected: `0 (off) or a whole number of ${unit} from ${least} to ${most}`,
    accepts: (value) => value === '0' || isWhole(value, least, most),
  };
}

/** The word `off` switches the feature off. */
export function wordOffOrWhole(initial: string, most: number, unit: string): AttributeKind {
  return {
    default: initial,
    expected: `off or a whole number of ${unit} from 1 to ${most}`,
    accepts: (value) => value === 'off' || isWhole(value, 1, most),
  };
}

/** A number with at most three decimals; 0 switches the feature off. */
export function rate(most: number, unit: string): AttributeKind {
  return {
    default: '0',
    expected: `0 (off) or a number of ${unit} from 0.001 to ${most} with at most three decimals`,
    accepts: (value) => /^(0|[1-9]\d{0,6})(\.\d{1,3})?$/.test(value) && Number(value) <= most,
  };
}

/** The empty text is the default. */
export function text(pattern: RegExp, expected: string): AttributeKind {
  return {
    default: '',
    expected: `${expected}, or nothing`,
    accepts: (value) => value === '' || pattern.test(value),
  };
}

/** Addresses and CIDR blocks with commas between them; empty is none. */
export function blocks(most: number): AttributeKind {
  return {
    default: '',
    expected: `at most ${most} addresses or CIDR blocks with commas between them, or nothing`,
    accepts: (value) => {
      const parts = value === '' ? [] : value.split(',');
      return parts.length <= most && parts.every((part) => parseBlock(part.trim()) !== undefined);
    },
  };
}

/** An attribute of ALB or NLB whose feature Berth lacks, or has no use for: only its default is accepted. */
export function only(value: string): AttributeKind {
  return {
    default: value,
    expected: `"${value}", the only value that Berth's proxies can honour`,
    accepts: (asked) => asked === value,
  };
}
