// A TCP proxy in front of a server that can cut its connections, refuse new ones, or let the bytes of one
// direction pile up, as a sick network would.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Direction = 'to server' | 'to client';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class FaultProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #paused = new Set<Direction>();
  #cutAfter: number | undefined;
  #passed = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param target HOST:PORT */
  static async start(target: string): Promise<FaultProxy> {
    const [host = '', port = ''] = target.split(':');
    const server = createServer();
    const proxy = new FaultProxy(server);
    server.on('connection', (client) => proxy.#join(client, connect(Number(port), host)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address ? `127.0.0.1:${address.port}` : '';
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Bytes that went to clients. */
  get passed(): number {
    return this.#passed;
  }

  pause(direction: Direction): void {
    this.#paused.add(direction);
    for (const pair of this.#pairs) from(pair, direction).pause();
  }

  resume(): void {
    this.#paused.clear();
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  /** Cut everything that is open now; new connections are taken. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  /** Cut everything once so many more bytes have gone to clients. */
  cutAfter(bytes: number): void {
    this.#cutAfter = this.#passed + bytes;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    const pair = { client, server };
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.on('error', end);
      socket.on('close', end);
      socket.setNoDelay(true);
    }
    client.on('data', (chunk: Buffer) => server.write(chunk));
    server.on('data', (chunk: Buffer) => {
      client.write(chunk);
      this.#passed += chunk.length;
      if (this.#cutAfter !== undefined && this.#passed >= this.#cutAfter) {
        this.#cutAfter = undefined;
        this.cut();
      }
    });
    for (const direction of this.#paused) from(pair, direction).pause();
  }
}

function from({ client, server }: Pair, direction: Direction): Socket {
  return direction === 'to server' ? client : server;
}
