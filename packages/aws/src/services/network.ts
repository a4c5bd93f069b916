// The operations of EC2 by which clients look at the network that load balancers and tasks are in. There is one, the same for
// everybody, and nothing is routed by it: see `network.ts` of the model. Source: EC2 API reference.
import {
  DEFAULT_SECURITY_GROUP_ID,
  subnetsOf,
  VPC_CIDR,
  VPC_ID,
} from '@berth/model/resources/network.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { compilePattern, matchesPattern } from '@berth/model/routing/pattern.ts';

import { ec2 } from '../models/companions.ts';
import { validationFault, violationsOf } from '../wire/constraints.ts';
import type { AccessDoor } from '../wire/dispatch.ts';
import { Fault, type FaultCodes } from '../wire/fault.ts';
import type { Plain } from '../wire/json-input.ts';
import type { Operation, WireService } from '../wire/service.ts';

const CODES: FaultCodes = {
  invalid: 'InvalidParameterValue',
  denied: { code: 'UnauthorizedOperation', status: 403 },
  internal: 'InternalError',
};

/** What a filter compares: texts, by the filter's name. */
type Filterable = Readonly<Record<string, string>>;

interface Listed {
  readonly shown: object;
  readonly filterable: Filterable;
}

export function networkService(realm: Realm, access: Pick<AccessDoor, 'check'>): WireService {
  const { region, account } = realm;
  const operations: Record<string, (input: Plain) => object> = {
    DescribeVpcs: (input) => ({
      vpcSet: chosen(input, 'VpcId', [vpc(realm)], (id) => notFound('InvalidVpcID', 'vpc ID', id)),
    }),
    // There is no DNS in it, and nobody counts its addresses.
    DescribeVpcAttribute: ({ VpcId, Attribute }) => {
      if (VpcId !== VPC_ID) throw notFound('InvalidVpcID', 'vpc ID', String(VpcId));
      return { vpcId: VPC_ID, [String(Attribute)]: { value: false } };
    },
    DescribeSubnets: (input) => ({
      subnetSet: chosen(input, 'SubnetId', subnets(realm), (id) =>
        notFound('InvalidSubnetID', 'subnet ID', id),
      ),
    }),
    DescribeSecurityGroups: (input) => {
      const named = ((input['GroupName'] ?? []) as string[]).find((name) => name !== 'default');
      if (named !== undefined) throw notFound('InvalidGroup', 'security group', named);
      return {
        securityGroupInfo: chosen(input, 'GroupId', [securityGroup(realm)], (id) =>
          notFound('InvalidGroup', 'security group', id),
        ),
      };
    },
    // Nothing here has an interface of its own.
    DescribeNetworkInterfaces: (input) => ({
      networkInterfaceSet: chosen(input, 'NetworkInterfaceId', [], (id) =>
        notFound('InvalidNetworkInterfaceID', 'networkInterface ID', id),
      ),
    }),
    DescribeAccountAttributes: (input) => {
      const asked = (input['AttributeName'] ?? []) as string[];
      return {
        accountAttributeSet: Object.entries(ACCOUNT)
          .filter(([name]) => asked.length === 0 || asked.includes(name))
          .map(([attributeName, value]) => ({
            attributeName,
            attributeValueSet: [{ attributeValue: value }],
          })),
      };
    },
    DescribeAvailabilityZones: (input) => ({
      availabilityZoneInfo: chosen(
        { ...input, ZoneName: [...((input['ZoneName'] ?? []) as string[])] },
        'ZoneName',
        zones(region),
        (name) =>
          new Fault('InvalidParameterValue', `Invalid availability zone: [${name.slice(0, 100)}]`),
      ),
    }),
  };
  return {
    model: ec2,
    signingName: 'ec2',
    dialect: 'ec2',
    codes: CODES,
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, run]): [string, Operation] => [
        name,
        async (input, call) => {
          await access.check([{ action: `ec2:${name}`, resource: '*' }], call);
          refuseOddities(input);
          return run(input);
        },
      ]),
    ),
    notServed: (operation) =>
      new Fault(
        'InvalidAction',
        `The action ${operation.slice(0, 100)} is not valid for this web service: Berth runs no EC2. It shows one network, of account ${account}.`,
      ),
    check: (_operation, structure, input) => {
      const violations = violationsOf(ec2, structure, input);
      if (violations.length > 0) throw validationFault(ec2, 'InvalidParameterValue', violations);
    },
  };
}

/** Everything fits on one page, so that no token is ever given away. @throws Fault */
function refuseOddities({ DryRun, NextToken }: Plain): void {
  if (DryRun === true) {
    throw new Fault('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', {
      status: 412,
    });
  }
  if (NextToken !== undefined && NextToken !== '') {
    throw new Fault('InvalidNextToken', 'The token is not one that this endpoint has given away.');
  }
}

const ACCOUNT: Readonly<Record<string, string>> = {
  'supported-platforms': 'VPC',
  'default-vpc': VPC_ID,
};

function vpc({ account }: Realm): Listed {
  return {
    shown: {
      vpcId: VPC_ID,
      ownerId: account,
      state: 'available',
      cidrBlock: VPC_CIDR,
      cidrBlockAssociationSet: [
        {
          cidrBlock: VPC_CIDR,
          associationId: VPC_ID.replace('vpc-', 'vpc-cidr-assoc-'),
          cidrBlockState: { state: 'associated' },
        },
      ],
      dhcpOptionsId: 'default',
      instanceTenancy: 'default',
      isDefault: true,
      tagSet: [],
    },
    filterable: {
      'vpc-id': VPC_ID,
      'owner-id': account,
      state: 'available',
      cidr: VPC_CIDR,
      'cidr-block-association.cidr-block': VPC_CIDR,
      'dhcp-options-id': 'default',
      'is-default': 'true',
      isDefault: 'true',
    },
  };
}

function subnets({ region, account }: Realm): Listed[] {
  return subnetsOf(region).map(({ zoneName, subnetId, cidr }) => ({
    shown: {
      subnetId,
      subnetArn: `arn:aws:ec2:${region}:${account}:subnet/${subnetId}`,
      state: 'available',
      ownerId: account,
      vpcId: VPC_ID,
      cidrBlock: cidr,
      // What is free of a block of that length, less the five that AWS keeps.
      availableIpAddressCount: 2 ** (32 - Number(cidr.split('/')[1])) - 5,
      availabilityZone: zoneName,
      availabilityZoneId: zoneId(region, zoneName),
      defaultForAz: true,
      mapPublicIpOnLaunch: false,
      assignIpv6AddressOnCreation: false,
      ipv6Native: false,
      enableDns64: false,
      tagSet: [],
    },
    filterable: {
      'subnet-id': subnetId,
      'subnet-arn': `arn:aws:ec2:${region}:${account}:subnet/${subnetId}`,
      'vpc-id': VPC_ID,
      'owner-id': account,
      state: 'available',
      cidr: cidr,
      'cidr-block': cidr,
      cidrBlock: cidr,
      'availability-zone': zoneName,
      availabilityZone: zoneName,
      'availability-zone-id': zoneId(region, zoneName),
      'default-for-az': 'true',
      defaultForAz: 'true',
      'map-public-ip-on-launch': 'false',
    },
  }));
}

function securityGroup({ account }: Realm): Listed {
  return {
    shown: {
      ownerId: account,
      groupId: DEFAULT_SECURITY_GROUP_ID,
      groupName: 'default',
      groupDescription: 'The one group of the one network; it filters nothing.',
      vpcId: VPC_ID,
      ipPermissions: [],
      ipPermissionsEgress: [],
      tagSet: [],
    },
    filterable: {
      'group-id': DEFAULT_SECURITY_GROUP_ID,
      'group-name': 'default',
      description: 'The one group of the one network; it filters nothing.',
      'owner-id': account,
      'vpc-id': VPC_ID,
    },
  };
}

function zones(region: string): Listed[] {
  return subnetsOf(region).map(({ zoneName }) => ({
    shown: {
      zoneName,
      zoneState: 'available',
      zoneId: zoneId(region, zoneName),
      zoneType: 'availability-zone',
      regionName: region,
      groupName: region,
      networkBorderGroup: region,
      optInStatus: 'opt-in-not-required',
      messageSet: [],
    },
    filterable: {
      'zone-name': zoneName,
      'zone-id': zoneId(region, zoneName),
      'zone-type': 'availability-zone',
      'region-name': region,
      'group-name': region,
      'opt-in-status': 'opt-in-not-required',
      state: 'available',
    },
  }));
}

/** us-east-1a is use1-az1. */
function zoneId(region: string, zoneName: string): string {
  const short = region.replace(/^(\w\w)-(\w)\w*-(\d)$/, '$1$2$3');
  return `${short}-az${zoneName.charCodeAt(zoneName.length - 1) - 0x60}`;
}

/** Those of the ids, that pass all filters. @throws Fault for an id or a filter that there is not */
function chosen(
  input: Plain,
  member: string,
  items: readonly Listed[],
  unknown: (id: string) => Fault,
): object[] {
  const ids = (input[member] ?? []) as readonly string[];
  const idOf = ({ shown }: Listed): unknown => (shown as Plain)[lowered(member)];
  const missing = ids.find((id) => !items.some((item) => idOf(item) === id));
  if (missing !== undefined) throw unknown(missing);
  const filters = ((input['Filter'] ?? []) as readonly Plain[]).map(filterOf);
  return items
    .filter((item) => ids.length === 0 || ids.includes(idOf(item) as string))
    .filter(({ filterable }) => filters.every((passes) => passes(filterable)))
    .map(({ shown }) => shown);
}

/** Nothing here has tags. @returns whether something passes */
function filterOf({ Name, Value }: Plain): (item: Filterable) => boolean {
  const name = typeof Name === 'string' ? Name : '';
  const patterns = ((Value ?? []) as readonly string[]).map((text) =>
    compilePattern(text, { fold: false, escapes: true }),
  );
  if (/^tag(?::|-key$|-value$)/.test(name)) return () => false;
  return (item) => {
    const found = Object.hasOwn(item, name) ? item[name] : undefined;
    if (found === undefined) {
      throw new Fault('InvalidParameterValue', `The filter '${name.slice(0, 100)}' is invalid`);
    }
    return patterns.some((pattern) => matchesPattern(pattern, found));
  };
}

function lowered(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function notFound(code: string, what: string, id: string): Fault {
  return new Fault(`${code}.NotFound`, `The ${what} '${id.slice(0, 100)}' does not exist`);
}
