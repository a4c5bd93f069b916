// What a proxy reads from the attributes of a rule: Berth's own, all of them off by default.
import type { RuleRecord } from '../generated/messages.ts';

import { AttributeReader } from './attribute-reader.ts';
import { type RateLimits, rateLimits } from './rate-settings.ts';

export interface Mirror {
  /** Name of the target group that gets copies. */
  readonly group: string;
  /** 1-100. */
  readonly percent: number;
  readonly maximumBodyBytes: number;
}

export interface RuleSettings {
  readonly rates: RateLimits;
  /** Undefined: the target group's. */
  readonly requestTimeoutMs: number | undefined;
  /** Undefined: the target group's. */
  readonly maximumBodyBytes: number | undefined;
  readonly mirror: Mirror | undefined;
}

/** Pure and total. */
export function ruleSettings(attributes: RuleRecord['attributes']): RuleSettings {
  const read = new AttributeReader({ scope: 'rule', family: 'application' }, attributes);
  const group = read.text('berth.mirror.target_group');
  return {
    rates: rateLimits(read),
    requestTimeoutMs: read.number('berth.timeouts.request_ms') || undefined,
    maximumBodyBytes: read.number('berth.request.max_body_bytes') || undefined,
    mirror:
      group === ''
        ? undefined
        : {
            group,
            percent: read.number('berth.mirror.percent'),
            maximumBodyBytes: read.number('berth.mirror.max_body_bytes'),
          },
  };
}

/** Of the default rule, which has no attributes. */
export const DEFAULT_RULE_SETTINGS: RuleSettings = ruleSettings({});
