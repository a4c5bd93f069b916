// The few operations of EC2, IAM and CloudWatch Logs that configurations of ECS make beside it, by hand: their own models are large and
// nothing else of them is answered. Members stand as the wire names them.
import type { Member, ServiceModel } from './model.ts';

const string: Member = { type: 'string' };
const boolean: Member = { type: 'boolean' };
const integer: Member = { type: 'integer' };
const long: Member = { type: 'long' };
const strings: Member = { type: 'list', item: string };
const required = (member: Member): Member => ({ ...member, required: true });
const all = (structure: string): Member => ({
  type: 'list',
  item: { type: 'structure', structure },
});

const attributeValue: Member = { type: 'structure', structure: 'AttributeBooleanValue' };

const filtered = (
  ids: Readonly<Record<string, Member>>,
): { readonly members: Record<string, Member> } => ({
  members: {
    ...ids,
    Filter: all('Filter'),
    DryRun: boolean,
    NextToken: string,
    MaxResults: integer,
  },
});

export const ec2: ServiceModel = {
  name: 'ec2',
  protocol: 'query',
  version: '2016-11-15',
  namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
  operations: {
    DescribeVpcs: { input: 'DescribeVpcsRequest', output: 'DescribeVpcsResult' },
    DescribeVpcAttribute: {
      input: 'DescribeVpcAttributeRequest',
      output: 'DescribeVpcAttributeResult',
    },
    DescribeSubnets: { input: 'DescribeSubnetsRequest', output: 'DescribeSubnetsResult' },
    DescribeSecurityGroups: {
      input: 'DescribeSecurityGroupsRequest',
      output: 'DescribeSecurityGroupsResult',
    },
    DescribeNetworkInterfaces: {
      input: 'DescribeNetworkInterfacesRequest',
      output: 'DescribeNetworkInterfacesResult',
    },
    DescribeAccountAttributes: {
      input: 'DescribeAccountAttributesRequest',
      output: 'DescribeAccountAttributesResult',
    },
    DescribeAvailabilityZones: {
      input: 'DescribeAvailabilityZonesRequest',
      output: 'DescribeAvailabilityZonesResult',
    },
  },
  structures: {
    Filter: { members: { Name: string, Value: strings } },
    Tag: { members: { key: string, value: string } },
    Empty: { members: {} },
    DescribeVpcsRequest: filtered({ VpcId: strings }),
    DescribeVpcsResult: { members: { vpcSet: all('Vpc'), nextToken: string } },
    Vpc: {
      members: {
        vpcId: string,
        ownerId: string,
        state: string,
        cidrBlock: string,
        cidrBlockAssociationSet: all('CidrBlockAssociation'),
        dhcpOptionsId: string,
        instanceTenancy: string,
        isDefault: boolean,
        tagSet: all('Tag'),
      },
    },
    CidrBlockAssociation: {
      members: {
        cidrBlock: string,
        associationId: string,
        cidrBlockState: { type: 'structure', structure: 'CidrBlockState' },
      },
    },
    CidrBlockState: { members: { state: string } },
    DescribeVpcAttributeRequest: {
      members: {
        VpcId: required(string),
        Attribute: required({ ...string, words: 'VpcAttributeName' }),
        DryRun: boolean,
      },
    },
    DescribeVpcAttributeResult: {
      members: {
        vpcId: string,
        enableDnsSupport: attributeValue,
        enableDnsHostnames: attributeValue,
        enableNetworkAddressUsageMetrics: attributeValue,
      },
    },
    AttributeBooleanValue: { members: { value: boolean } },
    DescribeSubnetsRequest: filtered({ SubnetId: strings }),
    DescribeSubnetsResult: { members: { subnetSet: all('Subnet'), nextToken: string } },
    Subnet: {
      members: {
        subnetId: string,
        subnetArn: string,
        state: string,
        ownerId: string,
        vpcId: string,
        cidrBlock: string,
        availableIpAddressCount: integer,
        availabilityZone: string,
        availabilityZoneId: string,
        defaultForAz: boolean,
        mapPublicIpOnLaunch: boolean,
        assignIpv6AddressOnCreation: boolean,
        ipv6Native: boolean,
        enableDns64: boolean,
        tagSet: all('Tag'),
      },
    },
    DescribeSecurityGroupsRequest: filtered({ GroupId: strings, GroupName: strings }),
    DescribeSecurityGroupsResult: {
      members: { securityGroupInfo: all('SecurityGroup'), nextToken: string },
    },
    SecurityGroup: {
      members: {
        ownerId: string,
        groupId: string,
        groupName: string,
        groupDescription: string,
        vpcId: string,
        ipPermissions: all('Empty'),
        ipPermissionsEgress: all('Empty'),
        tagSet: all('Tag'),
      },
    },
    DescribeNetworkInterfacesRequest: filtered({ NetworkInterfaceId: strings }),
    DescribeNetworkInterfacesResult: {
      members: { networkInterfaceSet: all('Empty'), nextToken: string },
    },
    DescribeAccountAttributesRequest: { members: { AttributeName: strings, DryRun: boolean } },
    DescribeAccountAttributesResult: { members: { accountAttributeSet: all('AccountAttribute') } },
    AccountAttribute: {
      members: { attributeName: string, attributeValueSet: all('AccountAttributeValue') },
    },
    AccountAttributeValue: { members: { attributeValue: string } },
    DescribeAvailabilityZonesRequest: {
      members: {
        ZoneName: strings,
        ZoneId: strings,
        Filter: all('Filter'),
        AllAvailabilityZones: boolean,
        DryRun: boolean,
      },
    },
    DescribeAvailabilityZonesResult: { members: { availabilityZoneInfo: all('AvailabilityZone') } },
    AvailabilityZone: {
      members: {
        zoneName: string,
        zoneState: string,
        zoneId: string,
        zoneType: string,
        regionName: string,
        groupName: string,
        networkBorderGroup: string,
        optInStatus: string,
        messageSet: all('Empty'),
      },
    },
  },
  words: {
    VpcAttributeName: [
      'enableDnsSupport',
      'enableDnsHostnames',
      'enableNetworkAddressUsageMetrics',
    ],
  },
  errors: {},
};

export const iam: ServiceModel = {
  name: 'iam',
  protocol: 'query',
  version: '2010-05-08',
  namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
  operations: {
    GetRole: { input: 'GetRoleRequest', output: 'GetRoleResponse' },
    GetUser: { input: 'GetUserRequest', output: 'GetUserResponse' },
  },
  structures: {
    GetRoleRequest: { members: { RoleName: required({ ...string, min: 1, max: 64 }) } },
    GetRoleResponse: { members: { Role: { type: 'structure', structure: 'Role' } } },
    Role: {
      members: {
        Path: string,
        RoleName: string,
        RoleId: string,
        Arn: string,
        CreateDate: { type: 'timestamp' },
        AssumeRolePolicyDocument: string,
        Description: string,
        MaxSessionDuration: integer,
        Tags: all('Tag'),
      },
    },
    GetUserRequest: { members: { UserName: { ...string, min: 1, max: 128 } } },
    GetUserResponse: { members: { User: { type: 'structure', structure: 'User' } } },
    User: {
      members: {
        Path: string,
        UserName: string,
        UserId: string,
        Arn: string,
        CreateDate: { type: 'timestamp' },
        Tags: all('Tag'),
      },
    },
    Tag: { members: { Key: string, Value: string } },
  },
  words: {},
  errors: { NoSuchEntityException: { code: 'NoSuchEntity', status: 404 } },
};

const group: Member = required({ ...string, min: 1, max: 512 });
const arn: Member = required({ ...string, min: 1, max: 1011 });

/** Operations without output have none of their own in AWS either. */
export const logs: ServiceModel = {
  name: 'logs',
  protocol: 'json',
  version: '2014-03-28',
  target: 'Logs_20140328',
  operations: {
    CreateLogGroup: { input: 'CreateLogGroupRequest', output: 'Empty' },
    DescribeLogGroups: { input: 'DescribeLogGroupsRequest', output: 'DescribeLogGroupsResponse' },
    DeleteLogGroup: { input: 'LogGroupRequest', output: 'Empty' },
    PutRetentionPolicy: { input: 'PutRetentionPolicyRequest', output: 'Empty' },
    DeleteRetentionPolicy: { input: 'LogGroupRequest', output: 'Empty' },
    ListTagsForResource: { input: 'ListTagsForResourceRequest', output: 'TagsResponse' },
    TagResource: { input: 'TagResourceRequest', output: 'Empty' },
    UntagResource: { input: 'UntagResourceRequest', output: 'Empty' },
    ListTagsLogGroup: { input: 'LogGroupRequest', output: 'TagsResponse' },
    TagLogGroup: { input: 'TagLogGroupRequest', output: 'Empty' },
    UntagLogGroup: { input: 'UntagLogGroupRequest', output: 'Empty' },
  },
  structures: {
    Empty: { members: {} },
    LogGroupRequest: { members: { logGroupName: group } },
    CreateLogGroupRequest: {
      members: {
        logGroupName: group,
        kmsKeyId: string,
        tags: { type: 'map', item: string },
        logGroupClass: string,
        deletionProtectionEnabled: boolean,
      },
    },
    DescribeLogGroupsRequest: {
      members: {
        accountIdentifiers: strings,
        logGroupNamePrefix: string,
        logGroupNamePattern: string,
        nextToken: string,
        limit: integer,
        includeLinkedAccounts: boolean,
        logGroupClass: string,
        logGroupIdentifiers: strings,
      },
    },
    DescribeLogGroupsResponse: { members: { logGroups: all('LogGroup'), nextToken: string } },
    LogGroup: {
      members: {
        logGroupName: string,
        creationTime: long,
        retentionInDays: integer,
        metricFilterCount: integer,
        arn: string,
        storedBytes: long,
        logGroupClass: string,
        logGroupArn: string,
      },
    },
    PutRetentionPolicyRequest: {
      members: { logGroupName: group, retentionInDays: required(integer) },
    },
    ListTagsForResourceRequest: { members: { resourceArn: arn } },
    TagResourceRequest: {
      members: { resourceArn: arn, tags: required({ type: 'map', item: string }) },
    },
    UntagResourceRequest: { members: { resourceArn: arn, tagKeys: required(strings) } },
    TagLogGroupRequest: {
      members: { logGroupName: group, tags: required({ type: 'map', item: string }) },
    },
    UntagLogGroupRequest: { members: { logGroupName: group, tags: required(strings) } },
    TagsResponse: { members: { tags: { type: 'map', item: string } } },
  },
  words: {},
  errors: Object.fromEntries(
    [
      'InvalidParameterException',
      'ResourceAlreadyExistsException',
      'ResourceNotFoundException',
      'LimitExceededException',
    ].map((code) => [code, { code, status: 400 }]),
  ),
};
