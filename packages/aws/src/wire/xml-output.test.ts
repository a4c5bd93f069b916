import assert from 'node:assert/strict';

import fc from 'fast-check';

import { elbv2 } from '../models/services.ts';
import { isWellFormed } from '../testing/endpoint.ts';
import { queryFault } from './answers.ts';
import { Fault, LONGEST_TEXT } from './fault.ts';
import { escapeXml, writeXml } from './xml-output.ts';

describe('writing XML', () => {
  it('has the envelope of the Query protocol', () => {
    const rules = [{ RuleArn: 'arn', Priority: 'default', Conditions: [], IsDefault: true }];
    assert.equal(
      writeXml(elbv2, 'DescribeRules', { Rules: rules, Nobody: 1 }, 'r-1'),
      '<DescribeRulesResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeRulesResult>' +
        '<Rules><member><RuleArn>arn</RuleArn><Priority>default</Priority><Conditions/><IsDefault>true</IsDefault>' +
        '</member></Rules></DescribeRulesResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>' +
        '</DescribeRulesResponse>',
    );
  });

  it('has an empty result for an operation without output, and an empty element for an empty list', () => {
    assert.match(writeXml(elbv2, 'DeleteRule', {}, 'r'), /<DeleteRuleResult\/>/);
    assert.match(writeXml(elbv2, 'DescribeRules', { Rules: [] }, 'r'), /<Rules\/>/);
  });

  it('writes times in ISO 8601 with milliseconds', () => {
    const answer = { LoadBalancers: [{ CreatedTime: Date.parse('2026-01-02T03:04:05.678Z') }] };
    assert.match(
      writeXml(elbv2, 'DescribeLoadBalancers', answer, 'r'),
      /<CreatedTime>2026-01-02T03:04:05\.678Z<\/CreatedTime>/,
    );
  });

  it('is well-formed whatever the texts are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const tags = {
          TagDescriptions: [{ ResourceArn: text, Tags: [{ Key: text, Value: text }] }],
        };
        assert.ok(isWellFormed(writeXml(elbv2, 'DescribeTags', tags, text)));
        assert.ok(isWellFormed(queryFault(new Fault(text, text), text).body));
        assert.doesNotMatch(escapeXml(text), /[\0-\x08\x0B\f\r\x0E-\x1F\uFFFE\uFFFF]/);
        assert.ok(escapeXml(text).isWellFormed());
      }),
    );
  });

  it('cuts texts that repeat too much of what was sent', () => {
    const { message } = new Fault('X', `service ${'\u{1F40B}'.repeat(LONGEST_TEXT)}`);
    assert.equal(message.length, LONGEST_TEXT);
    assert.ok(message.startsWith('service \u{1F40B}') && message.endsWith('…'));
    assert.ok(message.isWellFormed());
    const whole = 'x'.repeat(LONGEST_TEXT);
    assert.equal(new Fault('X', whole).message, whole);
  });

  it('says whose fault it was', () => {
    const { body, status } = queryFault(new Fault('RuleNotFound', 'a < b'), 'r-1', {
      model: elbv2,
      dialect: 'query',
    });
    assert.equal(status, 400);
    assert.equal(
      body,
      '<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type>' +
        '<Code>RuleNotFound</Code><Message>a &lt; b</Message></Error><RequestId>r-1</RequestId></ErrorResponse>',
    );
    assert.match(queryFault(new Fault('X', '', { status: 500 }), 'r').body, /<Type>Receiver</);
  });
});
