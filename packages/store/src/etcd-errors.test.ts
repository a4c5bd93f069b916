import assert from 'node:assert/strict';

import { status } from '@grpc/grpc-js';

import {
  berthErrorOf,
  isLeaseNotFound,
  isNoSpace,
  isOverload,
  isTransient,
} from './etcd-errors.ts';
import { concernAbout, refuseCorrupting } from './etcd-version.ts';

const failure = (code: number, details: string): unknown => ({ code, details });

describe('errors of etcd', () => {
  interface Case {
    readonly error: unknown;
    readonly is: ((error: unknown) => boolean) | undefined;
    readonly code: string;
  }
  const cases: Readonly<Record<string, Case>> = {
    'a member that is away': {
      error: failure(status.UNAVAILABLE, 'No connection established'),
      is: isTransient,
      code: 'Unavailable',
    },
    'a change of the raft leader': {
      error: failure(status.UNAVAILABLE, 'etcdserver: leader changed'),
      is: isTransient,
      code: 'Unavailable',
    },
    'a frozen member': {
      error: failure(status.DEADLINE_EXCEEDED, 'Deadline exceeded'),
      is: isTransient,
      code: 'Unavailable',
    },
    'a full database': {
      error: failure(status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded'),
      is: isNoSpace,
      code: 'Unavailable',
    },
    'too many requests': {
      error: failure(status.RESOURCE_EXHAUSTED, 'etcdserver: too many requests'),
      is: isOverload,
      code: 'Unavailable',
    },
    'a lease that has ended': {
      error: failure(status.NOT_FOUND, 'etcdserver: requested lease not found'),
      is: isLeaseNotFound,
      code: 'Unavailable',
    },
    'an identity without rights': {
      error: failure(status.PERMISSION_DENIED, 'etcdserver: permission denied'),
      is: undefined,
      code: 'AccessDeniedException',
    },
    'lower limits than usual': {
      error: failure(status.INVALID_ARGUMENT, 'etcdserver: too many operations in txn request'),
      is: undefined,
      code: 'LimitExceededException',
    },
  };
  const kinds = [isTransient, isNoSpace, isOverload, isLeaseNotFound];

  for (const [name, { error, is, code }] of Object.entries(cases)) {
    it(`tell ${name} from the others`, () => {
      for (const kind of kinds) assert.equal(kind(error), kind === is);
      assert.equal(berthErrorOf(error, 'reading /x').code, code);
    });
  }
});

describe('versions of etcd', () => {
  it('that corrupt data are refused', () => {
    for (const bad of ['3.5.0', '3.5.1', '3.5.2', '3.5.2-rc.1']) {
      assert.throws(() => refuseCorrupting(bad, 'it'), { code: 'InvalidConfigurationRequest' });
    }
    for (const good of ['3.4.23', '3.5.3', '3.5.20', '3.6.0']) refuseCorrupting(good, 'it');
  });

  it('with a lesser danger are pointed out', () => {
    for (const old of ['3.4.21', '3.5.5']) assert.notEqual(concernAbout(old), undefined);
    for (const good of ['3.4.23', '3.5.6', '3.6.1']) assert.equal(concernAbout(good), undefined);
  });
});
