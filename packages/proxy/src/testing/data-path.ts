// A data path with real sockets for tests: back ends that count what reaches them, and tables that route to them.
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import {
  type AddressInfo,
  type Server as NetServer,
  type Socket,
  createServer as createNetServer,
} from 'node:net';

import type {
  Action,
  ListenerRecord,
  LoadBalancerRecord,
  RuleRecord,
  TargetGroupRecord,
  TargetRecord,
} from '@berth/model/generated/messages.ts';
import { EMPTY_TABLE, updateTable } from '@berth/model/routing/table.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import { Registry } from 'prom-client';

import { DataPath, type DataPathOptions } from '../data-path.ts';
import type { Target } from '../target.ts';
import { silent, until } from './basics.ts';

export { silent, until };

export interface BackEnd {
  readonly name: string;
  readonly port: number;
  /** Requests other than health checks. */
  requests: number;
  /** Connections that carried such a request. */
  readonly connections: Set<Socket>;
  /** Everything that is open. */
  readonly sockets: Set<Socket>;
  readonly server: Server;
  /** As if its process was killed: nothing listens any more and every connection is reset. */
  kill(): void;
  close(): Promise<void>;
}

export type BackEndHandler = (message: IncomingMessage, response: ServerResponse) => void;

export const HEALTH_PATH = '/healthz';

/** Answers health checks with 200, everything else through `handler`; by default with its name. */
export async function startBackEnd(
  name: string,
  handler?: BackEndHandler,
  port = 0,
): Promise<BackEnd> {
  const sockets = new Set<Socket>();
  const connections = new Set<Socket>();
  const server = createServer((message, response) => {
    if (message.url === HEALTH_PATH) {
      response.end('well');
      return;
    }
    backEnd.requests += 1;
    connections.add(message.socket);
    if (handler !== undefined) handler(message, response);
    else {
      message.resume();
      response.end(name);
    }
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await listening(server, port);
  const backEnd: BackEnd = {
    name,
    port: (server.address() as AddressInfo).port,
    requests: 0,
    connections,
    sockets,
    server,
    kill: () => {
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
  return backEnd;
}

export interface RawBackEnd {
  readonly port: number;
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

/** A back end that speaks what `onConnection` makes it speak. */
export async function startRawBackEnd(onConnection: (socket: Socket) => void): Promise<RawBackEnd> {
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await listening(server, 0);
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listening(server: NetServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

export interface Parts {
  readonly listeners?: readonly ListenerRecord[];
  readonly rules?: readonly RuleRecord[];
  readonly groups?: readonly TargetGroupRecord[];
  readonly targets?: readonly TargetRecord[];
  readonly balancers?: readonly LoadBalancerRecord[];
}

let revision = 0;

/** A data path with one listener on a free port, and what a test asks of it. */
export class TestProxy {
  readonly path: DataPath;
  readonly registry = new Registry();
  readonly changes: Target[] = [];
  port = 0;

  constructor(options: Partial<DataPathOptions> = {}) {
    this.path = new DataPath({
      bindAddress: '127.0.0.1',
      clock: realClock,
      random: realRandom,
      logger: silent,
      metrics: this.registry,
      onTargetChange: (target) => this.changes.push(target),
      ...options,
    });
  }

  /** Replaces the whole table. */
  route(parts: Parts): void {
    revision += 1;
    const update = records.update(revision, {
      snapshot: true,
      listeners: parts.listeners ?? [records.listener(0, records.fixed('404'))],
      rules: parts.rules ?? [],
      targetGroups: parts.groups ?? [],
      targets: parts.targets ?? [],
      loadBalancers: parts.balancers ?? [],
    });
    this.path.swap(updateTable(EMPTY_TABLE, update));
  }

  /** Routes everything to these back ends, in a group `web`, and waits until they are healthy. */
  async serve(
    backEnds: readonly { readonly port: number }[],
    action: Action = records.forward('web'),
  ): Promise<void> {
    this.route({
      listeners: [records.listener(0, action)],
      groups: [group('web')],
      targets: backEnds.map((backEnd) => targetAt('web', backEnd.port)),
    });
    await this.open();
  }

  async open(): Promise<void> {
    await this.path.serve();
    await until('the listener is open', () => this.path.listeners.actualPort(0) !== undefined);
    this.port = this.path.listeners.actualPort(0) ?? 0;
  }

  targets(name = 'web'): Target[] {
    return [...(this.path.routing.groups.get(name)?.targets.values() ?? [])];
  }

  get inFlight(): number {
    return this.targets().reduce((sum, target) => sum + target.inFlight, 0);
  }

  stop(): Promise<void> {
    return this.path.stop(0);
  }
}

/** A load balancer `web` for listeners that say so. */
export function balancer(attributes: Readonly<Record<string, string>> = {}): LoadBalancerRecord {
  return {
    name: 'web',
    id: '50dc6c495c0c9188',
    type: 'application',
    scheme: 'internet-facing',
    ipAddressType: 'ipv4',
    vpcId: '',
    availabilityZones: [],
    securityGroups: [],
    attributes,
    createdAt: 1,
    tags: [],
  };
}

/** A group that checks `HEALTH_PATH` every five seconds. */
export function group(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): TargetGroupRecord {
  return {
    ...records.targetGroup(name, attributes),
    healthCheck: {
      protocol: 'HTTP',
      port: 'traffic-port',
      path: HEALTH_PATH,
      intervalSeconds: 5,
      timeoutSeconds: 2,
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
      matcher: '200',
    },
  };
}

export function targetAt(
  name: string,
  port: number,
  state: TargetRecord['state'] = 'REGISTERED',
): TargetRecord {
  return { ...records.target(name, `t-${port}`, state), port };
}
