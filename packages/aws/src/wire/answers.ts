// Answers as HTTP carries them, faults above all. Pure. Source: ECS reference, section 1.2; ALB reference, section 1.1.
import type { Fault } from './fault.ts';
import type { WireService } from './service.ts';
import { element } from './xml-output.ts';

export interface WireAnswer {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The AWS JSON protocol. Both spellings of the text are read by some client. */
export function jsonFault({ code, message, status, members }: Fault): WireAnswer {
  return {
    status,
    type: 'application/x-amz-json-1.1',
    headers: { 'x-amzn-errortype': code },
    body: JSON.stringify({ __type: code, message, Message: message, ...members }),
  };
}

/** The Query protocol, in the words of the service's own dialect. */
export function queryFault(
  fault: Fault,
  requestId: string,
  service?: Pick<WireService, 'dialect' | 'model'>,
): WireAnswer {
  const { code, message, status, type } = fault;
  const said = element('Code', code) + element('Message', message);
  const body =
    service?.dialect === 'ec2'
      ? `<Response><Errors><Error>${said}</Error></Errors>${element('RequestID', requestId)}</Response>`
      : `<ErrorResponse${namespaceOf(service)}><Error>${element('Type', type)}${said}</Error>` +
        `${element('RequestId', requestId)}</ErrorResponse>`;
  return { status, type: 'text/xml', headers: {}, body };
}

function namespaceOf(service: Pick<WireService, 'model'> | undefined): string {
  const namespace = service?.model.namespace;
  return namespace === undefined ? '' : ` xmlns="${namespace}"`;
}
