// How our parser of responses, and how llhttp in its strict mode, read the same bytes of a target.
import { request as httpRequest } from 'node:http';

import { headerPairs } from '../header-lines.ts';
import type { ResponseHead } from '../response-head.ts';
import { ResponseParser } from '../response-parser.ts';
import { MemorySocket } from '../testing/memory-socket.ts';

import { settled, turn } from './request-readings.ts';

/** A response as one of the two has read it. */
export interface ReadResponse {
  readonly status: number;
  readonly headers: readonly string[];
  body: string;
  complete: boolean;
}

/** @param fin the target closes its side after the last part */
export function responseByUs(
  parts: readonly Buffer[],
  method: string,
  fin: boolean,
): ReadResponse | undefined {
  const parser = new ResponseParser();
  parser.begin(method, false);
  let read: ReadResponse | undefined;
  const sink = {
    onInformational: (): void => undefined,
    onHead: (found: ResponseHead): void => {
      const { status, lines } = found;
      read = { status, headers: headerPairs(lines), body: '', complete: false };
    },
    onBody: (chunk: Buffer): void => {
      if (read !== undefined) read.body += chunk.toString('latin1');
    },
    onComplete: (chunk: Buffer | undefined): void => {
      if (read === undefined) return;
      read.body += chunk?.toString('latin1') ?? '';
      read.complete = true;
    },
    onUpgrade: (): void => undefined,
  };
  for (const part of parts) {
    if (parser.feed(part, sink) !== undefined) return read;
    if (read?.complete === true) return read;
  }
  if (fin) parser.finish(sink);
  return read;
}

/** Byte by byte, so that the end is known. */
export function endByUs(bytes: Buffer, method: string): number {
  const parser = new ResponseParser();
  parser.begin(method, false);
  let complete = false;
  const sink = {
    onInformational: (): void => undefined,
    onHead: (): void => undefined,
    onBody: (): void => undefined,
    onComplete: (): void => void (complete = true),
    onUpgrade: (): void => undefined,
  };
  for (let at = 0; at < bytes.length; at += 1) {
    if (parser.feed(bytes.subarray(at, at + 1), sink) !== undefined) return 0;
    if (complete) return at + 1;
  }
  return 0;
}

/** The same with llhttp. */
export async function responseByNode(
  bytes: Buffer,
  method: string,
  fin: boolean,
): Promise<ReadResponse | undefined> {
  const memory = new MemorySocket();
  let read: ReadResponse | undefined;
  let over = false;
  const sent = httpRequest({
    method,
    createConnection: () => memory.socket,
    insecureHTTPParser: false,
    maxHeaderSize: 1 << 20,
  });
  sent.maxHeadersCount = 0;
  sent.on('error', () => (over = true));
  sent.on('response', (response) => {
    const found: ReadResponse = {
      status: response.statusCode ?? 0,
      headers: response.rawHeaders,
      body: '',
      complete: false,
    };
    read = found;
    response.on('data', (chunk: Buffer) => (found.body += chunk.toString('latin1')));
    response.on('error', () => (over = true));
    response.on('end', () => {
      found.complete = true;
      over = true;
    });
  });
  sent.end();
  await turn();
  await turn();
  memory.push(bytes);
  if (fin) memory.push(null);
  await settled(() => over);
  memory.destroy();
  return read;
}
