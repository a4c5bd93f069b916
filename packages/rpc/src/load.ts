// The gRPC service definitions, loaded by proto-loader from the one parse of `protos.ts`, always with the
// same options. Messages are read and written by our own codecs: proto-loader's would convert silently.
import type { MessageName } from '@berth/model/generated/messages.ts';
import { fromJSON, type PackageDefinition, type ServiceDefinition } from '@grpc/proto-loader';

import { codec, type Codec } from './codec.ts';
import type { ServiceName } from './generated/services.ts';
import { protoRoot } from './protos.ts';

const OPTIONS = { keepCase: false, longs: String, enums: String, defaults: true, oneofs: true };

let loaded: PackageDefinition | undefined;

/** Everything that `proto/berth/v1` defines, as proto-loader gives it; for reflection. */
export function packageDefinition(): PackageDefinition {
  return (loaded ??= fromJSON(protoRoot().toJSON(), OPTIONS));
}

export type MethodKind = 'unary' | 'server' | 'bidi';

export interface Method {
  readonly name: string;
  /** `/berth.v1.SERVICE/METHOD` */
  readonly path: string;
  readonly kind: MethodKind;
  readonly requestMessage: MessageName;
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
}

export function methodsOf(service: ServiceName): ReadonlyMap<string, Method> {
  const definition = packageDefinition()[`berth.v1.${service}`] as ServiceDefinition;
  const methods = Object.entries(definition).map(([name, method]): [string, Method] => {
    const requestMessage = messageOf(method.requestType);
    return [
      name,
      {
        name,
        path: method.path,
        kind: method.requestStream ? 'bidi' : method.responseStream ? 'server' : 'unary',
        requestMessage,
        request: codec(requestMessage),
        response: codec(messageOf(method.responseType)),
      },
    ];
  });
  return new Map(methods);
}

function messageOf(definition: { readonly type: object }): MessageName {
  return (definition.type as { readonly name: string }).name as MessageName;
}
