// Starts the proxy role: the data path, its session with the api, and the table on disk between them.
import { childScope, withDeadline } from '@berth/control/scope.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { printTable } from '@berth/model/routing/print.ts';
import { updateTable } from '@berth/model/routing/table.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { connect } from '@berth/rpc/client.ts';

import { DataPath } from './data-path.ts';
import { Reports } from './report.ts';
import { Session } from './session.ts';
import type { ProxySettings } from './settings.ts';
import { TableFile } from './table-file.ts';

export interface ProxyOptions {
  /** HOST:PORT of the api's replicas. */
  readonly api: readonly string[];
  readonly tls: TlsIdentity;
  /** Names this proxy in the cluster; the same after a restart. */
  readonly id: string;
  /** Where its listeners are opened, 0.0.0.0 for everywhere. */
  readonly bindAddress: string;
  /** Keeps the last routing table. */
  readonly dataDirectory: string;
  readonly version: string;
  readonly settings?: Partial<ProxySettings>;
  /** How long to wait for the api before serving from the saved table. */
  readonly firstTableMs?: number;
}

export interface ProxyRole extends Role {
  /** The routing table as text, for people. */
  routes(): string;
  /** Where the listener that the table has on `port` is really open. */
  portOf(port: number): number | undefined;
}

const FIRST_TABLE_MS = 3_000;
const LISTEN_MS = 2_000;
const LISTEN_STEP_MS = 10;

/**
 * Resolves once it serves, or after a few seconds without the api: then from the saved table or, where there is
 * none, not yet (see `unready`). Never fails for want of an api.
 */
export async function startProxy(
  options: ProxyOptions,
  surroundings: Surroundings,
): Promise<ProxyRole> {
  const { clock, random, metrics } = surroundings;
  const logger = surroundings.logger.child({ component: 'proxy', proxyId: options.id });
  const scope = childScope();
  const file = new TableFile(options.dataDirectory, clock, logger);
  const path: DataPath = new DataPath({
    bindAddress: options.bindAddress,
    clock,
    random,
    logger,
    metrics,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    onTargetChange: (target) => {
      reports.targetChanged(target);
      session.wake();
    },
    sessionUp: () => session.up,
  });
  const reports: Reports = new Reports(options.id, () => path.routing);
  const connection = connect({ addresses: options.api, tls: options.tls });

  const take = (update: RoutingUpdate): void => {
    const { table } = path.routing;
    if (update.snapshot && update.revision < table.records.revision) {
      const { revision } = table.records;
      logger.warn({ revision, offered: update.revision }, 'the api has gone back in time');
    }
    path.swap(updateTable(table, update));
    logger.debug({ revision: update.revision }, 'routing table applied');
  };
  let announceTable: () => void = () => undefined;
  const firstTable = new Promise<void>((resolve) => (announceTable = resolve));
  const session: Session = new Session({
    client: connection.client('Proxies'),
    proxyId: options.id,
    version: options.version,
    reports,
    apply: (update) => {
      take(update);
      file.save(path.routing.table.records);
      announceTable();
      if (!path.serving) path.serve().catch(() => undefined);
    },
    clock,
    random,
    logger,
  });
  const conversation = session.run(scope.signal);
  const failed = conversation.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);

  const patience = options.firstTableMs ?? FIRST_TABLE_MS;
  await withDeadline(firstTable, patience, clock, scope.signal, 'Waiting for the routing table')
    .catch(() => file.load())
    .then((saved) => {
      if (saved === undefined || path.routing.table.records.revision > 0) return;
      logger.warn({ revision: saved.revision }, 'the api is away: serving from the saved table');
      take(saved);
    });
  if (path.routing.table.records.revision > 0) {
    await path.serve();
    const until = clock.monotonic() + LISTEN_MS;
    while (!path.listeners.settled && clock.monotonic() < until) {
      await clock.sleep(LISTEN_STEP_MS, scope.signal);
    }
  }

  return {
    name: 'proxy',
    routes: () => printTable(path.routing.table),
    portOf: (port) => path.listeners.actualPort(port),
    unready: () => {
      if (path.routing.table.records.revision === 0) {
        return `no routing table yet: no api answers at ${options.api.join(', ')}`;
      }
      const problems = path.listeners.problems();
      return problems.length === 0 ? undefined : problems.join('; ');
    },
    stop: async (graceMs) => {
      await path.stop(graceMs);
      scope.abort(new Error('the proxy stops'));
      connection.close();
      await Promise.all([conversation.catch(() => undefined), file.flush()]);
    },
    failed,
  };
}
