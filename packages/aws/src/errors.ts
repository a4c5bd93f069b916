// How the AWS wire protocols say that a call failed. Pure.
// Source: ECS reference, section 1.2 (AWS JSON 1.1); ALB reference, section 1.1 (Query protocol, XML).
import { type ErrorCode, type BerthError, messageChain } from '@berth/model/errors.ts';

export interface WireError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Errors that are the server's fault: the SDKs retry them. */
const SERVER_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'ServerException',
  'NotLeader',
  'StaleView',
  'Unavailable',
  'DeadlineExceeded',
  'Cancelled',
  'Internal',
]);

/** An error as the AWS JSON 1.1 protocol carries it. What only Berth's roles know becomes ServerException. */
export function jsonError(error: BerthError, requestId: string): WireError {
  const fault = SERVER_FAULTS.has(error.code);
  const type = fault ? 'ServerException' : error.code;
  return {
    status: fault ? 500 : 400,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId },
    body: JSON.stringify({ __type: type, message: fault ? messageChain(error) : error.message }),
  };
}

/** An error as the Query protocol carries it. */
export function queryError(error: BerthError, requestId: string): WireError {
  const fault = SERVER_FAULTS.has(error.code);
  const code = fault ? 'InternalFailure' : error.code;
  const message = fault ? messageChain(error) : error.message;
  return {
    status: fault ? 500 : 400,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
    body:
      '<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error>' +
      `<Type>${fault ? 'Receiver' : 'Sender'}</Type><Code>${code}</Code>` +
      `<Message>${escapeXml(message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
  };
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
