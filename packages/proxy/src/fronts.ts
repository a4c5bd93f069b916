// What listens on a port. A front reads the listener's record anew for each connection, so that a change of its protocol, its
// certificates or its rules needs no word to it and no second opening of the port.
import { Listener, type ListenerSurroundings } from './listener.ts';
import type { Ports } from './ports.ts';

export interface Front {
  /** As the routing table names it. */
  readonly port: number;
  /** The port that it listens on; another than `port` only when that is 0. */
  readonly actualPort: number;
  /** Open connections of clients. */
  readonly connections: number;
  /** @throws the error of the operating system when the port can't be had. A front that could not be opened is of no more use. */
  open(address: string, ports: Ports): Promise<void>;
  /** Gives the port up (`Ports.release`), so that it accepts nothing more; what is open may end within `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export type FrontSurroundings = ListenerSurroundings;

/** The front of a port, whatever the protocol of its listener is and becomes. */
export function createFront(port: number, surroundings: FrontSurroundings): Front {
  return new Listener(port, surroundings);
}
