// The policies that come with Berth, under the names that AWS gives to theirs of the same purpose. Pure.
import { parsePolicy } from './policy.ts';
import type { NamedPolicy } from './principal.ts';

export interface BuiltInPolicy extends NamedPolicy {
  readonly arn: string;
  readonly description: string;
  readonly text: string;
}

const LOOK = [
  ...['Describe*', 'List*', 'Get*', 'Simulate*', 'Watch*', 'Stream*'],
  ...['Explain*', 'Predict*', 'Replay*'],
];
const look = (service: string): string[] => LOOK.map((name) => `${service}:${name}`);

const built = (name: string, description: string, actions: readonly string[]): BuiltInPolicy => {
  const statement = { Effect: 'Allow', Action: actions, Resource: '*' };
  const text = JSON.stringify({ Version: '2012-10-17', Statement: [statement] }, undefined, 2);
  return {
    name,
    arn: `arn:aws:iam::aws:policy/${name}`,
    description,
    text,
    document: parsePolicy(text, 'identity'),
  };
};

export const BUILT_IN_POLICIES: readonly BuiltInPolicy[] = [
  built('AdministratorAccess', 'Everything.', ['*']),
  built('PowerUserAccess', 'Everything but users, keys, roles and policies.', [
    ...['ecs:*', 'elasticloadbalancing:*', 'application-autoscaling:*', 'acm:*', 'logs:*'],
    ...['ec2:Describe*', 'iam:GetRole', 'iam:ListRoles', 'sts:GetCallerIdentity'],
    ...['berth:GetInfo', ...look('berth'), 'berth:Exec'],
  ]),
  built('ReadOnlyAccess', 'Look at everything but stored records and secrets.', [
    ...['ecs', 'elasticloadbalancing', 'application-autoscaling', 'acm', 'iam', 'logs'].flatMap(
      look,
    ),
    ...['ec2:Describe*', 'sts:GetCallerIdentity', 'berth:GetInfo', 'berth:Watch*'],
    ...['berth:StreamLogs', 'berth:Explain*', 'berth:Predict*', 'berth:Replay*'],
  ]),
  built('AmazonECS_FullAccess', 'Clusters, services, tasks and what routes requests to them.', [
    ...['ecs:*', 'elasticloadbalancing:*', 'application-autoscaling:*'],
    ...['iam:PassRole', 'iam:GetRole', 'iam:ListRoles', 'ec2:Describe*'],
    ...['logs:CreateLogGroup', 'logs:DescribeLogGroups', 'sts:GetCallerIdentity'],
  ]),
  built('ElasticLoadBalancingFullAccess', 'Load balancers, listeners, rules and target groups.', [
    ...['elasticloadbalancing:*', 'acm:ListCertificates', 'acm:DescribeCertificate'],
    ...['ec2:Describe*', 'sts:GetCallerIdentity'],
  ]),
];
