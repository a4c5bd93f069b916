// The calls that configurations of ECS make beside it: who am I, which network is there, which role, which log group. Each one's
// success, its errors in the service's own form, and the names of what is not answered. Sources: API references of STS, EC2, IAM and
// CloudWatch Logs.
import assert from 'node:assert/strict';

import { isWellFormed } from '@berth/aws/testing/endpoint.ts';
import { complete } from '@berth/rpc/codec.ts';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

import { type Case, conformance, type Ground, settingsFor } from './cases.ts';
import { setupCall } from './control-plane.ts';
import { SUBNETS, tags, VPC } from './elbv2-kit.ts';
import { queried, signed } from './signed.ts';

const GROUP = 'sg-0be27400000000000';
const ROLE = 'arn:aws:iam::000000000000:role/app';

type Asked = Readonly<Record<string, string>>;

async function query(on: Ground, service: string, asked: Asked) {
  const { status, text, headers } = await queried(on, service, asked);
  assert.ok(isWellFormed(text), text);
  assert.match(headers.get('content-type') ?? '', /^text\/xml/);
  return { status, text };
}

const ec2 = (on: Ground, Action: string, asked: Asked = {}) =>
  query(on, 'ec2', { Action, Version: '2016-11-15', ...asked });
const iam = (on: Ground, Action: string, asked: Asked = {}) =>
  query(on, 'iam', { Action, Version: '2010-05-08', ...asked });
const sts = (on: Ground, Action: string, asked: Asked = {}) =>
  query(on, 'sts', { Action, Version: '2011-06-15', ...asked });

async function logs(on: Ground, operation: string, input: object) {
  const target = `Logs_20140328.${operation}`;
  const answer = await signed(on, { service: 'logs', target, body: JSON.stringify(input) });
  return { status: answer.status, body: JSON.parse(answer.text) as Record<string, unknown> };
}

/** As XML holds it. */
const inXml = (words: string): string => words.replaceAll("'", '&apos;');

/** EC2's errors have an envelope of their own. */
const ec2Error = (code: string, words = '') => ({
  status: 400,
  text: new RegExp(
    `^<Response><Errors><Error><Code>${code}</Code><Message>.*${inXml(words)}.*</Message></Error></Errors><RequestID>`,
  ),
});

const queryError = (status: number, code: string, words = '') => ({
  status,
  text: new RegExp(
    `<Error><Type>Sender</Type><Code>${code}</Code><Message>.*${inXml(words)}.*</Message>`,
  ),
});

const logsError = (code: string, message: RegExp) => ({
  status: 400,
  body: { __type: code, message },
});

/** How many items a set has. */
const items = (text: string): number => text.split('<item><subnetId>').length - 1;

const subnets = (name: string, asked: Asked, count: number): Case => ({
  name: `DescribeSubnets ${name}`,
  call: async (on) => items((await ec2(on, 'DescribeSubnets', asked)).text),
  gives: count,
});

const filter = (...pairs: readonly (readonly [string, ...string[]])[]): Asked =>
  Object.fromEntries(
    pairs.flatMap(([Name, ...values], index) => [
      [`Filter.${index + 1}.Name`, Name],
      ...values.map((value, at) => [`Filter.${index + 1}.Value.${at + 1}`, value] as const),
    ]),
  );

conformance('surroundings: STS', [
  {
    name: 'GetCallerIdentity of a user',
    call: (on) => on.sts.send(new GetCallerIdentityCommand({})),
    gives: {
      Account: '000000000000',
      Arn: 'arn:aws:iam::000000000000:user/tester',
      UserId: /^AIDA[A-Z0-9]+$/,
    },
  },
  {
    name: 'GetCallerIdentity needs no permission',
    call: async (on) => {
      const key = await on.plane.user('nobody', [{ Effect: 'Deny', Action: '*', Resource: '*' }]);
      const client = new STSClient(settingsFor({ ...on.plane, ...key }));
      const { Arn } = await client.send(new GetCallerIdentityCommand({}));
      client.destroy();
      return Arn;
    },
    gives: 'arn:aws:iam::000000000000:user/nobody',
  },
  {
    name: 'AssumeRole of a role that there is not tells no more than of one that may not be assumed',
    call: (on) =>
      on.sts.send(
        new AssumeRoleCommand({
          RoleArn: 'arn:aws:iam::000000000000:role/none',
          RoleSessionName: 'test',
        }),
      ),
    fails: 'AccessDenied',
    message: /is not authorized to perform: sts:AssumeRole on resource: .*role\/none$/,
  },
  {
    name: 'an operation that is not served is named',
    call: (on) => sts(on, 'GetFederationToken', { Name: 'a' }),
    gives: queryError(400, 'InvalidAction', 'GetFederationToken'),
  },
  {
    name: 'an operation that STS does not have is named',
    call: (on) => sts(on, 'Fly'),
    gives: queryError(400, 'InvalidAction', 'Could not find operation Fly for version 2011-06-15'),
  },
  {
    name: 'a version that STS does not have',
    call: (on) => query(on, 'sts', { Action: 'GetCallerIdentity', Version: '2010-01-01' }),
    gives: queryError(400, 'InvalidAction', '2010-01-01'),
  },
]);

conformance('surroundings: EC2', [
  {
    name: 'DescribeVpcs shows the one network',
    call: (on) => ec2(on, 'DescribeVpcs'),
    gives: {
      status: 200,
      text: new RegExp(
        `^<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>[0-9a-f-]{36}</requestId><vpcSet><item><vpcId>${VPC}</vpcId>.*<isDefault>true</isDefault>`,
      ),
    },
  },
  {
    name: 'DescribeVpcs of the default network, as a data source asks',
    call: (on) => ec2(on, 'DescribeVpcs', filter(['isDefault', 'true'], ['state', 'available'])),
    gives: { status: 200, text: new RegExp(`<vpcId>${VPC}</vpcId>`) },
  },
  {
    name: 'DescribeVpcs by its id',
    call: (on) => ec2(on, 'DescribeVpcs', { 'VpcId.1': VPC }),
    gives: { status: 200, text: new RegExp(`<vpcId>${VPC}</vpcId>`) },
  },
  {
    name: 'DescribeVpcs of one that there is not',
    call: (on) => ec2(on, 'DescribeVpcs', { 'VpcId.1': 'vpc-<&>' }),
    gives: ec2Error('InvalidVpcID.NotFound', "The vpc ID 'vpc-&lt;&amp;&gt;' does not exist"),
  },
  {
    name: 'DescribeVpcs by a tag that nothing has',
    call: (on) => ec2(on, 'DescribeVpcs', filter(['tag:Name', 'prod'])),
    gives: { status: 200, text: /<vpcSet\/>/ },
  },
  ...['enableDnsSupport', 'enableDnsHostnames', 'enableNetworkAddressUsageMetrics'].map(
    (Attribute): Case => ({
      name: `DescribeVpcAttribute ${Attribute}, as a data source asks`,
      call: (on) => ec2(on, 'DescribeVpcAttribute', { VpcId: VPC, Attribute }),
      gives: {
        status: 200,
        text: new RegExp(`<vpcId>${VPC}</vpcId><${Attribute}><value>false</value></${Attribute}>`),
      },
    }),
  ),
  {
    name: 'DescribeVpcAttribute of one that there is not',
    call: (on) =>
      ec2(on, 'DescribeVpcAttribute', { VpcId: 'vpc-1', Attribute: 'enableDnsSupport' }),
    gives: ec2Error('InvalidVpcID.NotFound'),
  },
  {
    name: 'DescribeVpcAttribute without what it needs',
    call: (on) => ec2(on, 'DescribeVpcAttribute', { VpcId: VPC }),
    gives: ec2Error('InvalidParameterValue', 'attribute'),
  },
  {
    name: 'DescribeSubnets shows one a zone',
    call: async (on) => {
      const { text } = await ec2(on, 'DescribeSubnets');
      const all = (member: string) =>
        [...text.matchAll(new RegExp(`<${member}>([^<]+)<`, 'g'))].map(([, value]) => value);
      return { ids: all('subnetId').slice(0, 2), zones: all('availabilityZone') };
    },
    gives: { ids: SUBNETS, zones: ['us-east-1a', 'us-east-1b', 'us-east-1c'] },
  },
  subnets('of the network, as a data source asks', filter(['vpc-id', VPC]), 3),
  subnets('of another network', filter(['vpc-id', 'vpc-1']), 0),
  subnets('by ids', { 'SubnetId.1': SUBNETS[0] ?? '', 'SubnetId.2': SUBNETS[1] ?? '' }, 2),
  subnets('by one of two values', filter(['availability-zone', 'us-east-1a', '*c']), 2),
  subnets('by two filters', filter(['availability-zone', '*c'], ['default-for-az', 'true']), 1),
  subnets('with a limit that is wide enough', { MaxResults: '5' }, 3),
  {
    name: 'DescribeSubnets of one that there is not',
    call: (on) => ec2(on, 'DescribeSubnets', { 'SubnetId.1': 'subnet-1' }),
    gives: ec2Error('InvalidSubnetID.NotFound', "'subnet-1'"),
  },
  {
    name: 'DescribeSubnets with a filter that there is not',
    call: (on) => ec2(on, 'DescribeSubnets', filter(['colour', 'red'])),
    gives: ec2Error('InvalidParameterValue', "The filter 'colour' is invalid"),
  },
  {
    name: 'DescribeSubnets with a token that nobody gave away',
    call: (on) => ec2(on, 'DescribeSubnets', { NextToken: 'x' }),
    gives: ec2Error('InvalidNextToken'),
  },
  {
    name: 'DescribeSecurityGroups shows the one group',
    call: (on) => ec2(on, 'DescribeSecurityGroups'),
    gives: {
      status: 200,
      text: new RegExp(`<groupId>${GROUP}</groupId><groupName>default</groupName>`),
    },
  },
  {
    name: 'DescribeSecurityGroups by name and network, as a data source asks',
    call: (on) =>
      ec2(on, 'DescribeSecurityGroups', filter(['group-name', 'default'], ['vpc-id', VPC])),
    gives: { status: 200, text: new RegExp(`<groupId>${GROUP}</groupId>`) },
  },
  {
    name: 'DescribeSecurityGroups by an id that there is not',
    call: (on) => ec2(on, 'DescribeSecurityGroups', { 'GroupId.1': 'sg-1' }),
    gives: ec2Error('InvalidGroup.NotFound', "'sg-1'"),
  },
  {
    name: 'DescribeSecurityGroups by a name that there is not',
    call: (on) => ec2(on, 'DescribeSecurityGroups', { 'GroupName.1': 'web' }),
    gives: ec2Error('InvalidGroup.NotFound', "'web'"),
  },
  {
    name: 'DescribeAccountAttributes, as the provider asks for EC2-Classic',
    call: (on) =>
      ec2(on, 'DescribeAccountAttributes', { 'AttributeName.1': 'supported-platforms' }),
    gives: {
      status: 200,
      text: /<accountAttributeSet><item><attributeName>supported-platforms<\/attributeName><attributeValueSet><item><attributeValue>VPC<\/attributeValue><\/item><\/attributeValueSet><\/item><\/accountAttributeSet>/,
    },
  },
  {
    name: 'DescribeAccountAttributes names the default network',
    call: (on) => ec2(on, 'DescribeAccountAttributes'),
    gives: { status: 200, text: new RegExp(`default-vpc<.*<attributeValue>${VPC}<`) },
  },
  {
    name: 'DescribeAvailabilityZones',
    call: (on) => ec2(on, 'DescribeAvailabilityZones', filter(['state', 'available'])),
    gives: { status: 200, text: /<zoneName>us-east-1a<.*<zoneId>use1-az1<.*us-east-1c/ },
  },
  {
    name: 'DescribeNetworkInterfaces: nothing has one',
    call: (on) => ec2(on, 'DescribeNetworkInterfaces', filter(['description', 'ELB app/a/b'])),
    gives: { status: 200, text: /<networkInterfaceSet\/>/ },
  },
  {
    name: 'a dry run does nothing',
    call: (on) => ec2(on, 'DescribeVpcs', { DryRun: 'true' }),
    gives: { status: 412, text: /<Code>DryRunOperation</ },
  },
  {
    name: 'what is no boolean',
    call: (on) => ec2(on, 'DescribeVpcs', { DryRun: 'perhaps' }),
    gives: { status: 400, text: /<Message>.*perhaps.*DryRun.* can not be read as a boolean/ },
  },
  ...['RunInstances', 'DescribeInstances', 'CreateSecurityGroup', 'DescribeRouteTables', 'Fly'].map(
    (name): Case => ({
      name: `${name} is not answered, and named`,
      call: (on) => ec2(on, name),
      gives: ec2Error('InvalidAction', `The action ${name} is not valid`),
    }),
  ),
  {
    name: 'who may not look is told what was missing',
    call: async (on) => {
      const key = await on.plane.user('blind', [
        { Effect: 'Allow', Action: 'ecs:*', Resource: '*' },
      ]);
      return ec2({ ...on, plane: { ...on.plane, ...key } }, 'DescribeVpcs');
    },
    gives: {
      status: 403,
      text: /<Code>UnauthorizedOperation<.*not authorized to perform: ec2:DescribeVpcs/,
    },
  },
]);

conformance('surroundings: IAM', [
  {
    name: 'GetRole of a role that Berth knows',
    call: async (on) => {
      const document = {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'ecs-tasks.amazonaws.com' },
            Action: 'sts:AssumeRole',
          },
        ],
      };
      await on.plane.access.CreateRole(
        complete('CreateRoleRequest', {
          roleName: 'app',
          description: 'for <web> & others',
          assumeRolePolicyDocument: JSON.stringify(document),
          tags: [{ key: 'team', value: 'a' }],
        }),
        setupCall(),
      );
      const { status, text } = await iam(on, 'GetRole', { RoleName: 'app' });
      const part = (name: string) => new RegExp(`<${name}>([^<]*)<`).exec(text)?.[1];
      const encoded = part('AssumeRolePolicyDocument') ?? '';
      assert.deepEqual(JSON.parse(decodeURIComponent(encoded)), document);
      return {
        status,
        arn: part('Arn'),
        name: part('RoleName'),
        id: part('RoleId'),
        path: part('Path'),
        seconds: part('MaxSessionDuration'),
        description: part('Description'),
        tagged: text.includes('<Tags><member><Key>team</Key><Value>a</Value></member></Tags>'),
      };
    },
    gives: {
      status: 200,
      arn: ROLE,
      name: 'app',
      id: /^AROA[A-Z0-9]+$/,
      path: '/',
      seconds: '3600',
      description: 'for &lt;web&gt; &amp; others',
      tagged: true,
    },
  },
  {
    name: 'GetRole of a role that Berth does not know',
    call: (on) => iam(on, 'GetRole', { RoleName: 'none' }),
    gives: queryError(404, 'NoSuchEntity', 'The role with name none cannot be found'),
  },
  {
    name: 'GetRole of none',
    call: (on) => iam(on, 'GetRole'),
    gives: queryError(400, 'ValidationError', "Value null at 'roleName' failed to satisfy"),
  },
  {
    name: 'GetRole of a name that is too long',
    call: (on) => iam(on, 'GetRole', { RoleName: 'a'.repeat(65) }),
    gives: queryError(400, 'ValidationError', 'length less than or equal to 64'),
  },
  {
    name: 'GetUser of the caller, who is not named',
    call: (on) => iam(on, 'GetUser'),
    gives: { status: 200, text: /<Arn>arn:aws:iam::000000000000:user\/tester<\/Arn>/ },
  },
  {
    name: 'GetUser of one that there is not',
    call: (on) => iam(on, 'GetUser', { UserName: 'none' }),
    gives: queryError(404, 'NoSuchEntity', 'The user with name none cannot be found'),
  },
  ...['CreateRole', 'AttachRolePolicy', 'ListRoles', 'Fly'].map((name): Case => ({
    name: `${name} is not answered, and named with what to use`,
    call: (on) => iam(on, name),
    gives: queryError(400, 'InvalidAction', `${name} .*berth user, access-key, policy and role`),
  })),
]);

const WEB = '/ecs/web';
const WEB_ARN = `arn:aws:logs:us-east-1:000000000000:log-group:${WEB}`;

conformance('surroundings: CloudWatch Logs', [
  {
    name: 'CreateLogGroup',
    call: (on) => logs(on, 'CreateLogGroup', { logGroupName: WEB, tags: { team: 'a', empty: '' } }),
    gives: { status: 200, body: {} },
  },
  {
    name: 'CreateLogGroup twice',
    call: (on) => logs(on, 'CreateLogGroup', { logGroupName: WEB }),
    gives: logsError('ResourceAlreadyExistsException', /^The specified log group already exists$/),
  },
  {
    name: 'DescribeLogGroups by the prefix, as the provider reads',
    call: (on) => logs(on, 'DescribeLogGroups', { logGroupNamePrefix: WEB }),
    gives: {
      status: 200,
      body: {
        logGroups: [
          {
            logGroupName: WEB,
            logGroupArn: WEB_ARN,
            arn: `${WEB_ARN}:*`,
            storedBytes: 0,
            metricFilterCount: 0,
            logGroupClass: 'STANDARD',
            retentionInDays: undefined,
          },
        ],
        nextToken: undefined,
      },
    },
  },
  {
    name: 'DescribeLogGroups tells times in milliseconds',
    call: async (on) => {
      const { body } = await logs(on, 'DescribeLogGroups', {});
      const [one] = body['logGroups'] as { readonly creationTime: number }[];
      return Math.abs((one?.creationTime ?? 0) - Date.now()) < 600_000;
    },
    gives: true,
  },
  {
    name: 'PutRetentionPolicy is shown',
    call: async (on) => {
      await logs(on, 'PutRetentionPolicy', { logGroupName: WEB, retentionInDays: 30 });
      const { body } = await logs(on, 'DescribeLogGroups', { logGroupNamePattern: 'WEB' });
      return body['logGroups'];
    },
    gives: [{ logGroupName: WEB, retentionInDays: 30 }],
  },
  {
    name: 'PutRetentionPolicy of days that there are not',
    call: (on) => logs(on, 'PutRetentionPolicy', { logGroupName: WEB, retentionInDays: 31 }),
    gives: logsError('InvalidParameterException', /^retentionInDays is 31; expected one of 1, 3,/),
  },
  {
    name: 'DeleteRetentionPolicy keeps for ever',
    call: async (on) => {
      await logs(on, 'DeleteRetentionPolicy', { logGroupName: WEB });
      return (await logs(on, 'DescribeLogGroups', {})).body['logGroups'];
    },
    gives: [{ retentionInDays: undefined }],
  },
  {
    name: 'ListTagsForResource by either of its ARNs',
    call: async (on) => [
      await logs(on, 'ListTagsForResource', { resourceArn: WEB_ARN }),
      await logs(on, 'ListTagsForResource', { resourceArn: `${WEB_ARN}:*` }),
    ],
    gives: [
      { status: 200, body: { tags: { team: 'a', empty: '' } } },
      { status: 200, body: { tags: { team: 'a', empty: '' } } },
    ],
  },
  {
    name: 'TagResource and UntagResource',
    call: async (on) => {
      const resourceArn = WEB_ARN;
      await logs(on, 'TagResource', { resourceArn, tags: { team: 'b', owner: 'c' } });
      await logs(on, 'UntagResource', { resourceArn, tagKeys: ['empty', 'none'] });
      return (await logs(on, 'ListTagsForResource', { resourceArn })).body;
    },
    gives: { tags: { team: 'b', owner: 'c', empty: undefined } },
  },
  {
    name: 'the older calls for tags',
    call: async (on) => {
      const logGroupName = WEB;
      await logs(on, 'TagLogGroup', { logGroupName, tags: { x: 'y' } });
      await logs(on, 'UntagLogGroup', { logGroupName, tags: ['owner'] });
      return (await logs(on, 'ListTagsLogGroup', { logGroupName })).body;
    },
    gives: { tags: { team: 'b', x: 'y', owner: undefined } },
  },
  {
    name: 'TagResource beyond fifty tags',
    call: (on) =>
      logs(on, 'TagResource', {
        resourceArn: WEB_ARN,
        tags: Object.fromEntries(tags(51).map(({ Key, Value }) => [Key, Value])),
      }),
    gives: logsError('InvalidParameterException', /50/),
  },
  {
    name: 'TagResource of what is no log group',
    call: (on) => logs(on, 'TagResource', { resourceArn: 'arn:aws:logs:x', tags: { a: 'b' } }),
    gives: logsError('InvalidParameterException', /^resourceArn is arn:aws:logs:x; expected/),
  },
  {
    name: 'ListTagsForResource of one that there is not',
    call: (on) => logs(on, 'ListTagsForResource', { resourceArn: `${WEB_ARN}/none` }),
    gives: logsError('ResourceNotFoundException', /^The specified log group does not exist\.$/),
  },
  {
    name: 'CreateLogGroup without a name',
    call: (on) => logs(on, 'CreateLogGroup', {}),
    gives: logsError(
      'InvalidParameterException',
      /^1 validation error detected: Value null at 'logGroupName' failed/,
    ),
  },
  {
    name: 'CreateLogGroup with a name of 512 letters, and of one more',
    call: async (on) => [
      await logs(on, 'CreateLogGroup', { logGroupName: 'l'.repeat(512) }),
      await logs(on, 'CreateLogGroup', { logGroupName: 'l'.repeat(513) }),
      await logs(on, 'DeleteLogGroup', { logGroupName: 'l'.repeat(512) }),
    ],
    gives: [
      { status: 200 },
      logsError('InvalidParameterException', /length less than or equal to 512/),
      { status: 200 },
    ],
  },
  {
    name: 'CreateLogGroup with letters that no name has',
    call: (on) => logs(on, 'CreateLogGroup', { logGroupName: 'a b' }),
    gives: logsError('InvalidParameterException', /logGroupName/),
  },
  ...Object.entries({
    kmsKeyId: 'alias/a',
    logGroupClass: 'INFREQUENT_ACCESS',
    deletionProtectionEnabled: true,
  }).map(([member, value]): Case => ({
    name: `CreateLogGroup with ${member}`,
    call: (on) => logs(on, 'CreateLogGroup', { logGroupName: 'other', [member]: value }),
    gives: logsError(
      'InvalidParameterException',
      new RegExp(`^${member}.* is not supported by Berth\\.`),
    ),
  })),
  {
    name: 'DescribeLogGroups in pages',
    call: async (on) => {
      for (const name of ['p1', 'p2', 'p3']) {
        await logs(on, 'CreateLogGroup', { logGroupName: `page/${name}` });
      }
      const asked = { logGroupNamePrefix: 'page/', limit: 2 };
      const first = await logs(on, 'DescribeLogGroups', asked);
      const { nextToken } = first.body;
      const second = await logs(on, 'DescribeLogGroups', { ...asked, nextToken });
      return [first.body, second.body];
    },
    gives: [
      { logGroups: [{ logGroupName: 'page/p1' }, { logGroupName: 'page/p2' }], nextToken: /./ },
      { logGroups: [{ logGroupName: 'page/p3' }], nextToken: undefined },
    ],
  },
  {
    name: 'DescribeLogGroups with a token of another question',
    call: async (on) => {
      const { body } = await logs(on, 'DescribeLogGroups', { limit: 1 });
      const { nextToken } = body;
      return logs(on, 'DescribeLogGroups', { logGroupNamePrefix: 'page/', nextToken });
    },
    gives: logsError('InvalidParameterException', /nextToken/i),
  },
  {
    name: 'DescribeLogGroups with a limit past the edge',
    call: async (on) => [
      await logs(on, 'DescribeLogGroups', { limit: 50 }),
      await logs(on, 'DescribeLogGroups', { limit: 51 }),
      await logs(on, 'DescribeLogGroups', { limit: 0 }),
    ],
    gives: [
      { status: 200 },
      logsError('InvalidParameterException', /limit/),
      logsError('InvalidParameterException', /limit/),
    ],
  },
  {
    name: 'DescribeLogGroups with a prefix and a pattern',
    call: (on) =>
      logs(on, 'DescribeLogGroups', { logGroupNamePrefix: 'a', logGroupNamePattern: 'b' }),
    gives: logsError('InvalidParameterException', /mutually exclusive/),
  },
  {
    name: 'DeleteLogGroup',
    call: async (on) => [
      await logs(on, 'DeleteLogGroup', { logGroupName: WEB }),
      await logs(on, 'DescribeLogGroups', { logGroupNamePrefix: WEB }),
    ],
    gives: [{ status: 200, body: {} }, { body: { logGroups: [] } }],
  },
  {
    name: 'DeleteLogGroup of one that there is not',
    call: (on) => logs(on, 'DeleteLogGroup', { logGroupName: WEB }),
    gives: logsError('ResourceNotFoundException', /^The specified log group does not exist\.$/),
  },
  ...['PutLogEvents', 'CreateLogStream', 'FilterLogEvents', 'Fly'].map((name): Case => ({
    name: `${name} is not answered, and named with what to use`,
    call: (on) => logs(on, name, {}),
    gives: logsError('UnknownOperationException', new RegExp(`^${name} .*berth logs`)),
  })),
]);
