// Our reading of HTTP/1.1 against llhttp's strict mode, which reads for Node.js: whatever we accept, llhttp accepts too and takes for the same
// messages, with the same fields, bodies and ends; or we refuse more.
import assert from 'node:assert/strict';
import { METHODS } from 'node:http';

import { classifyResponseHeader } from '../header-names.ts';
import { REQUESTS, RESPONSES } from '../testing/messages.ts';

import { type Fuzz, type FuzzCase, mutatorOf } from './fuzzing.ts';
import { type ReadRequest, requestsByNode, requestsByUs } from './request-readings.ts';
import { type ReadResponse, endByUs, responseByNode, responseByUs } from './response-readings.ts';

/** One in so many cases is not changed. */
const UNCHANGED = 16;
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);
const METHOD = /^((?:\r\n){0,2})([^ ]+) /;

export interface CutCase extends FuzzCase {
  /** Of how it is cut into parts. */
  readonly cut: number;
}

export class RequestFuzz implements Fuzz<CutCase> {
  readonly what = 'requests';
  readonly seed: number;
  /** Requests that both took for the same. */
  agreed = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  draw(number: number): CutCase {
    const mutator = mutatorOf(this.seed, number);
    const count = 1 + mutator.below(3);
    const whole = Array.from({ length: count }, () => mutator.pick(REQUESTS)).join('');
    const text = mutator.below(UNCHANGED) === 0 ? whole : mutator.mutate(whole);
    return { text, cut: mutator.below(1 << 30) };
  }

  async play({ text, cut }: CutCase): Promise<void> {
    const bytes = Buffer.from(text, 'latin1');
    const ours = await requestsByUs([bytes]);
    const inParts = await requestsByUs(mutatorOf(cut, 0).cut(text));
    assert.deepEqual(inParts.map(comparable), ours.map(comparable), 'read otherwise in parts');
    if (ours.length === 0) return;
    const renamed = withKnownMethod(text);
    const theirs = await requestsByNode(Buffer.from(renamed, 'latin1'));
    for (const [index, read] of ours.entries()) {
      const known = KNOWN_METHODS.has(read.method);
      // llhttp refuses methods that it does not know.
      if (!known && (index > 0 || renamed === text)) break;
      compareRequests(read, theirs[index], known);
      this.agreed += 1;
      // Node.js loses what follows a request to upgrade that it has declined.
      if (read.headers.some((name) => name.toLowerCase() === 'upgrade')) break;
    }
  }
}

/** How much of a body has come when it breaks off depends on how it was cut. */
function comparable(read: ReadRequest): ReadRequest {
  return read.complete ? read : { ...read, body: '', refused: false };
}

function withKnownMethod(text: string): string {
  return text.replace(METHOD, (whole, before: string, method: string) =>
    KNOWN_METHODS.has(method) || method === 'PRI' ? whole : `${before}POST `,
  );
}

function compareRequests(ours: ReadRequest, theirs: ReadRequest | undefined, known: boolean): void {
  assert.ok(theirs !== undefined, 'llhttp refuses it');
  if (known) assert.equal(theirs.method, ours.method, 'method');
  assert.equal(theirs.version, ours.version, 'version');
  assert.deepEqual(theirs.headers, ours.headers, 'headers');
  const target = theirs.target.replace(/^https?:\/\/[^/?]*(?=[/?]|$)/i, '');
  const origin = target.startsWith('/') || target === '*' ? target : `/${target}`;
  assert.equal(origin, ours.target, 'target');
  compareBodies(ours, theirs);
  if (!ours.complete && !ours.refused) {
    assert.ok(!theirs.complete, 'llhttp finds an end where we wait for more');
  }
}

function compareBodies(
  ours: { readonly body: string; readonly complete: boolean },
  theirs: { readonly body: string; readonly complete: boolean },
): void {
  if (ours.complete) {
    assert.ok(theirs.complete, 'llhttp does not find the end');
    assert.equal(theirs.body, ours.body, 'body');
    return;
  }
  const shorter = Math.min(ours.body.length, theirs.body.length);
  assert.equal(theirs.body.slice(0, shorter), ours.body.slice(0, shorter), 'begun body');
}

export interface ResponseCase extends CutCase {
  /** Of the request. */
  readonly method: 'GET' | 'HEAD';
}

export class ResponseFuzz implements Fuzz<ResponseCase> {
  readonly what = 'responses';
  readonly seed: number;
  /** Responses that both took for the same. */
  agreed = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  draw(number: number): ResponseCase {
    const mutator = mutatorOf(this.seed, number);
    const whole = mutator.pick(RESPONSES);
    // What follows must not matter.
    const more = mutator.below(4) === 0 ? mutator.pick(RESPONSES) : '';
    const text = mutator.below(UNCHANGED) === 0 ? whole : mutator.mutate(whole);
    const method = mutator.below(8) === 0 ? 'HEAD' : 'GET';
    return { text: text + more, cut: mutator.below(1 << 30), method };
  }

  async play({ text, cut, method }: ResponseCase): Promise<void> {
    const bytes = Buffer.from(text, 'latin1');
    const ours = responseByUs([bytes], method, true);
    const inParts = responseByUs(mutatorOf(cut, 0).cut(text), method, true);
    assert.deepEqual(inParts, ours, 'read otherwise in parts');
    if (ours === undefined) return;
    const theirs = await responseByNode(bytes, method, true);
    assert.ok(theirs !== undefined, 'llhttp refuses it');
    assert.equal(theirs.status, ours.status, 'status');
    compareFields(ours, theirs);
    compareBodies(ours, theirs);
    if (ours.complete) await this.#compareEnds(bytes, method);
    this.agreed += 1;
  }

  /** Where the next message would begin. */
  async #compareEnds(bytes: Buffer, method: string): Promise<void> {
    const end = endByUs(bytes, method);
    if (end === 0) return;
    const whole = await responseByNode(bytes.subarray(0, end), method, false);
    assert.ok(whole?.complete, 'llhttp finds the end later');
    const short = await responseByNode(bytes.subarray(0, end - 1), method, false);
    assert.ok(short?.complete !== true, 'llhttp finds the end earlier');
  }
}

/** We hand on what the target has said, in its order, without what belongs to its connection. */
function compareFields(ours: ReadResponse, theirs: ReadResponse): void {
  const kept: string[] = [];
  const left = pairs(ours.headers);
  const named = new Set(
    pairs(theirs.headers)
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => value.toLowerCase().split(',').map(withoutBlanks)),
  );
  for (const [name, value] of pairs(theirs.headers)) {
    const meaning = classifyResponseHeader(name);
    const forwarded = meaning === 'forward' || meaning === 'date';
    if (forwarded && !named.has(name.toLowerCase())) kept.push(name, value);
  }
  assert.deepEqual(left.filter(([name]) => !named.has(name.toLowerCase())).flat(), kept, 'headers');
}

const withoutBlanks = (text: string): string => text.replace(/^[\t ]+|[\t ]+$/g, '');

function pairs(headers: readonly string[]): (readonly [name: string, value: string])[] {
  return Array.from(
    { length: headers.length / 2 },
    (_, index) => [headers[2 * index] ?? '', headers[2 * index + 1] ?? ''] as const,
  );
}
