// A lifecycle hook: asked by whichever server leads, it has clients look whether traffic is divided as it is told.
import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface Question {
  readonly lifecycleStage: string;
  /** Percent by ARN of the revision. */
  readonly testTrafficWeights: Readonly<Record<string, number>>;
  readonly productionTrafficWeights: Readonly<Record<string, number>>;
  readonly targetServiceRevisionArn: string;
}

export interface Asked extends Question {
  /** Wall time (ms). */
  readonly answeredAt: number;
}

export interface Hook {
  readonly url: string;
  /** What it was asked so far, and answered. */
  readonly asked: readonly Asked[];
  /** What it says, once `look` has resolved; `look` says what is wrong by rejecting. */
  verdict: 'SUCCEEDED' | 'FAILED';
  close(): void;
}

/** @param address that the servers reach. @param look at a question before it is answered */
export async function openHook(
  address: string,
  look: (question: Question) => Promise<void>,
): Promise<Hook> {
  const asked: Asked[] = [];
  const answer = async (request: IncomingMessage): Promise<object> => {
    const question = (await json(request)) as Question;
    await look(question);
    asked.push({ ...question, answeredAt: Date.now() });
    return { hookStatus: hook.verdict };
  };
  const server = createServer((request, response) => {
    answer(request)
      .catch((error: unknown) => ({ hookStatus: 'FAILED', reason: String(error) }))
      .then(
        (text) => response.end(JSON.stringify(text)),
        () => response.destroy(),
      );
  });
  server.listen(0, address);
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  const hook: Hook = {
    url: `http://${address}:${port}/`,
    asked,
    verdict: 'SUCCEEDED',
    close: () => void server.close(),
  };
  return hook;
}

/** @returns percent of the new revision, by weights of the question */
export function shareOf(
  { targetServiceRevisionArn }: Question,
  weights: Question['testTrafficWeights'],
): number {
  return weights[targetServiceRevisionArn] ?? 0;
}
