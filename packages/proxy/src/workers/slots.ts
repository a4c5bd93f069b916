// The sockets that workers listen on. Each worker has a slot, and a slot one socket a port, so that the kernel spreads connections over the
// workers; the primary keeps them, so that what waits in a socket's queue is served by the next worker of the slot when one ends or dies.

/** A listening socket of this process; Node has no public name for it. */
export interface KeptSocket {
  close(): void;
}

export interface Take {
  readonly port: number;
  /** Where to listen, unless there is a socket already. */
  readonly bind: number;
  readonly socket: KeptSocket | undefined;
}

interface Asker {
  readonly slot: number;
  readonly number: number;
  readonly answer: (take: Take) => void;
}

export class Slots {
  /** By slot, then port. */
  readonly #sockets = new Map<number, Map<number, KeptSocket>>();
  /** Where ports of the table really are: known for others than themselves once the first worker has bound them. */
  readonly #actual = new Map<number, number>();
  /** Of ports whose number is being found: who does, and who waits for it. */
  readonly #finding = new Map<number, { readonly finder: number; readonly waiting: Asker[] }>();

  /** Answers now, or when it is known where the port is. */
  ask(port: number, asker: Asker): void {
    const socket = this.#sockets.get(asker.slot)?.get(port);
    const actual = this.#actual.get(port) ?? port;
    if (socket !== undefined || actual !== 0) {
      asker.answer({ port, bind: actual, socket });
      return;
    }
    const finding = this.#finding.get(port);
    if (finding !== undefined) finding.waiting.push(asker);
    else {
      this.#finding.set(port, { finder: asker.number, waiting: [] });
      asker.answer({ port, bind: 0, socket: undefined });
    }
  }

  /** A worker listens. @param socket absent: on one that it was given */
  opened(port: number, slot: number, actual: number, socket: KeptSocket | undefined): void {
    this.#actual.set(port, actual);
    if (socket !== undefined) {
      let kept = this.#sockets.get(slot);
      if (kept === undefined) this.#sockets.set(slot, (kept = new Map<number, KeptSocket>()));
      kept.get(port)?.close();
      kept.set(port, socket);
    }
    this.#settle(port);
  }

  /** A worker could not listen, or is gone. */
  gaveUp(worker: number, port?: number): void {
    for (const [found, { finder, waiting }] of this.#finding) {
      if (finder === worker && (port === undefined || port === found)) this.#settle(found);
      else if (port === undefined) {
        const left = waiting.filter(({ number }) => number !== worker);
        waiting.splice(0, waiting.length, ...left);
      }
    }
  }

  #settle(port: number): void {
    const finding = this.#finding.get(port);
    this.#finding.delete(port);
    for (const asker of finding?.waiting ?? []) this.ask(port, asker);
  }

  actualPort(port: number): number | undefined {
    return this.#actual.get(port);
  }

  /** Ports that are not in the table any more are given up. */
  keepOnly(ports: { has(port: number): boolean }): void {
    for (const sockets of this.#sockets.values()) {
      for (const [port, socket] of sockets) {
        if (ports.has(port)) continue;
        sockets.delete(port);
        socket.close();
      }
    }
    for (const port of this.#actual.keys()) if (!ports.has(port)) this.#actual.delete(port);
  }

  close(): void {
    this.keepOnly(new Set());
  }
}
