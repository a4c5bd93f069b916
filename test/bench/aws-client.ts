// A client of the AWS endpoint that costs the machine little: keeps its connections, signs with SigV4 (IAM User Guide, Signature
// Version 4), and reads no more of an answer than its JSON.
import { createHash, createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';

import { REALM } from '../conformance/control-plane.ts';
import type { Place } from './aws-plane.ts';

const TARGET = 'AmazonEC2ContainerServiceV20141113';
const TYPE = 'application/x-amz-json-1.1';
const SIGNED = 'content-type;host;x-amz-date;x-amz-target';
const TIMEOUT_MS = 10_000;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

export interface AwsClient {
  /** @throws Error with the answer unless it is a success */
  call<T>(operation: string, input: object): Promise<T>;
  close(): void;
}

export function awsClient({ endpoint, accessKeyId, secretAccessKey }: Place): AwsClient {
  const agent = new Agent({ keepAlive: true });
  const { host, hostname, port } = new URL(endpoint);
  const keys = new Map<string, Buffer>();

  const keyOf = (day: string): Buffer => {
    let key = keys.get(day);
    if (!key) {
      key = [REALM.region, 'ecs', 'aws4_request'].reduce<Buffer>(
        (previous, part) => hmac(previous, part),
        hmac(`AWS4${secretAccessKey}`, day),
      );
      keys.set(day, key);
    }
    return key;
  };

  const headersOf = (operation: string, body: string): Record<string, string> => {
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    const target = `${TARGET}.${operation}`;
    const canonical = `POST\n/\n\ncontent-type:${TYPE}\nhost:${host}\nx-amz-date:${time}\nx-amz-target:${target}\n\n${SIGNED}\n${sha256(body)}`;
    const scope = `${day}/${REALM.region}/ecs/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`;
    const signature = hmac(keyOf(day), toSign).toString('hex');
    return {
      'content-type': TYPE,
      'x-amz-date': time,
      'x-amz-target': target,
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${SIGNED}, Signature=${signature}`,
    };
  };

  return {
    call: <T>(operation: string, input: object) =>
      new Promise<T>((resolve, reject) => {
        const body = JSON.stringify(input);
        const headers = headersOf(operation, body);
        const outgoing = request(
          { method: 'POST', hostname, port, agent, headers, timeout: TIMEOUT_MS },
          (answer) => {
            let text = '';
            answer.setEncoding('utf8');
            answer.on('data', (chunk: string) => (text += chunk));
            answer.once('error', reject);
            answer.once('end', () => {
              if (answer.statusCode === 200) resolve(JSON.parse(text) as T);
              else reject(new Error(`${operation} was answered ${answer.statusCode}: ${text}`));
            });
          },
        );
        outgoing.once('timeout', () =>
          outgoing.destroy(new Error(`${operation} was not answered within ${TIMEOUT_MS} ms`)),
        );
        outgoing.once('error', reject);
        outgoing.end(body);
      }),
    close: () => agent.destroy(),
  };
}
