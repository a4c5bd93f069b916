// What the cases of ELBv2 have in common: resources made with a few words, and names for their ARNs.
import {
  type Action,
  CreateListenerCommand,
  type CreateListenerCommandInput,
  CreateLoadBalancerCommand,
  type CreateLoadBalancerCommandInput,
  CreateRuleCommand,
  type CreateRuleCommandInput,
  CreateTargetGroupCommand,
  type CreateTargetGroupCommandInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import type { Ground } from './cases.ts';

export const ARN = 'arn:aws:elasticloadbalancing:us-east-1:000000000000';
/** Of the one network that there is. */
export const SUBNETS = ['subnet-0be27400000000000', 'subnet-0be27400000000001'];
export const VPC = 'vpc-0be27400000000000';
/** Well formed, and of nothing. */
export const NO = {
  balancer: `${ARN}:loadbalancer/app/none/0123456789abcdef`,
  group: `${ARN}:targetgroup/none/0123456789abcdef`,
  listener: `${ARN}:listener/app/none/0123456789abcdef/0123456789abcdef`,
  rule: `${ARN}:listener-rule/app/none/0123456789abcdef/0123456789abcdef/0123456789abcdef`,
  trustStore: `${ARN}:truststore/none/0123456789abcdef`,
};

export const OK: Action = { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '200' } };

/** An ARN that an earlier case kept. */
export function kept({ kept: all }: Ground, name: string): string {
  const found = all[name];
  if (found === undefined) throw new Error(`no case before this one kept ${name}`);
  return found;
}

function keep(on: Ground, name: string, arn: string | undefined): string {
  if (arn === undefined) throw new Error(`the answer has no ARN to keep as ${name}`);
  on.kept[name] = arn;
  return arn;
}

/** @returns its ARN, kept under its name */
export async function balancer(
  on: Ground,
  name: string,
  more: Partial<CreateLoadBalancerCommandInput> = {},
): Promise<string> {
  const made = await on.elbv2.send(new CreateLoadBalancerCommand({ Name: name, ...more }));
  return keep(on, name, made.LoadBalancers?.[0]?.LoadBalancerArn);
}

/** @returns its ARN, kept under its name */
export async function group(
  on: Ground,
  name: string,
  more: Partial<CreateTargetGroupCommandInput> = {},
): Promise<string> {
  const defaults = { Protocol: 'HTTP', Port: 80, VpcId: VPC, TargetType: 'ip' } as const;
  const made = await on.elbv2.send(
    new CreateTargetGroupCommand({ Name: name, ...defaults, ...more }),
  );
  return keep(on, name, made.TargetGroups?.[0]?.TargetGroupArn);
}

/** @returns its ARN, kept under its port */
export async function listener(
  on: Ground,
  LoadBalancerArn: string,
  Port: number,
  more: Partial<CreateListenerCommandInput> = {},
): Promise<string> {
  const made = await on.elbv2.send(
    new CreateListenerCommand({
      LoadBalancerArn,
      Port,
      Protocol: 'HTTP',
      DefaultActions: [OK],
      ...more,
    }),
  );
  return keep(on, String(Port), made.Listeners?.[0]?.ListenerArn);
}

/** @returns its ARN, kept as `rule PRIORITY` */
export async function rule(
  on: Ground,
  ListenerArn: string,
  Priority: number,
  more: Partial<CreateRuleCommandInput> = {},
): Promise<string> {
  const made = await on.elbv2.send(
    new CreateRuleCommand({
      ListenerArn,
      Priority,
      Conditions: [{ Field: 'path-pattern', Values: [`/${Priority}`] }],
      Actions: [OK],
      ...more,
    }),
  );
  return keep(on, `rule ${Priority}`, made.Rules?.[0]?.RuleArn);
}

export interface Pair {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

export function byName(attributes: readonly Pair[] = []): Record<string, string | undefined> {
  return Object.fromEntries(attributes.map(({ Key = '', Value }) => [Key, Value]));
}

/** As many as are asked for: k0=0, k1=1, ... */
export function tags(count: number): { Key: string; Value: string }[] {
  return Array.from({ length: count }, (_, index) => ({ Key: `k${index}`, Value: `${index}` }));
}
