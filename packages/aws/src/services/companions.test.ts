// What EC2, IAM and CloudWatch Logs answer to the clients that a configuration of ECS brings along.
import assert from 'node:assert/strict';

import { VPC_ID } from '@berth/model/resources/network.ts';
import { BerthError } from '@berth/model/errors.ts';

import { isWellFormed, send, startEndpoint, type TestEndpoint } from '../testing/endpoint.ts';

describe('the companions of ECS', () => {
  let endpoint: TestEndpoint;

  before(async () => {
    endpoint = await startEndpoint({
      GetRole: ({ roleName }) => {
        if (roleName !== 'app') throw new BerthError('NoSuchEntity', 'The role cannot be found.');
        return {
          role: {
            path: '/',
            roleName: 'app',
            roleId: 'AROAAPP',
            arn: 'arn:aws:iam::000000000000:role/app',
            assumeRolePolicyDocument: '{"Version":"2012-10-17"}',
            maxSessionDuration: 3600,
            createdAt: Date.parse('2026-01-02T03:04:05.678Z'),
          },
        };
      },
      DescribeLogGroups: {
        logGroups: [
          {
            logGroupName: '/ecs/web',
            logGroupArn: 'arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web',
            creationTime: 1712345678123,
            retentionInDays: 7,
          },
        ],
      },
      ListTagsLogGroup: { tags: [{ key: 'team', value: '' }] },
    });
  });

  after(() => endpoint.stop());

  const query = async (
    service: string,
    Version: string,
    asked: Readonly<Record<string, string>>,
  ) => {
    const body = new URLSearchParams({ Version, ...asked }).toString();
    const answer = await send(endpoint, { service, body });
    assert.ok(isWellFormed(answer.text), answer.text);
    return answer;
  };
  const ec2 = (Action: string, asked: Readonly<Record<string, string>> = {}) =>
    query('ec2', '2016-11-15', { Action, ...asked });
  const logs = async (operation: string, input: object) => {
    const target = `Logs_20140328.${operation}`;
    return send(endpoint, { service: 'logs', target, body: JSON.stringify(input) });
  };

  describe('EC2', () => {
    it('shows the one network, in its own dialect', async () => {
      const { status, text } = await ec2('DescribeVpcs');
      assert.equal(status, 200);
      assert.match(
        text,
        /^<DescribeVpcsResponse xmlns="http:\/\/ec2\.amazonaws\.com\/doc\/2016-11-15\/"><requestId>/,
      );
      assert.match(text, new RegExp(`<vpcSet><item><vpcId>${VPC_ID}</vpcId>.*<isDefault>true<`));
    });

    it('has three subnets, each in a zone of its own', async () => {
      const { text } = await ec2('DescribeSubnets');
      const found = [...text.matchAll(/<availabilityZone>([^<]+)</g)].map(([, zone]) => zone);
      assert.deepEqual(found, ['us-east-1a', 'us-east-1b', 'us-east-1c']);
      const zones = await ec2('DescribeAvailabilityZones', { 'ZoneName.1': 'us-east-1b' });
      assert.match(zones.text, /<zoneName>us-east-1b<.*<zoneId>use1-az2</);
    });

    it('filters as EC2 does: any of the values, all of the filters, with wildcards', async () => {
      const count = async (asked: Readonly<Record<string, string>>): Promise<number> =>
        (await ec2('DescribeSubnets', asked)).text.split('<item><subnetId>').length - 1;
      const zone = { 'Filter.1.Name': 'availability-zone' };
      assert.equal(await count({ ...zone, 'Filter.1.Value.1': 'us-east-1a' }), 1);
      const two = { 'Filter.1.Value.1': 'us-east-1a', 'Filter.1.Value.2': '*c' };
      assert.equal(await count({ ...zone, ...two }), 2);
      const vpc = { 'Filter.2.Name': 'vpc-id', 'Filter.2.Value.1': 'vpc-other' };
      assert.equal(await count({ ...zone, ...two, ...vpc }), 0);
      assert.equal(await count({ 'Filter.1.Name': 'tag:Name', 'Filter.1.Value.1': 'x' }), 0);
      const wrong = await ec2('DescribeSubnets', { 'Filter.1.Name': 'colour' });
      assert.equal(wrong.status, 400);
      assert.match(wrong.text, /<Response><Errors><Error><Code>InvalidParameterValue</);
    });

    it('says of the network that it has no DNS', async () => {
      const asked = { VpcId: VPC_ID, Attribute: 'enableDnsHostnames' };
      const { text } = await ec2('DescribeVpcAttribute', asked);
      assert.match(text, /<enableDnsHostnames><value>false<\/value><\/enableDnsHostnames>/);
      const other = await ec2('DescribeVpcAttribute', { ...asked, VpcId: 'vpc-1' });
      assert.match(other.text, /<Code>InvalidVpcID\.NotFound</);
      const word = await ec2('DescribeVpcAttribute', { ...asked, Attribute: 'colour' });
      assert.match(word.text, /<Code>InvalidParameterValue<.*enableDnsSupport/);
    });

    it('does nothing when it is dry, and knows no token', async () => {
      const dry = await ec2('DescribeVpcs', { DryRun: 'true' });
      assert.equal(dry.status, 412);
      assert.match(dry.text, /<Code>DryRunOperation</);
      const next = await ec2('DescribeSubnets', { NextToken: 'x' });
      assert.match(next.text, /<Code>InvalidNextToken</);
    });

    it('names what there is not', async () => {
      const vpc = await ec2('DescribeVpcs', { 'VpcId.1': 'vpc-<x>' });
      assert.match(vpc.text, /<Code>InvalidVpcID\.NotFound<.*vpc-&lt;x&gt;/);
      const group = await ec2('DescribeSecurityGroups', { 'GroupName.1': 'web' });
      assert.match(group.text, /<Code>InvalidGroup\.NotFound</);
      assert.match((await ec2('RunInstances')).text, /<Code>InvalidAction</);
      assert.match((await ec2('DescribeNetworkInterfaces')).text, /<networkInterfaceSet\/>/);
      const attributes = await ec2('DescribeAccountAttributes', {
        'AttributeName.1': 'supported-platforms',
      });
      assert.match(attributes.text, /<attributeValue>VPC</);
    });
  });

  describe('IAM', () => {
    const role = (RoleName: string) => query('iam', '2010-05-08', { Action: 'GetRole', RoleName });

    it('shows a role that Berth knows, its document encoded', async () => {
      const { text } = await role('app');
      assert.match(text, /<CreateDate>2026-01-02T03:04:05\.678Z</);
      assert.match(text, /<AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%7D</);
    });

    it('answers NoSuchEntity for others', async () => {
      const { status, text } = await role('none');
      assert.equal(status, 404);
      assert.match(text, /<Type>Sender<\/Type><Code>NoSuchEntity</);
    });
  });

  describe('CloudWatch Logs', () => {
    it('shows groups with their times in milliseconds, and both of their ARNs', async () => {
      const { text } = await logs('DescribeLogGroups', { logGroupNamePrefix: '/ecs' });
      assert.deepEqual(JSON.parse(text), {
        logGroups: [
          {
            logGroupName: '/ecs/web',
            creationTime: 1712345678123,
            retentionInDays: 7,
            metricFilterCount: 0,
            arn: 'arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web:*',
            storedBytes: 0,
            logGroupClass: 'STANDARD',
            logGroupArn: 'arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web',
          },
        ],
      });
    });

    it('finds the group in its ARN, with and without the end of streams', async () => {
      for (const end of ['', ':*']) {
        endpoint.seen.length = 0;
        const resourceArn = `arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web${end}`;
        const { text } = await logs('ListTagsForResource', { resourceArn });
        assert.equal(text, '{"tags":{"team":""}}');
        assert.equal(endpoint.seen[0]?.request['logGroupName'], '/ecs/web');
      }
      const wrong = await logs('ListTagsForResource', { resourceArn: 'arn:aws:logs:x' });
      assert.equal(wrong.headers.get('x-amzn-errortype'), 'InvalidParameterException');
    });

    it('refuses by name what a log group here does not have', async () => {
      for (const [operation, input, member] of [
        ['CreateLogGroup', { logGroupClass: 'INFREQUENT_ACCESS' }, 'logGroupClass'],
        ['CreateLogGroup', { deletionProtectionEnabled: true }, 'deletionProtectionEnabled'],
        ['DescribeLogGroups', { logGroupIdentifiers: ['a'] }, 'logGroupIdentifiers'],
        ['DescribeLogGroups', { includeLinkedAccounts: true }, 'includeLinkedAccounts'],
      ] as const) {
        const { text } = await logs(operation, { logGroupName: 'a', ...input });
        assert.match(text, new RegExp(`"InvalidParameterException".*"${member}.* not supported`));
      }
      const made = { logGroupName: 'a', logGroupClass: 'STANDARD' };
      assert.equal((await logs('CreateLogGroup', made)).text, '{}');
      const other = await logs('DescribeLogGroups', { logGroupClass: 'DELIVERY' });
      assert.equal(other.text, '{"logGroups":[]}');
    });

    it('names what it does not do', async () => {
      const put = await logs('PutLogEvents', {});
      assert.match(put.text, /"__type":"UnknownOperationException".*berth logs/);
      const key = await logs('CreateLogGroup', { logGroupName: 'a', kmsKeyId: 'b' });
      assert.match(key.text, /kmsKeyId is not supported by Berth/);
      const made = await logs('CreateLogGroup', { logGroupName: 'a', tags: { x: 'y' } });
      assert.equal(made.text, '{}');
      assert.deepEqual(endpoint.seen.at(-1)?.request['tags'], [{ key: 'x', value: 'y' }]);
    });
  });
});
