// The messages of etcd's API that records pass through, by the million: read in one pass and written as they are. Everything else
// is asked for through the etcd3 package. Source: etcd's rpc.proto and kv.proto, of which these are the fields that Berth uses.
import { messageReader } from '@berth/rpc/message-reader.ts';
import { messageWriter } from '@berth/rpc/message-writer.ts';
import protobuf from 'protobufjs';

const PROTO = `
syntax = "proto3";
message Header { optional uint64 clusterId = 1; int64 revision = 3; }
message KeyValue {
  string key = 1; int64 createRevision = 2; int64 modRevision = 3; int64 version = 4; bytes value = 5;
}
message RangeRequest {
  bytes key = 1; bytes rangeEnd = 2; int64 limit = 3; int64 revision = 4; bool keysOnly = 8; bool countOnly = 9;
}
message RangeAnswer { Header header = 1; repeated KeyValue kvs = 2; bool more = 3; }
message Put { string key = 1; bytes value = 2; int64 lease = 3; }
message Delete { string key = 1; }
message Compare {
  int32 target = 2; string key = 3; optional int64 createRevision = 5; optional int64 modRevision = 6;
}
message Operation { RangeRequest range = 1; Put put = 2; Delete delete = 3; }
message TxnRequest { repeated Compare compare = 1; repeated Operation success = 2; repeated Operation failure = 3; }
message Result { RangeAnswer range = 1; }
message TxnAnswer { Header header = 1; bool succeeded = 2; repeated Result results = 3; }
message WatchCreate {
  bytes key = 1; bytes rangeEnd = 2; int64 startRevision = 3; bool progressNotify = 4; bool fragment = 8;
}
message WatchRequest { WatchCreate create = 1; }
message Event { int32 type = 1; KeyValue kv = 2; }
message WatchAnswer {
  Header header = 1; bool created = 3; bool canceled = 4; int64 compactRevision = 5; string cancelReason = 6;
  bool fragment = 7; repeated Event events = 11;
}
`;

/** A text of digits for the cluster's id: it may be beyond 2^53. */
export interface Header {
  readonly clusterId?: string;
  readonly revision: number;
}

export interface KeyValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: Buffer;
}

export interface RangeRequest {
  readonly key: Buffer;
  readonly rangeEnd?: Buffer;
  readonly limit?: number;
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface RangeAnswer {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

/** What a comparison looks at; it must be equal. */
export const TARGET = { createRevision: 1, modRevision: 2 } as const;

export interface Compare {
  readonly target: number;
  readonly key: string;
  readonly createRevision?: number;
  readonly modRevision?: number;
}

export interface Operation {
  readonly range?: RangeRequest;
  /** Of the lease: digits. */
  readonly put?: {
    readonly key: string;
    readonly value: Buffer;
    readonly lease?: string | undefined;
  };
  readonly delete?: { readonly key: string };
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface TxnAnswer {
  readonly header: Header;
  readonly succeeded: boolean;
  readonly results: readonly { readonly range?: RangeAnswer }[];
}

export interface WatchRequest {
  readonly create: {
    readonly key: Buffer;
    readonly rangeEnd: Buffer;
    readonly startRevision: number;
    readonly progressNotify: boolean;
    readonly fragment: boolean;
  };
}

export const DELETED = 1;

export interface WatchAnswer {
  readonly header: Header;
  readonly created: boolean;
  readonly canceled: boolean;
  /** 0 unless what was asked for is compacted. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same revision follows. */
  readonly fragment: boolean;
  readonly events: readonly { readonly type: number; readonly kv: KeyValue }[];
}

/** One call of etcd: its path, and how its messages are written and read. */
export interface EtcdCall<Request, Answer> {
  readonly path: string;
  readonly write: (request: Request) => Buffer;
  readonly read: (bytes: Buffer) => Answer;
}

const { root } = protobuf.parse(PROTO, { keepCase: true });
root.resolveAll();

function call<Request, Answer>(
  path: string,
  request: string,
  answer: string,
): EtcdCall<Request, Answer> {
  const write = messageWriter(root.lookupType(request));
  const read = messageReader(root.lookupType(answer));
  return {
    path: `/etcdserverpb.${path}`,
    write: (message) => write(message as object),
    read: (bytes) => read(new protobuf.BufferReader(bytes), bytes.length) as Answer,
  };
}

export const RANGE = call<RangeRequest, RangeAnswer>('KV/Range', 'RangeRequest', 'RangeAnswer');
export const TXN = call<TxnRequest, TxnAnswer>('KV/Txn', 'TxnRequest', 'TxnAnswer');
export const WATCH = call<WatchRequest, WatchAnswer>('Watch/Watch', 'WatchRequest', 'WatchAnswer');
