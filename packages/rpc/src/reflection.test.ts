import assert from 'node:assert/strict';

import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';

import type { Handlers } from './api.ts';
import { linkTo } from './channel-options.ts';
import { serve, type RpcServer } from './server.ts';
import { testIdentity, testLogger } from './testing/fixtures.ts';

/** The part of grpc/reflection/v1/reflection.proto that clients such as grpcurl use. */
const REFLECTION = `
  syntax = "proto3";
  package grpc.reflection.v1;
  message ServerReflectionRequest {
    string host = 1;
    oneof message_request {
      string file_by_filename = 3;
      string file_containing_symbol = 4;
      ExtensionRequest file_containing_extension = 5;
      string list_services = 7;
    }
  }
  message ExtensionRequest { string containing_type = 1; int32 extension_number = 2; }
  message ServerReflectionResponse {
    FileDescriptorResponse file_descriptor_response = 4;
    ListServiceResponse list_services_response = 6;
    ErrorResponse error_response = 7;
  }
  message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
  message ListServiceResponse { repeated ServiceResponse service = 1; }
  message ServiceResponse { string name = 1; }
  message ErrorResponse { int32 error_code = 1; string error_message = 2; }
`;

interface Answer {
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: Uint8Array[] };
  readonly listServicesResponse?: { readonly service: { readonly name: string }[] };
  readonly errorResponse?: { readonly errorMessage: string };
}

const known = protobuf.parse(REFLECTION).root;
const requests = known.lookupType('grpc.reflection.v1.ServerReflectionRequest');
const answers = known.lookupType('grpc.reflection.v1.ServerReflectionResponse');

describe('gRPC reflection', () => {
  let server: RpcServer;
  let client: grpc.Client;

  beforeEach(async () => {
    const anything: unknown = new Proxy({}, { get: () => () => Promise.resolve({}) });
    server = await serve({
      address: '127.0.0.1:0',
      tls: await testIdentity('control', 'replica'),
      services: {
        Ecs: anything as Handlers<'Ecs'>,
        Operations: anything as Handlers<'Operations'>,
      },
      logger: testLogger(),
    });
    const link = linkTo(server.address, await testIdentity('admin', 'stranger'));
    client = new grpc.Client(link.target, link.credentials, link.options);
  });
  afterEach(async () => {
    client.close();
    await server.close(0);
  });

  async function ask(request: object): Promise<Answer> {
    const stream = client.makeBidiStreamRequest(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      (value: object) => Buffer.from(requests.encode(value).finish()),
      (bytes) => answers.decode(bytes),
    );
    stream.end(request);
    for await (const answer of stream as AsyncIterable<protobuf.Message>) {
      return answers.toObject(answer, { arrays: true });
    }
    return assert.fail('no answer');
  }

  async function files(request: object): Promise<ReturnType<typeof fileOf>[]> {
    const { fileDescriptorResponse, errorResponse } = await ask(request);
    assert.ok(fileDescriptorResponse, errorResponse?.errorMessage ?? 'no files');
    return fileDescriptorResponse.fileDescriptorProto.map(fileOf);
  }

  it('lists the services that are served', async () => {
    const { listServicesResponse } = await ask({ listServices: '' });
    const names = listServicesResponse?.service.map(({ name }) => name) ?? [];
    assert.deepEqual(names.sort(), ['berth.v1.Ecs', 'berth.v1.Operations']);
  });

  it('describes a service with all that it depends on, as a client without our protos needs it', async () => {
    const found = new Map<string, protobuf.Message>();
    const wanted: object[] = [{ fileContainingSymbol: 'berth.v1.Ecs' }];
    for (const request of wanted) {
      for (const file of await files(request)) {
        const { name, dependency } = file as unknown as { name: string; dependency: string[] };
        if (found.has(name)) continue;
        found.set(name, file);
        for (const fileByFilename of dependency) wanted.push({ fileByFilename });
      }
    }
    assert.ok(found.has('google/protobuf/descriptor.proto'));
    const root = rootOf([...found.values()]);
    const method = root.lookupService('berth.v1.Ecs').methods['RunTask'];
    assert.equal(method?.requestType, '.berth.v1.RunTaskRequest');
    const type = root.lookupType('berth.v1.RunTaskRequest');
    const sent = type.encode({ taskDefinition: 'web:1', count: 2 }).finish();
    assert.deepEqual(type.toObject(type.decode(sent)), { taskDefinition: 'web:1', count: 2 });
  });

  it('describes the option of our own that names the words of a field', async () => {
    const [file] = await files({
      fileContainingExtension: {
        containingType: 'google.protobuf.FieldOptions',
        extensionNumber: 50_001,
      },
    });
    const { extension } = file as unknown as { extension: { name: string }[] };
    assert.deepEqual(
      extension.map(({ name }) => name),
      ['values'],
    );
  });
});

function fileOf(bytes: Uint8Array) {
  return descriptor.FileDescriptorProto.decode(bytes);
}

/** protobufjs adds this to its classes when the descriptors are loaded; its types do not say so. */
function rootOf(file: protobuf.Message[]): protobuf.Root {
  const { fromDescriptor } = protobuf.Root as unknown as {
    fromDescriptor: (files: object) => protobuf.Root;
  };
  return fromDescriptor(descriptor.FileDescriptorSet.create({ file }));
}
