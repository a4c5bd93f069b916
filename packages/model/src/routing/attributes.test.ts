import assert from 'node:assert/strict';

import { checkAttributes } from './attribute-check.ts';
import {
  ATTRIBUTES,
  type AttributePlace,
  attributesOf,
  defaultAt,
  definitionsAt,
  mergedAttributes,
} from './attributes.ts';
import { groupSettings } from './group-settings.ts';
import { listenerSettings } from './listener-settings.ts';
import { loadBalancerSettings } from './load-balancer-settings.ts';
import { ruleSettings } from './rule-settings.ts';
import { listener, targetGroup } from './testing.ts';

const group: AttributePlace = { scope: 'target-group', family: 'application' };
const balancer: AttributePlace = { scope: 'load-balancer', family: 'application' };

const messages = (
  place: AttributePlace,
  changes: Record<string, string>,
  stored: Record<string, string> = {},
): string[] =>
  checkAttributes(place, changes, stored).map(({ code, message }) => `${code}: ${message}`);

describe('the list of attributes', () => {
  it('has each key once at a place, with a default that its own check accepts', () => {
    for (const definition of ATTRIBUTES) {
      for (const family of definition.families) {
        const place = { scope: definition.scope, family };
        const same = ATTRIBUTES.filter(
          (other) =>
            other.key === definition.key &&
            other.scope === definition.scope &&
            other.families.includes(family),
        );
        assert.deepEqual(same, [definition]);
        const initial = defaultAt(place, definition);
        assert.ok(definition.accepts(initial), `${definition.key}=${initial}`);
        assert.equal(definition.accepts('no such value!\n'), false, definition.key);
      }
    }
  });

  it('takes its defaults as they are', () => {
    for (const scope of ['load-balancer', 'listener', 'target-group', 'rule'] as const) {
      for (const family of ['application', 'network'] as const) {
        const place = { scope, family };
        assert.deepEqual(messages(place, attributesOf(place, {})), []);
        assert.deepEqual(mergedAttributes(place, {}, attributesOf(place, {})), {});
      }
    }
  });

  it('fills in what a record leaves out', () => {
    const all = attributesOf(balancer, { 'idle_timeout.timeout_seconds': '5' });
    assert.equal(all['idle_timeout.timeout_seconds'], '5');
    assert.equal(all['client_keep_alive.seconds'], '3600');
    assert.equal(all['ipv6.deny_all_igw_traffic'], 'false');
    assert.equal(
      attributesOf({ ...balancer, internal: true }, {})['ipv6.deny_all_igw_traffic'],
      'true',
    );
  });

  it('keeps only what differs from the default', () => {
    const merged = mergedAttributes(
      group,
      { 'slow_start.duration_seconds': '30', 'stickiness.enabled': 'true' },
      { 'slow_start.duration_seconds': '0', 'deregistration_delay.timeout_seconds': '5' },
    );
    assert.deepEqual(merged, {
      'stickiness.enabled': 'true',
      'deregistration_delay.timeout_seconds': '5',
    });
  });

  it('has no attribute of network target groups for those of HTTP', () => {
    assert.equal(definitionsAt(group).has('proxy_protocol_v2.enabled'), false);
    assert.equal(
      definitionsAt({ scope: 'target-group', family: 'network' }).has('proxy_protocol_v2.enabled'),
      true,
    );
  });
});

describe('a change of attributes', () => {
  const cases: readonly (readonly [string, AttributePlace, Record<string, string>, RegExp])[] = [
    ['unknown', balancer, { nonsense: '1' }, /^ValidationError: Load balancer attribute key 'nonsense' is not recognized$/],
    ['of another family', group, { 'preserve_client_ip.enabled': 'false' }, /^ValidationError: Target group attribute key 'preserve_client_ip.enabled' is not supported/],
    ['below its range', balancer, { 'idle_timeout.timeout_seconds': '0' }, /seconds from 1 to 4000/],
    ['above its range', group, { 'deregistration_delay.timeout_seconds': '3601' }, /from 0 to 3600/],
    ['no number', group, { 'deregistration_delay.timeout_seconds': '1e3' }, /from 0 to 3600/],
    ['slow start below 30', group, { 'slow_start.duration_seconds': '29' }, /0 \(off\) or a whole number of seconds from 30 to 900/],
    ['not a word', balancer, { 'routing.http.xff_header_processing.mode': 'Append' }, /append, preserve, remove/],
    ['slow start with least outstanding', group, { 'slow_start.duration_seconds': '30', 'load_balancing.algorithm.type': 'least_outstanding_requests' }, /^InvalidConfigurationRequest: .*slow start needs round_robin/],
    ['slow start with weighted random', group, { 'slow_start.duration_seconds': '30', 'load_balancing.algorithm.type': 'weighted_random' }, /^InvalidConfigurationRequest: /],
    ['mitigation without weighted random', group, { 'load_balancing.algorithm.anomaly_mitigation': 'on' }, /needs weighted_random/],
    ['app_cookie without a name', group, { 'stickiness.enabled': 'true', 'stickiness.type': 'app_cookie' }, /cookie_name' must be specified/],
    ['a reserved cookie', group, { 'stickiness.app_cookie.cookie_name': 'AWSALBTG' }, /reserved/],
    ['failover below routing', group, { 'target_group_health.dns_failover.minimum_healthy_targets.count': '2', 'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': '3' }, /^InvalidConfigurationRequest: .*the first must be at least the second/],
    ['failover share below routing share', group, { 'target_group_health.dns_failover.minimum_healthy_targets.percentage': '20', 'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage': '30' }, /at least the second/],
    ['a log without a bucket', balancer, { 'access_logs.s3.enabled': 'true' }, /'access_logs.s3.bucket' must be specified/],
    ['a log of connections', balancer, { 'connection_logs.s3.enabled': 'true' }, /^ValidationError: .*'connection_logs.s3.enabled' is not valid; expected "false", the only value/],
    ['a log of health checks', balancer, { 'health_check_logs.s3.enabled': 'true' }, /^ValidationError: .*'health_check_logs.s3.enabled' is not valid; expected "false", the only value/],
    ['cross-zone off for a whole load balancer', balancer, { 'load_balancing.cross_zone.enabled': 'false' }, /only value/],
  ]; // prettier-ignore
  for (const [name, place, changes, expected] of cases) {
    it(`is refused: ${name}`, () => {
      const found = messages(place, changes);
      assert.equal(found.length, 1);
      assert.match(found[0] ?? '', expected);
    });
  }

  it('is checked together with what is stored', () => {
    const stored = { 'load_balancing.algorithm.type': 'least_outstanding_requests' };
    assert.equal(messages(group, { 'slow_start.duration_seconds': '30' }, stored).length, 1);
    assert.deepEqual(
      messages(
        group,
        { 'slow_start.duration_seconds': '30', 'load_balancing.algorithm.type': 'round_robin' },
        stored,
      ),
      [],
    );
  });

  it('may raise the routing threshold while nobody has said anything about DNS', () => {
    const key = 'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count';
    assert.deepEqual(messages(group, { [key]: '3' }), []);
  });
});

describe('settings', () => {
  it('of a target group have the defaults of ALB', () => {
    const found = groupSettings(targetGroup('g'));
    assert.equal(found.algorithm, 'round_robin');
    assert.equal(found.slowStartMs, 0);
    assert.equal(found.deregistrationDelayMs, 300_000);
    assert.equal(found.minimumHealthyCount, 1);
    assert.equal(found.minimumHealthyPercentage, 0);
    assert.deepEqual(found.stickiness, { type: 'none' });
    assert.deepEqual(found.retries, {
      attempts: 3,
      budgetPercent: 20,
      budgetMinimum: 3,
      tryTimeoutMs: 0,
    });
    assert.equal(found.check.path, '/');
  });

  it('of a gRPC group check the gRPC status', () => {
    const found = groupSettings({ ...targetGroup('g'), protocolVersion: 'GRPC' });
    assert.equal(found.check.grpc, true);
    assert.equal(found.check.path, '/AWS.ALB/healthcheck');
    assert.deepEqual(found.check.matcher, [{ first: 12, last: 12 }]);
  });

  it('of a TCP group check a connection', () => {
    const found = groupSettings({
      ...targetGroup('g', { 'stickiness.enabled': 'true', 'proxy_protocol_v2.enabled': 'true' }),
      protocol: 'TCP',
    });
    assert.equal(found.check.protocol, 'TCP');
    assert.deepEqual(found.stickiness, { type: 'source_ip' });
    assert.equal(found.sendProxyProtocol, true);
    assert.equal(found.cutAfterDelay, false);
  });

  it('fall back to the default where a record is unreadable', () => {
    const found = groupSettings(
      targetGroup('g', {
        'deregistration_delay.timeout_seconds': 'soon',
        'load_balancing.algorithm.type': 'magic',
      }),
    );
    assert.equal(found.deregistrationDelayMs, 300_000);
    assert.equal(found.algorithm, 'round_robin');
  });

  it('of a load balancer', () => {
    const found = loadBalancerSettings({
      type: 'application',
      scheme: 'internal',
      attributes: {
        'idle_timeout.timeout_seconds': '7',
        'routing.http.xff_header_processing.mode': 'remove',
        'routing.http2.enabled': 'false',
      },
    });
    assert.equal(found.idleTimeoutMs, 7000);
    assert.equal(found.clientKeepAliveMs, 3_600_000);
    assert.equal(found.forwardedFor, 'remove');
    assert.equal(found.http2, false);
    assert.equal(found.desyncMitigation, 'defensive');
    assert.equal(found.accessLog.enabled, false);
  });

  it('of a listener name the headers that it changes', () => {
    const found = listenerSettings({
      ...listener(80, { type: 'forward' }),
      attributes: {
        'routing.http.request.x_amzn_tls_version.header_name': 'X-Tls',
        'routing.http.response.x_frame_options.header_value': 'DENY',
        'routing.http.response.server.enabled': 'false',
        'berth.client_rate_limit.requests_per_second': '2.5',
        'berth.proxy_protocol.trusted_sources': '10.0.0.0/8, ::1',
      },
    });
    assert.deepEqual([...found.renamedHeaders], [['x-amzn-tls-version', 'X-Tls']]);
    assert.deepEqual(found.responseHeaders, [['x-frame-options', 'DENY']]);
    assert.equal(found.sendServer, false);
    assert.deepEqual(found.rates, {
      total: undefined,
      perClient: { perSecond: 2.5, burst: 2.5 },
    });
    assert.deepEqual(
      found.proxyProtocolSources.map((block) => block.text),
      ['10.0.0.0/8', '::1'],
    );
  });

  it('of a rule', () => {
    assert.deepEqual(ruleSettings({ 'berth.mirror.target_group': 'shadow' }), {
      rates: { total: undefined, perClient: undefined },
      requestTimeoutMs: undefined,
      maximumBodyBytes: undefined,
      mirror: { group: 'shadow', percent: 100, maximumBodyBytes: 102_400 },
    });
  });
});
