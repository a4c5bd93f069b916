// A client that means no harm: one connection that is kept, on which it is always served.
import { type Socket, connect } from 'node:net';

const DEADLINE_MS = 30_000;

export class WellMeaningClient {
  static readonly path = '/well-meant';
  readonly #socket: Socket;
  #text = '';
  #look: () => void = () => undefined;

  static async connect(port: number): Promise<WellMeaningClient> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new WellMeaningClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#look();
    });
    socket.on('close', () => this.#look());
  }

  /** @throws when it is not answered as it should be */
  ask(): Promise<void> {
    this.#text = '';
    return new Promise((resolve, reject) => {
      const fail = (what: string): void => {
        clearTimeout(timer);
        reject(new Error(`a well-meaning client ${what}: ${JSON.stringify(this.#text)}`));
      };
      const timer = setTimeout(() => fail('is not answered'), DEADLINE_MS);
      this.#look = () => {
        if (this.#text.endsWith('\r\n\r\nok')) {
          clearTimeout(timer);
          if (this.#text.startsWith('HTTP/1.1 200 ')) resolve();
          else fail('is answered oddly');
        } else if (this.#socket.closed) fail('has lost its connection');
      };
      this.#socket.write(`GET ${WellMeaningClient.path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
      this.#look();
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
