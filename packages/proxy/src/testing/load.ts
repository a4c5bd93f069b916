// A small closed-loop load for tests: workers that send one request after another, half of them with keep-alive and half with a
// new connection each, GET and POST in turn, until they are stopped.
import { Agent, request } from 'node:http';

export interface LoadResult {
  readonly served: number;
  /** One text a request that did not end with 200. */
  readonly failures: readonly string[];
}

export class Load {
  readonly failures: string[] = [];
  served = 0;
  #stopped = false;
  readonly #workers: Promise<void>[];

  constructor(port: number, workers = 4) {
    this.#workers = Array.from({ length: workers }, (_, index) => this.#work(port, index));
  }

  async #work(port: number, index: number): Promise<void> {
    const agent = index % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    for (let turn = 0; !this.#stopped; turn += 1) {
      const method = turn % 2 === 0 ? 'GET' : 'POST';
      const outcome = await one(port, method, agent);
      if (outcome === '200') this.served += 1;
      else this.failures.push(`${method}: ${outcome}`);
    }
    if (agent !== false) agent.destroy();
  }

  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    return { served: this.served, failures: this.failures };
  }
}

function one(port: number, method: string, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, method, path: '/load', agent });
    sent.on('error', (error) => resolve(error.message));
    sent.on('response', (response) => {
      response.on('error', (error) => resolve(`broken off: ${error.message}`));
      response.on('end', () => resolve(String(response.statusCode)));
      response.resume();
    });
    sent.end(method === 'POST' ? 'some body' : undefined);
  });
}
