// Trust stores on the ELBv2 wire. What is in them travels through S3 in AWS, so that they are made with berth trust-store.
// Source: ALB reference, sections 1.4 and 1.5.
import type { Operation } from '../../wire/service.ts';
import { nothing, oneSelector, page, trustStore, type Via } from './via.ts';

export function trustStoreOperations(via: Via): Readonly<Record<string, Operation>> {
  return {
    DescribeTrustStores: via(
      'DescribeTrustStores',
      'DescribeTrustStoresRequest',
      (input) => ({
        ...page(input),
        trustStores: oneSelector(input, ['TrustStoreArns', 'Names']),
      }),
      ({ trustStores = [], nextMarker }) => ({
        TrustStores: trustStores.map((store) => ({
          Name: store.name,
          TrustStoreArn: store.trustStoreArn,
          Status: store.status,
          NumberOfCaCertificates: store.numberOfCaCertificates ?? 0,
          TotalRevokedEntries: store.totalRevokedEntries ?? 0,
        })),
        NextMarker: nextMarker,
      }),
    ),
    DeleteTrustStore: via('DeleteTrustStore', 'DeleteTrustStoreRequest', trustStore, nothing),
    DescribeTrustStoreAssociations: via(
      'DescribeTrustStoreAssociations',
      'DescribeTrustStoreAssociationsRequest',
      (input) => ({ ...page(input), ...trustStore(input) }),
      ({ resourceArns = [], nextMarker }) => ({
        TrustStoreAssociations: resourceArns.map((ResourceArn) => ({ ResourceArn })),
        NextMarker: nextMarker,
      }),
    ),
    DescribeTrustStoreRevocations: via(
      'DescribeTrustStoreRevocations',
      'DescribeTrustStoreRevocationsRequest',
      (input) => ({
        ...page(input),
        ...trustStore(input),
        revocationIds: input['RevocationIds'],
      }),
      ({ revocations = [], nextMarker }) => ({
        TrustStoreRevocations: revocations.map((revocation) => ({
          TrustStoreArn: revocation.trustStoreArn,
          RevocationId: revocation.revocationId,
          RevocationType: revocation.revocationType,
          NumberOfRevokedEntries: revocation.numberOfRevokedEntries ?? 0,
        })),
        NextMarker: nextMarker,
      }),
    ),
    RemoveTrustStoreRevocations: via(
      'RemoveTrustStoreRevocations',
      'RemoveTrustStoreRevocationsRequest',
      (input) => ({ ...trustStore(input), revocationIds: input['RevocationIds'] }),
      nothing,
    ),
  };
}
