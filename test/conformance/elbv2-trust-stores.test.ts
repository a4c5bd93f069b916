// Trust stores, whose contents AWS takes from S3: what of them the wire shows and takes, and how the rest is refused. Their contents come
// by Berth's own operations. Source: ALB reference, sections 1.4 and 1.5.
import {
  AddTagsCommand,
  CreateTrustStoreCommand,
  DeleteTrustStoreCommand,
  DescribeTagsCommand,
  DescribeTrustStoreAssociationsCommand,
  DescribeTrustStoreRevocationsCommand,
  DescribeTrustStoresCommand,
  RemoveTrustStoreRevocationsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { elbv2Support } from '@berth/aws/support/elbv2.ts';
import { createAuthority } from '@berth/rpc/authority.ts';
import { complete } from '@berth/rpc/codec.ts';
import { readFile } from 'node:fs/promises';

import { type Case, conformance, type Ground, kept, pages } from './cases.ts';
import { setupCall } from './control-plane.ts';
import { NO, tags } from './elbv2-kit.ts';
import { queried } from './signed.ts';

/** @returns its ARN, kept under its name */
async function trustStore(on: Ground, name: string): Promise<string> {
  const { certificate } = await createAuthority(Date.now());
  const request = complete('CreateTrustStoreRequest', { name, bundlePem: certificate });
  const made = await on.plane.balancing.CreateTrustStore(request, setupCall());
  const arn = made.trustStore?.trustStoreArn ?? '';
  on.kept[name] = arn;
  return arn;
}

const NOWHERE = { TrustStoreArn: NO.trustStore };
const S3 = { CaCertificatesBundleS3Bucket: 'bucket', CaCertificatesBundleS3Key: 'ca.pem' };

/** What is written of operations in the table of docs/aws-compatibility.md. */
async function documented(operation: string): Promise<string | undefined> {
  const file = new URL('../../docs/aws-compatibility.md', import.meta.url);
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.find((line) => line.startsWith('|') && line.includes(`\`${operation}\``));
}

conformance('ELBv2 over the SDK: trust stores', [
  {
    name: 'CreateTrustStore is refused by name, with what to use',
    call: ({ elbv2 }) => elbv2.send(new CreateTrustStoreCommand({ Name: 'ours', ...S3 })),
    fails: 'InvalidAction',
    message: /CreateTrustStore.*S3.*use berth trust-store\.$/,
  },
  ...elbv2Support.refused.flatMap(({ operations, message }) =>
    operations.split(' ').map((operation): Case => ({
      name: `${operation} is refused by name, and the table says so`,
      call: async (on) => {
        const { status, text } = await queried(on, 'elasticloadbalancing', {
          Action: operation,
          Version: '2015-12-01',
          TrustStoreArn: NO.trustStore,
        });
        return {
          status,
          code: /<Code>(\w+)</.exec(text)?.[1],
          message: /<Message>([^<]+)</.exec(text)?.[1],
          table: await documented(operation),
        };
      },
      gives: {
        status: 400,
        code: 'InvalidAction',
        message: new RegExp(operation),
        table: new RegExp(`\`InvalidAction\` \\| ${message.slice(0, 30)}`),
      },
    })),
  ),
  {
    name: 'DescribeTrustStores shows one that was made with Berth’s own words',
    call: async (on) => {
      await trustStore(on, 'ours');
      return on.elbv2.send(new DescribeTrustStoresCommand({}));
    },
    gives: {
      TrustStores: [
        {
          Name: 'ours',
          TrustStoreArn: /:truststore\/ours\/[0-9a-f]{16}$/,
          Status: 'ACTIVE',
          NumberOfCaCertificates: 1,
          TotalRevokedEntries: 0,
        },
      ],
      NextMarker: undefined,
    },
  },
  {
    name: 'DescribeTrustStores by name, and by ARN',
    call: async (on) => [
      await on.elbv2.send(new DescribeTrustStoresCommand({ Names: ['ours'] })),
      await on.elbv2.send(new DescribeTrustStoresCommand({ TrustStoreArns: [kept(on, 'ours')] })),
    ],
    gives: [{ TrustStores: [{ Name: 'ours' }] }, { TrustStores: [{ Name: 'ours' }] }],
  },
  {
    name: 'DescribeTrustStores of one that there is not',
    call: ({ elbv2 }) => elbv2.send(new DescribeTrustStoresCommand({ Names: ['none'] })),
    fails: 'TrustStoreNotFoundException',
    message: /none/,
  },
  {
    name: 'DescribeTrustStores in pages',
    call: async (on) => {
      for (const name of ['s1', 's2', 's3', 's4']) await trustStore(on, name);
      const found = await pages(async (Marker) => {
        const page = await on.elbv2.send(new DescribeTrustStoresCommand({ Marker, PageSize: 2 }));
        return { items: page.TrustStores, nextToken: page.NextMarker };
      });
      return found.map((page) => page.map(({ Name }) => Name));
    },
    gives: [['ours', 's1'], ['s2', 's3'], ['s4']],
  },
  {
    name: 'DescribeTrustStores with PageSize 401',
    call: ({ elbv2 }) => elbv2.send(new DescribeTrustStoresCommand({ PageSize: 401 })),
    fails: 'ValidationError',
    message: /400/,
  },
  {
    name: 'tags of a trust store',
    call: async (on) => {
      const ResourceArns = [kept(on, 'ours')];
      await on.elbv2.send(new AddTagsCommand({ ResourceArns, Tags: tags(2) }));
      return on.elbv2.send(new DescribeTagsCommand({ ResourceArns }));
    },
    gives: { TagDescriptions: [{ ResourceArn: /truststore/, Tags: tags(2) }] },
  },
  {
    name: 'tags of a trust store that there is not',
    call: ({ elbv2 }) =>
      elbv2.send(new AddTagsCommand({ ResourceArns: [NO.trustStore], Tags: tags(1) })),
    fails: 'TrustStoreNotFoundException',
  },
  {
    name: 'DescribeTrustStoreAssociations of one that nothing uses',
    call: (on) =>
      on.elbv2.send(new DescribeTrustStoreAssociationsCommand({ TrustStoreArn: kept(on, 'ours') })),
    gives: { TrustStoreAssociations: [], NextMarker: undefined },
  },
  {
    name: 'DescribeTrustStoreRevocations of one without any',
    call: (on) =>
      on.elbv2.send(new DescribeTrustStoreRevocationsCommand({ TrustStoreArn: kept(on, 'ours') })),
    gives: { TrustStoreRevocations: [], NextMarker: undefined },
  },
  {
    name: 'RemoveTrustStoreRevocations of one that there is not',
    call: (on) =>
      on.elbv2.send(
        new RemoveTrustStoreRevocationsCommand({
          TrustStoreArn: kept(on, 'ours'),
          RevocationIds: [1],
        }),
      ),
    fails: 'RevocationIdNotFoundException',
  },
  ...Object.entries({
    DescribeTrustStoreAssociations: ({ elbv2 }: Ground) =>
      elbv2.send(new DescribeTrustStoreAssociationsCommand(NOWHERE)),
    DescribeTrustStoreRevocations: ({ elbv2 }: Ground) =>
      elbv2.send(new DescribeTrustStoreRevocationsCommand(NOWHERE)),
    DeleteTrustStore: ({ elbv2 }: Ground) => elbv2.send(new DeleteTrustStoreCommand(NOWHERE)),
  }).map(([name, call]): Case => ({
    name: `${name} of one that there is not`,
    call,
    fails: 'TrustStoreNotFoundException',
  })),
  {
    name: 'DeleteTrustStore',
    call: async (on) => {
      await on.elbv2.send(new DeleteTrustStoreCommand({ TrustStoreArn: kept(on, 'ours') }));
      return on.elbv2.send(new DescribeTrustStoresCommand({ Names: ['ours'] }));
    },
    fails: 'TrustStoreNotFoundException',
  },
]);
