// What an error of the Docker client means. Pure; the only place that reads status codes and the engine's
// wording. Source: pitfalls D8, D13, D15.
import { RuntimeError, type FailureKind, type Operation } from './runtime.ts';

interface ClientError {
  readonly statusCode?: number;
  readonly json?: unknown;
  readonly code?: string;
  readonly message?: string;
}

const TAKEN = /port is already allocated|address already in use|ports are not available/i;

/** What the client puts before the engine's words when the answer was a stream. */
const CLIENT_PREFIX = /^\(HTTP code \d+\) .*? - /;

/** Codes of Node's for a socket that is not there, refuses, or broke. */
const BROKEN = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'EACCES',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Wrap whatever the client threw. Messages that the engine worded begin as ECS's do. */
export function classify(operation: Operation, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const { statusCode, code, message } = error as ClientError;
  if (statusCode !== undefined) {
    const said = engineMessage(error as ClientError);
    const text = `Error response from daemon: ${said}`;
    return new RuntimeError(kindOf(statusCode, said), operation, text);
  }
  if (code !== undefined && !BROKEN.has(code)) {
    return new RuntimeError('server', operation, message ?? code);
  }
  const text = "The Docker Engine can't be reached or broke off";
  return new RuntimeError('engine', operation, text, error);
}

/** The kind of a refusal with the given HTTP status and words. */
export function kindOf(statusCode: number, message: string): FailureKind {
  if (TAKEN.test(message)) return 'port-taken';
  if (statusCode === 404) return 'gone';
  if (statusCode === 409) return 'conflict';
  if (statusCode === 429 || statusCode === 503) return 'busy';
  return statusCode >= 500 ? 'server' : 'invalid';
}

/** The kind of a failure that a pull's progress stream carries; its HTTP status was 200. */
export function pullKindOf(message: string): FailureKind {
  if (/toomanyrequests|429|rate limit/i.test(message)) return 'busy';
  if (/not found|manifest unknown|denied|unauthorized|authentication required/i.test(message)) {
    return 'gone';
  }
  return /no matching manifest|unsupported|invalid/i.test(message) ? 'invalid' : 'server';
}

function engineMessage(error: ClientError): string {
  const body = error.json;
  if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message);
  if (Buffer.isBuffer(body) && body.length > 0) return body.toString().trim();
  return (error.message ?? 'no explanation').replace(CLIENT_PREFIX, '').trim();
}

/** What breaks a stream becomes a RuntimeError like any other failure. */
export async function* classified<T>(
  operation: Operation,
  items: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* items;
  } catch (error) {
    if (!signal.aborted) throw classify(operation, error);
    throw new RuntimeError('cancelled', operation, `The ${operation} was given up`, error);
  }
}
