// The methods of the gRPC services, from the one parse of `protos.ts`. Messages are read and written by our own
// codecs: proto-loader's would convert silently.
import type { MessageName } from '@berth/model/generated/messages.ts';
import type protobuf from 'protobufjs';

import { codec, type Codec } from './codec.ts';
import type { ServiceName } from './generated/services.ts';
import { protoRoot } from './protos.ts';

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

/** The methods of a service, read from the protos themselves: a client has no need of proto-loader's descriptors. */
export function methodsOf(service: ServiceName): ReadonlyMap<string, Method> {
  const { methodsArray } = protoRoot().lookupService(`berth.v1.${service}`);
  return new Map(
    methodsArray.map((method): [string, Method] => {
      const requestMessage = messageOf(method.resolvedRequestType);
      return [
        method.name,
        {
          name: method.name,
          path: `/berth.v1.${service}/${method.name}`,
          kind: method.requestStream ? 'bidi' : method.responseStream ? 'server' : 'unary',
          requestMessage,
          request: codec(requestMessage),
          response: codec(messageOf(method.resolvedResponseType)),
        },
      ];
    }),
  );
}

function messageOf(type: protobuf.Type | null): MessageName {
  return type?.name as MessageName;
}
