// aws_lb, aws_lb_target_group, aws_lb_listener and aws_lb_listener_rule: the calls of the provider, in its order, with the errors that
// it looks for. Source: ALB reference, section 1.3.
import {
  type Action,
  AddTagsCommand,
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeleteRuleCommand,
  DeleteTargetGroupCommand,
  DescribeCapacityReservationCommand,
  DescribeListenerAttributesCommand,
  DescribeListenersCommand,
  DescribeLoadBalancerAttributesCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  ModifyListenerAttributesCommand,
  ModifyListenerCommand,
  ModifyLoadBalancerAttributesCommand,
  ModifyRuleCommand,
  ModifyTargetGroupAttributesCommand,
  ModifyTargetGroupCommand,
  RemoveTagsCommand,
  type Rule,
  type RuleCondition,
  type RuleTransform,
  SetRulePrioritiesCommand,
  SetIpAddressTypeCommand,
  SetSecurityGroupsCommand,
  SetSubnetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import assert from 'node:assert/strict';

import type { Ground } from '../cases.ts';
import { byName, type Pair } from '../elbv2-kit.ts';
import { queried } from '../signed.ts';
import {
  changes,
  type Passing,
  type Resource,
  retried,
  type State,
  tagChanges,
  type Tags,
  unless,
  until,
} from './life-cycle.ts';

const GROUP_IN_USE: readonly Passing[] = [
  ['ResourceInUseException', 'is currently in use by a listener or a rule'],
];
const NO_CERTIFICATE_YET: readonly Passing[] = [['CertificateNotFoundException', '']];
const PRIORITY_TAKEN: readonly Passing[] = [['PriorityInUseException', '']];

type Attributes = Readonly<Record<string, string>>;

const pairs = (map: unknown) => Object.entries(map as Tags).map(([Key, Value]) => ({ Key, Value }));

const text = (state: State, name: string) => state[name] as string;
const number = (state: State, name: string) => state[name] as number;
const list = <T>(state: State, name: string) => state[name] as T[];

async function tagsOf({ elbv2 }: Ground, arn: string): Promise<State> {
  const { TagDescriptions } = await elbv2.send(new DescribeTagsCommand({ ResourceArns: [arn] }));
  return byName(TagDescriptions?.[0]?.Tags);
}

async function retag({ elbv2 }: Ground, arn: string, before: State, after: State): Promise<void> {
  const { set, unset } = tagChanges(before, after);
  const ResourceArns = [arn];
  if (unset.length > 0) await elbv2.send(new RemoveTagsCommand({ ResourceArns, TagKeys: unset }));
  if (Object.keys(set).length > 0) {
    await elbv2.send(new AddTagsCommand({ ResourceArns, Tags: pairs(set) }));
  }
}

/** The configured ones of all: the provider reads only those that its schema has. */
function configured(all: readonly Pair[] = [], keys: readonly string[]) {
  const found = byName(all);
  return Object.fromEntries(keys.map((key) => [key, found[key]]));
}

// --- aws_lb ---

/** Those that the provider sends for an application load balancer; the others it leaves alone. */
export const LB_ATTRIBUTES: Attributes = {
  'access_logs.s3.enabled': 'false',
  'client_keep_alive.seconds': '3600',
  'connection_logs.s3.enabled': 'false',
  'deletion_protection.enabled': 'false',
  'health_check_logs.s3.enabled': 'false',
  'idle_timeout.timeout_seconds': '60',
  'routing.http.desync_mitigation_mode': 'defensive',
  'routing.http.drop_invalid_header_fields.enabled': 'false',
  'routing.http.preserve_host_header.enabled': 'false',
  'routing.http.x_amzn_tls_version_and_cipher_suite.enabled': 'false',
  'routing.http.xff_client_port.enabled': 'false',
  'routing.http.xff_header_processing.mode': 'append',
  'routing.http2.enabled': 'true',
  'waf.fail_open.enabled': 'false',
  'zonal_shift.config.enabled': 'false',
};

/** The provider's own expression. */
const UNKNOWN_ATTRIBUTE = /attribute key ('|")?([^'" ]+)('|")? is not (recognized|supported)/;

/** All in one call; what is not known is left out of the next. @returns the keys that were left out */
export async function setBalancerAttributes(
  { elbv2 }: Ground,
  LoadBalancerArn: string,
  attributes: Attributes,
): Promise<string[]> {
  const left: string[] = [];
  for (;;) {
    const Attributes = pairs(attributes).filter(({ Key }) => !left.includes(Key));
    try {
      await elbv2.send(new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes }));
      return left;
    } catch (error) {
      const key = UNKNOWN_ATTRIBUTE.exec((error as Error).message)?.[2];
      if (key === undefined) throw error;
      assert.ok(!left.includes(key), `${key} was left out already`);
      left.push(key);
    }
  }
}

const balancers = (on: Ground, input: { Names?: string[]; LoadBalancerArns?: string[] }) =>
  unless(['LoadBalancerNotFoundException'], on.elbv2.send(new DescribeLoadBalancersCommand(input)));

async function active(on: Ground, arn: string): Promise<void> {
  await until(`load balancer ${arn} to be active`, async () => {
    const found = await balancers(on, { LoadBalancerArns: [arn] });
    const code = found?.LoadBalancers?.[0]?.State?.Code;
    assert.ok(['provisioning', 'active', undefined].includes(code), code);
    return code === 'active' ? true : undefined;
  });
}

export const lb: Resource = {
  create: async (on, config) => {
    const Name = text(config, 'name');
    assert.equal(await balancers(on, { Names: [Name] }), undefined, `${Name} exists already`);
    const made = await on.elbv2.send(
      new CreateLoadBalancerCommand({
        Name,
        Type: 'application',
        Scheme: config['internal'] === true ? 'internal' : 'internet-facing',
        SecurityGroups: list(config, 'security_groups'),
        Subnets: list(config, 'subnets'),
        IpAddressType: 'ipv4',
        Tags: pairs(config['tags']),
      }),
    );
    const arn = made.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
    await active(on, arn);
    assert.deepEqual(
      await setBalancerAttributes(on, arn, config['attributes'] as Attributes),
      [],
      'every attribute that the provider sends is known',
    );
    await active(on, arn);
    return arn;
  },
  read: async (on, arn) => {
    const found = await balancers(on, { LoadBalancerArns: [arn] });
    const [one] = found?.LoadBalancers ?? [];
    if (!one) return undefined;
    const of = { LoadBalancerArn: arn };
    const { Attributes } = await on.elbv2.send(new DescribeLoadBalancerAttributesCommand(of));
    const reserved = await unless(
      ['AccessDenied', 'InvalidAction'],
      on.elbv2.send(new DescribeCapacityReservationCommand(of)),
    );
    assert.equal(reserved?.MinimumLoadBalancerCapacity, undefined);
    return {
      arn: one.LoadBalancerArn,
      arn_suffix: arn.replace(/^.*:loadbalancer\//, ''),
      name: one.LoadBalancerName,
      dns_name: one.DNSName,
      zone_id: one.CanonicalHostedZoneId,
      vpc_id: one.VpcId,
      internal: one.Scheme === 'internal',
      load_balancer_type: one.Type,
      ip_address_type: one.IpAddressType,
      security_groups: [...(one.SecurityGroups ?? [])].sort(),
      subnets: (one.AvailabilityZones ?? []).map(({ SubnetId }) => SubnetId).sort(),
      attributes: configured(Attributes, Object.keys(LB_ATTRIBUTES)),
      tags: await tagsOf(on, arn),
    };
  },
  update: async (on, arn, before, after) => {
    const differ = changes(before, after);
    const LoadBalancerArn = arn;
    await retag(on, arn, before, after);
    if (differ('attributes')) {
      const [old, now] = [before['attributes'] as Attributes, after['attributes'] as Attributes];
      const changed = Object.entries(now).filter(([key, value]) => old[key] !== value);
      await setBalancerAttributes(on, arn, Object.fromEntries(changed));
    }
    if (differ('security_groups')) {
      const SecurityGroups = list<string>(after, 'security_groups');
      await on.elbv2.send(new SetSecurityGroupsCommand({ LoadBalancerArn, SecurityGroups }));
    }
    if (differ('subnets')) {
      const Subnets = list<string>(after, 'subnets');
      await on.elbv2.send(new SetSubnetsCommand({ LoadBalancerArn, Subnets }));
    }
    if (differ('ip_address_type')) {
      const IpAddressType = text(after, 'ip_address_type') as 'ipv4';
      await on.elbv2.send(new SetIpAddressTypeCommand({ LoadBalancerArn, IpAddressType }));
    }
    await active(on, arn);
    return arn;
  },
  /** Done when EC2 knows of no network interface that is left of it. */
  delete: async (on, LoadBalancerArn) => {
    await on.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }));
    const name = LoadBalancerArn.replace(/^.*:loadbalancer\//, '');
    for (const owner of ['amazon-elb', 'amazon-aws']) {
      const { status, text: answer } = await queried(on, 'ec2', {
        Action: 'DescribeNetworkInterfaces',
        Version: '2016-11-15',
        'Filter.1.Name': 'attachment.instance-owner-id',
        'Filter.1.Value.1': owner,
        'Filter.2.Name': 'description',
        'Filter.2.Value.1': `ELB ${name}`,
      });
      assert.equal(status, 200, answer);
      assert.match(answer, /<networkInterfaceSet\/>/);
    }
  },
};

// --- aws_lb_target_group ---

export const GROUP_ATTRIBUTES: Attributes = {
  'deregistration_delay.timeout_seconds': '300',
  'load_balancing.algorithm.anomaly_mitigation': 'off',
  'load_balancing.algorithm.type': 'round_robin',
  'load_balancing.cross_zone.enabled': 'use_load_balancer_configuration',
  'slow_start.duration_seconds': '0',
  'stickiness.enabled': 'true',
  'stickiness.type': 'lb_cookie',
  'stickiness.lb_cookie.duration_seconds': '86400',
  'target_group_health.dns_failover.minimum_healthy_targets.count': '1',
  'target_group_health.dns_failover.minimum_healthy_targets.percentage': 'off',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': '1',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage': 'off',
};

interface Check {
  readonly enabled: boolean;
  readonly interval: number;
  readonly path: string;
  readonly port: string;
  readonly protocol: 'HTTP' | 'HTTPS';
  readonly timeout: number;
  readonly healthy_threshold: number;
  readonly unhealthy_threshold: number;
  readonly matcher: string;
}

function checkOf(config: State) {
  const check = config['health_check'] as Check;
  return {
    HealthCheckEnabled: check.enabled,
    HealthCheckIntervalSeconds: check.interval,
    HealthCheckPath: check.path,
    HealthCheckPort: check.port,
    HealthCheckProtocol: check.protocol,
    HealthCheckTimeoutSeconds: check.timeout,
    HealthyThresholdCount: check.healthy_threshold,
    UnhealthyThresholdCount: check.unhealthy_threshold,
    Matcher: { HttpCode: check.matcher },
  };
}

const groups = (on: Ground, input: { Names?: string[]; TargetGroupArns?: string[] }) =>
  unless(['TargetGroupNotFoundException'], on.elbv2.send(new DescribeTargetGroupsCommand(input)));

const setGroupAttributes = (on: Ground, TargetGroupArn: string, config: State) =>
  on.elbv2.send(
    new ModifyTargetGroupAttributesCommand({
      TargetGroupArn,
      Attributes: pairs(config['attributes']),
    }),
  );

export const targetGroup: Resource = {
  create: async (on, config) => {
    const Name = text(config, 'name');
    assert.equal(await groups(on, { Names: [Name] }), undefined, `${Name} exists already`);
    const made = await on.elbv2.send(
      new CreateTargetGroupCommand({
        Name,
        TargetType: text(config, 'target_type') as 'ip',
        Port: number(config, 'port'),
        Protocol: text(config, 'protocol') as 'HTTP',
        ProtocolVersion: text(config, 'protocol_version'),
        VpcId: text(config, 'vpc_id'),
        IpAddressType: 'ipv4',
        ...checkOf(config),
        Tags: pairs(config['tags']),
      }),
    );
    const arn = made.TargetGroups?.[0]?.TargetGroupArn ?? '';
    assert.ok(await groups(on, { TargetGroupArns: [arn] }), 'it is there at once');
    await setGroupAttributes(on, arn, config);
    return arn;
  },
  read: async (on, arn) => {
    const found = await groups(on, { TargetGroupArns: [arn] });
    const [one] = found?.TargetGroups ?? [];
    if (!one) return undefined;
    const { Attributes } = await on.elbv2.send(
      new DescribeTargetGroupAttributesCommand({ TargetGroupArn: arn }),
    );
    return {
      arn: one.TargetGroupArn,
      arn_suffix: arn.replace(/^.*:targetgroup\//, 'targetgroup/'),
      name: one.TargetGroupName,
      port: one.Port,
      protocol: one.Protocol,
      protocol_version: one.ProtocolVersion,
      target_type: one.TargetType,
      ip_address_type: one.IpAddressType,
      vpc_id: one.VpcId,
      load_balancer_arns: one.LoadBalancerArns,
      health_check: {
        enabled: one.HealthCheckEnabled,
        interval: one.HealthCheckIntervalSeconds,
        path: one.HealthCheckPath,
        port: one.HealthCheckPort,
        protocol: one.HealthCheckProtocol,
        timeout: one.HealthCheckTimeoutSeconds,
        healthy_threshold: one.HealthyThresholdCount,
        unhealthy_threshold: one.UnhealthyThresholdCount,
        matcher: one.Matcher?.HttpCode,
      },
      attributes: configured(Attributes, Object.keys(GROUP_ATTRIBUTES)),
      tags: await tagsOf(on, arn),
    };
  },
  update: async (on, arn, before, after) => {
    const differ = changes(before, after);
    await retag(on, arn, before, after);
    if (differ('health_check')) {
      await on.elbv2.send(new ModifyTargetGroupCommand({ TargetGroupArn: arn, ...checkOf(after) }));
    }
    if (differ('attributes')) await setGroupAttributes(on, arn, after);
    return arn;
  },
  delete: async (on, TargetGroupArn) => {
    await retried(GROUP_IN_USE, () =>
      on.elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn })),
    );
  },
};

// --- actions, as the provider's schema has them ---

/** Compared as the provider compares: a forward to one group by its ARN alone. */
function stateOfAction(action: Action): State {
  const { Type, Order, ForwardConfig, RedirectConfig, FixedResponseConfig } = action;
  const groupsOfForward = ForwardConfig?.TargetGroups ?? [];
  return {
    type: Type,
    order: Order,
    ...(groupsOfForward.length === 1 && { target_group_arn: action.TargetGroupArn }),
    ...(groupsOfForward.length > 1 && {
      forward: {
        target_group: groupsOfForward.map(({ TargetGroupArn, Weight }) => ({
          arn: TargetGroupArn,
          weight: Weight,
        })),
        stickiness: {
          enabled: ForwardConfig?.TargetGroupStickinessConfig?.Enabled,
          duration: ForwardConfig?.TargetGroupStickinessConfig?.DurationSeconds,
        },
      },
    }),
    ...(RedirectConfig && { redirect: { ...RedirectConfig } }),
    ...(FixedResponseConfig && { fixed_response: { ...FixedResponseConfig } }),
  };
}

interface Forward {
  readonly target_group: readonly { readonly arn: string; readonly weight: number }[];
  readonly stickiness: { readonly enabled: boolean; readonly duration: number };
}

function actionOf(state: State): Action {
  const forward = state['forward'] as Forward | undefined;
  return {
    Type: state['type'] as Action['Type'],
    Order: state['order'] as number,
    TargetGroupArn: state['target_group_arn'] as string | undefined,
    ForwardConfig: forward && {
      TargetGroups: forward.target_group.map(({ arn, weight }) => ({
        TargetGroupArn: arn,
        Weight: weight,
      })),
      TargetGroupStickinessConfig: {
        Enabled: forward.stickiness.enabled,
        DurationSeconds: forward.stickiness.duration,
      },
    },
    RedirectConfig: state['redirect'] as Action['RedirectConfig'],
    FixedResponseConfig: state['fixed_response'] as Action['FixedResponseConfig'],
  };
}

const actionsOf = (state: State, name: string) => list<State>(state, name).map(actionOf);

// --- aws_lb_listener ---

const LISTENER_ATTRIBUTES = [
  'routing.http.response.server.enabled',
  'routing.http.response.strict_transport_security.header_value',
  'routing.http.response.x_frame_options.header_value',
];

const setListenerAttributes = async ({ elbv2 }: Ground, ListenerArn: string, config: State) => {
  const Attributes = pairs(config['attributes']);
  await elbv2.send(new ModifyListenerAttributesCommand({ ListenerArn, Attributes }));
};

export const listener: Resource = {
  create: async (on, config) => {
    const { answer } = await retried(NO_CERTIFICATE_YET, () =>
      on.elbv2.send(
        new CreateListenerCommand({
          LoadBalancerArn: text(config, 'load_balancer_arn'),
          Port: number(config, 'port'),
          Protocol: text(config, 'protocol') as 'HTTP',
          DefaultActions: actionsOf(config, 'default_action'),
          Tags: pairs(config['tags']),
        }),
      ),
    );
    const arn = answer.Listeners?.[0]?.ListenerArn ?? '';
    await on.elbv2.send(new DescribeListenersCommand({ ListenerArns: [arn] }));
    await setListenerAttributes(on, arn, config);
    return arn;
  },
  read: async (on, arn) => {
    const found = await unless(
      ['ListenerNotFoundException'],
      on.elbv2.send(new DescribeListenersCommand({ ListenerArns: [arn] })),
    );
    const [one] = found?.Listeners ?? [];
    if (!one) return undefined;
    const { Attributes } = await on.elbv2.send(
      new DescribeListenerAttributesCommand({ ListenerArn: arn }),
    );
    return {
      arn: one.ListenerArn,
      load_balancer_arn: one.LoadBalancerArn,
      port: one.Port,
      protocol: one.Protocol,
      ssl_policy: one.SslPolicy,
      certificate_arn: one.Certificates?.[0]?.CertificateArn,
      mutual_authentication: one.MutualAuthentication,
      default_action: (one.DefaultActions ?? []).map(stateOfAction),
      attributes: configured(Attributes, LISTENER_ATTRIBUTES),
      tags: await tagsOf(on, arn),
    };
  },
  update: async (on, arn, before, after) => {
    const differ = changes(before, after);
    await retag(on, arn, before, after);
    if (differ('port', 'protocol', 'default_action')) {
      await on.elbv2.send(
        new ModifyListenerCommand({
          ListenerArn: arn,
          Port: number(after, 'port'),
          Protocol: text(after, 'protocol') as 'HTTP',
          ...(differ('default_action') && { DefaultActions: actionsOf(after, 'default_action') }),
        }),
      );
    }
    if (differ('attributes')) await setListenerAttributes(on, arn, after);
    return arn;
  },
  delete: async (on, ListenerArn) => {
    await on.elbv2.send(new DeleteListenerCommand({ ListenerArn }));
  },
};

// --- aws_lb_listener_rule ---

/** The provider follows these pointers without asking whether they are there. */
function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a configuration of a condition is not there');
  return value;
}

function stateOfCondition(condition: RuleCondition): State {
  switch (condition.Field) {
    case 'host-header':
      return { host_header: there(condition.HostHeaderConfig).Values };
    case 'path-pattern':
      return { path_pattern: there(condition.PathPatternConfig).Values };
    case 'http-header': {
      const { HttpHeaderName, Values } = there(condition.HttpHeaderConfig);
      return { http_header: { name: HttpHeaderName, values: Values } };
    }
    case 'http-request-method':
      return { http_request_method: there(condition.HttpRequestMethodConfig).Values };
    case 'query-string': {
      const Values = there(there(condition.QueryStringConfig).Values);
      return { query_string: Values.map(({ Key = '', Value }) => ({ key: Key, value: Value })) };
    }
    case 'source-ip':
      return { source_ip: there(condition.SourceIpConfig).Values };
    default:
      throw new Error(`there is no field ${condition.Field ?? ''}`);
  }
}

function conditionOf(state: State): RuleCondition {
  const [[name, value] = ['', undefined]] = Object.entries(state);
  const Values = value as string[];
  switch (name) {
    case 'host_header':
      return { Field: 'host-header', HostHeaderConfig: { Values } };
    case 'path_pattern':
      return { Field: 'path-pattern', PathPatternConfig: { Values } };
    case 'http_header': {
      const header = value as { readonly name: string; readonly values: string[] };
      const HttpHeaderConfig = { HttpHeaderName: header.name, Values: header.values };
      return { Field: 'http-header', HttpHeaderConfig };
    }
    case 'http_request_method':
      return { Field: 'http-request-method', HttpRequestMethodConfig: { Values } };
    case 'query_string': {
      const given = value as readonly { readonly key: string; readonly value: string }[];
      const all = given.map((pair) => ({ Key: pair.key || undefined, Value: pair.value }));
      return { Field: 'query-string', QueryStringConfig: { Values: all } };
    }
    case 'source_ip':
      return { Field: 'source-ip', SourceIpConfig: { Values } };
    default:
      throw new Error(`there is no condition ${name}`);
  }
}

/** A set in the provider's schema: the order says nothing. */
function stateOfConditions(conditions: readonly RuleCondition[]): State[] {
  return conditions
    .map(stateOfCondition)
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

async function rulesOf({ elbv2 }: Ground, ListenerArn: string): Promise<Rule[]> {
  const all: Rule[] = [];
  let Marker: string | undefined;
  do {
    const page = await elbv2.send(new DescribeRulesCommand({ ListenerArn, Marker }));
    all.push(...(page.Rules ?? []));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  return all;
}

/** One above the highest; `default` is no number. */
async function nextPriority(on: Ground, listenerArn: string): Promise<number> {
  const found = (await rulesOf(on, listenerArn))
    .filter(({ Priority }) => Priority !== 'default')
    .map(({ Priority }) => Number(Priority));
  return Math.max(0, ...found) + 1;
}

export const listenerRule: Resource = {
  create: async (on, config) => {
    const ListenerArn = text(config, 'listener_arn');
    const fixed = config['priority'] as number | undefined;
    const settings = {
      ListenerArn,
      Conditions: list<State>(config, 'condition').map(conditionOf),
      Actions: actionsOf(config, 'action'),
      ...(list(config, 'transform').length > 0 && {
        Transforms: list<RuleTransform>(config, 'transform'),
      }),
      Tags: pairs(config['tags']),
    };
    const { answer } = await retried(fixed === undefined ? PRIORITY_TAKEN : [], async () => {
      const Priority = fixed ?? (await nextPriority(on, ListenerArn));
      return on.elbv2.send(new CreateRuleCommand({ ...settings, Priority }));
    });
    return answer.Rules?.[0]?.RuleArn ?? '';
  },
  read: async (on, arn) => {
    const found = await unless(
      ['RuleNotFoundException'],
      on.elbv2.send(new DescribeRulesCommand({ RuleArns: [arn] })),
    );
    const [one] = found?.Rules ?? [];
    if (!one) return undefined;
    return {
      arn: one.RuleArn,
      // Worked out of the rule's ARN, not read.
      listener_arn: arn.replace(':listener-rule/', ':listener/').replace(/\/[^/]*$/, ''),
      priority: Number(one.Priority),
      condition: stateOfConditions(one.Conditions ?? []),
      action: (one.Actions ?? []).map(stateOfAction),
      transform: one.Transforms ?? [],
      tags: await tagsOf(on, arn),
    };
  },
  update: async (on, arn, before, after) => {
    const differ = changes(before, after);
    await retag(on, arn, before, after);
    if (differ('priority')) {
      const RulePriorities = [{ RuleArn: arn, Priority: number(after, 'priority') }];
      await on.elbv2.send(new SetRulePrioritiesCommand({ RulePriorities }));
    }
    if (differ('action', 'condition', 'transform')) {
      await on.elbv2.send(
        new ModifyRuleCommand({
          RuleArn: arn,
          Actions: differ('action') ? actionsOf(after, 'action') : undefined,
          Conditions: differ('condition')
            ? list<State>(after, 'condition').map(conditionOf)
            : undefined,
          ...(differ('transform') &&
            (list(after, 'transform').length === 0
              ? { ResetTransforms: true }
              : { Transforms: list<RuleTransform>(after, 'transform') })),
        }),
      );
    }
    return arn;
  },
  delete: async (on, RuleArn) => {
    await unless(['RuleNotFoundException'], on.elbv2.send(new DeleteRuleCommand({ RuleArn })));
  },
};
