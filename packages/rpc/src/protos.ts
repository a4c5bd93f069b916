// The protos of `proto/berth/v1`, loaded once. This is the only place that says how they are loaded, so
// that the stored records, the gRPC services and the generated types can't disagree.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import protobuf from 'protobufjs';
import descriptor from 'protobufjs/google/protobuf/descriptor.json' with { type: 'json' };

// protobufjs ships this file but, unlike the other common ones, does not know it by name.
protobuf.common('descriptor', descriptor.nested.google.nested.protobuf.nested);

export const PROTO_DIRECTORY = fileURLToPath(new URL('../../../proto', import.meta.url));

/** Paths of our proto files, relative to `PROTO_DIRECTORY`, in a fixed order. */
export function protoFiles(): string[] {
  return readdirSync(`${PROTO_DIRECTORY}/berth/v1`)
    .filter((name) => name.endsWith('.proto'))
    .sort()
    .map((name) => `berth/v1/${name}`);
}

/** Parse the protos; `comments` keeps their comments, which only the generator needs. */
export function parseProtos(comments = false): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    target.startsWith('google/protobuf/') ? target : `${PROTO_DIRECTORY}/${target}`;
  root.loadSync(protoFiles(), { alternateCommentMode: comments }).resolveAll();
  return root;
}

let loaded: protobuf.Root | undefined;

/** The parsed protos, shared by all of the process. */
export function protoRoot(): protobuf.Root {
  return (loaded ??= parseProtos());
}
