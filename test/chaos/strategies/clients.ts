// Clients that see which revision of the sample service answers them, through each proxy.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';

/** How many requests each revision answered. */
export type Tally = Readonly<Record<string, number>>;
/** Percent of the requests that each revision answers; one that is not named answers none. */
export type Shares = Readonly<Record<string, number>>;

/** So many of each proxy, where revisions share the requests. */
const SAMPLE = 200;
/** Where one answers all. */
const FEW = 20;
const WIDTH = 8;
const PATIENCE_MS = 15_000;
const ANSWER_MS = 10_000;
/** An honest share is further off once in two million samples. */
const MOST_SIGMA = 5;

export class Clients {
  readonly #urls: readonly string[];
  #asked = 0;

  /** @param urls of the proxies, without a path */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** Requests that were sent so far. */
  get asked(): number {
    return this.#asked;
  }

  /** Wait until each proxy divides its requests so. @throws AssertionError with what was seen last */
  async see(path: string, shares: Shares): Promise<void> {
    const many = Object.values(shares).includes(100) ? FEW : SAMPLE;
    const begin = performance.now();
    for (;;) {
      const tallies = await Promise.all(this.#urls.map((url) => this.#tally(url + path, many)));
      if (tallies.every((tally) => agrees(tally, shares, many))) return;
      if (performance.now() - begin > PATIENCE_MS) {
        assert.fail(
          `of ${many} requests for ${path} at each proxy ${JSON.stringify(tallies)} were answered by the revisions, to be ${JSON.stringify(shares)} %`,
        );
      }
    }
  }

  async #tally(url: string, many: number): Promise<Tally> {
    const agent = new Agent({ keepAlive: true, maxSockets: WIDTH });
    const answers = await Promise.all(
      Array.from({ length: many }, () => revisionAt(url, agent)),
    ).finally(() => agent.destroy());
    this.#asked += many;
    const tally: Record<string, number> = {};
    for (const revision of answers) tally[revision] = (tally[revision] ?? 0) + 1;
    return tally;
  }
}

function agrees(tally: Tally, shares: Shares, many: number): boolean {
  const revisions = new Set([...Object.keys(tally), ...Object.keys(shares)]);
  return [...revisions].every((revision) => {
    const part = (shares[revision] ?? 0) / 100;
    const sigma = Math.sqrt(many * part * (1 - part));
    return Math.abs((tally[revision] ?? 0) - many * part) <= MOST_SIGMA * sigma;
  });
}

function revisionAt(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, timeout: ANSWER_MS }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (text += chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        if (incoming.statusCode !== 200) {
          reject(new Error(`${url} answered ${incoming.statusCode}: ${text.slice(0, 200)}`));
        } else resolve((JSON.parse(text) as { readonly revision: number }).revision);
      });
    });
    outgoing.once('timeout', () =>
      outgoing.destroy(new Error(`${url} did not answer within ${ANSWER_MS} ms`)),
    );
    outgoing.once('error', reject);
    outgoing.end();
  });
}
