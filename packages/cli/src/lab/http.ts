// Asks a process of the lab how it is, from this machine.
import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { dirname, join } from 'node:path';

const TIMEOUT_MS = 2000;

/**
 * Whether the URL answers with 200.
 * @param tls the file of a certificate and its key, without extension, beside ca.crt
 */
export async function answersWell(url: string, tls?: string): Promise<boolean> {
  try {
    return (await statusOf(url, tls)) === 200;
  } catch {
    return false; // not there, not yet, or not in time
  }
}

function statusOf(url: string, tls: string | undefined): Promise<number> {
  const identity = tls === undefined ? {} : identityIn(tls);
  return new Promise((resolve, reject) => {
    const options = { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS), ...identity };
    const outgoing = (tls === undefined ? plainRequest : tlsRequest)(url, options, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.once('error', reject);
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

function identityIn(base: string): { ca: string; cert: string; key: string } {
  const read = (file: string): string => readFileSync(file, 'utf8');
  return {
    ca: read(join(dirname(base), 'ca.crt')),
    cert: read(`${base}.crt`),
    key: read(`${base}.key`),
  };
}
