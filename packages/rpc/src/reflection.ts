// The gRPC reflection service, from the protos as proto-loader describes them. What it leaves out is put
// right here: clients resolve the option `values` only through an import of google/protobuf/descriptor.proto.
import { fromJSON, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import descriptor from 'protobufjs/ext/descriptor/index.js';

import { protoRoot } from './protos.ts';

const OPTIONS_FILE = 'google/protobuf/descriptor.proto';

/** @param services full names of those that are served: `berth.v1.Ecs` */
export function reflectionService(services: readonly string[]): ReflectionService {
  // Each message carries the descriptors of all; reading them once instead of 200 times saves 100 ms at the start.
  const message = 'berth.v1.Tag';
  const definition = fromJSON(protoRoot().toJSON())[message] as MessageTypeDefinition<
    object,
    object
  >;
  const fileDescriptorProtos = definition.fileDescriptorProtos.map(corrected);
  const described: PackageDefinition = { [message]: { ...definition, fileDescriptorProtos } };
  return new ReflectionService(described, { services: [...services] });
}

function corrected(bytes: Buffer): Buffer {
  const file = descriptor.FileDescriptorProto.toObject(
    descriptor.FileDescriptorProto.decode(bytes),
  ) as FileDescriptor;
  const changes =
    file.package === 'google.protobuf'
      ? { name: OPTIONS_FILE, syntax: 'proto2' }
      : {
          dependency: [OPTIONS_FILE],
          // Asked for by its full name, which has no leading dot.
          extension: file.extension?.map((each) => ({
            ...each,
            extendee: each.extendee.replace(/^\./, ''),
          })),
        };
  const message = descriptor.FileDescriptorProto.fromObject({ ...file, ...changes });
  return Buffer.from(descriptor.FileDescriptorProto.encode(message).finish());
}

/** The part of a decoded FileDescriptorProto that is looked at here. */
interface FileDescriptor {
  readonly package: string;
  readonly extension?: readonly { readonly extendee: string }[];
}
