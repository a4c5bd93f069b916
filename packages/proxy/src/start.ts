// Starts the proxy role: what serves, in this process or in workers; its session with the api; and the table on disk between them.
import { join } from 'node:path';

import { childScope, withDeadline } from '@berth/control/scope.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { printTable } from '@berth/model/routing/print.ts';
import type { RoutingRecords } from '@berth/model/routing/records.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { grpcTransport, type Transport } from '@berth/rpc/transport.ts';

import type { AccessLogFormat, AccessLogSettings } from './access-log/access-log.ts';
import { controlMetrics } from './control-metrics.ts';
import type { Core, CoreEvents } from './core.ts';
import { LocalCore } from './local-core.ts';
import { movesConnections, ownPorts } from './ports.ts';
import { Reports } from './report.ts';
import { RequestSession } from './request-session.ts';
import { Session } from './session.ts';
import type { ProxySettings } from './settings.ts';
import { type SavedTable, TableFile } from './table-file.ts';
import { Fleet } from './workers/fleet.ts';
import type { WorkerOptions } from './workers/messages.ts';

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
  /** Where the files of `file:NAME` certificates are. */
  readonly certificateDirectory?: string | undefined;
  readonly settings?: Partial<ProxySettings>;
  /** How long to wait for the api before serving from the saved table. */
  readonly firstTableMs?: number;
  /** Processes that requests pass through; 1, the default, is this one. */
  readonly workers?: number;
  /** Of the workers' logs. */
  readonly logLevel?: WorkerOptions['logLevel'];
  /** Others of the same user may listen on the same ports: so that a proxy can begin before the one that it replaces ends. */
  readonly sharePorts?: boolean;
  readonly accessLog?: {
    /** A file, or `stdout`; undefined: only the logs that load balancers ask for. */
    readonly path?: string | undefined;
    readonly format?: AccessLogFormat | undefined;
    /** Where these go. Default: `access-logs` in the data directory. */
    readonly directory?: string | undefined;
  };
}

export interface ProxyRole extends Role {
  /** The routing table as text, for people. */
  routes(): string;
  /** Where the listener that the table has on `port` is really open. */
  portOf(port: number): number | undefined;
  /** Replaces the worker processes one after the other, without breaking a request. Nothing to do without workers. */
  reload(): Promise<void>;
  /** The worker processes that serve. */
  processes(): readonly number[];
}

/** What the proxy does to the world, besides serving. */
export interface ProxyIo extends Pick<Transport, 'connect'> {
  readonly core: (surroundings: Surroundings, events: CoreEvents) => Core;
  readonly table: (surroundings: Surroundings) => TableKeeper;
}

/** Keeps the last routing table for the next start. */
export interface TableKeeper {
  load(): Promise<SavedTable | undefined>;
  save(records: RoutingRecords): void;
  flush(): Promise<void>;
}

function machineIo(options: ProxyOptions): ProxyIo {
  return {
    connect: grpcTransport.connect,
    core: (surroundings, events) => createCore(options, surroundings, events),
    table: ({ clock, logger }) => new TableFile(options.dataDirectory, clock, logger),
  };
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
  io: ProxyIo = machineIo(options),
): Promise<ProxyRole> {
  const { clock, random, metrics } = surroundings;
  const logger = surroundings.logger.child({ component: 'proxy', proxyId: options.id });
  const scope = childScope();
  const file = io.table({ ...surroundings, logger });
  const reports: Reports = new Reports(options.id, () => core);
  const core: Core = io.core(
    { ...surroundings, logger },
    {
      onTargetChange: (target) => {
        reports.targetChanged(target);
        session.wake();
      },
      onApplied: () => session.wake(),
    },
  );
  if (options.sharePorts === true && !movesConnections()) {
    logger.info(
      { next: 'sysctl net.ipv4.tcp_migrate_req=1' },
      'the kernel resets connections that are just being made when a proxy is replaced by another',
    );
  }
  const connection = io.connect({ addresses: options.api, tls: options.tls });
  const client = connection.client('Proxies');
  /** When the table came that it serves by without a session. */
  let savedAt: number | undefined;
  let lostAt: number | undefined;
  const removeMetrics = controlMetrics(metrics, {
    sessionUp: () => session.up,
    staleSince: () => (session.up || !core.serving ? undefined : (savedAt ?? lostAt)),
    applied: () => core.appliedRevision,
  });

  const take = (update: RoutingUpdate): void => {
    const { records } = core.table;
    if (update.snapshot && update.revision < records.revision) {
      const { revision } = records;
      logger.warn({ revision, offered: update.revision }, 'the api has gone back in time');
    }
    core.update(update);
    logger.debug({ revision: update.revision }, 'routing table taken');
  };
  let announceTable: () => void = () => undefined;
  const firstTable = new Promise<void>((resolve) => (announceTable = resolve));
  const session: Session = new Session({
    client,
    proxyId: options.id,
    version: options.version,
    startedAt: clock.now(),
    reports,
    apply: (update) => {
      take(update);
      savedAt = undefined;
      lostAt = undefined;
      file.save(core.table.records);
      announceTable();
      if (!core.serving) core.serve().catch(() => undefined);
    },
    onDown: () => (lostAt ??= clock.now()),
    clock,
    random,
    logger,
  });
  const up = (): boolean => session.up;
  const conversation = session.run(scope.signal);
  const questions = new RequestSession({ client, teller: core, up, clock, random, logger });
  const asking = questions.run(scope.signal).catch(() => undefined);
  const failed = conversation.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);

  const patience = options.firstTableMs ?? FIRST_TABLE_MS;
  await withDeadline(firstTable, patience, clock, scope.signal, 'Waiting for the routing table')
    .catch(() => file.load())
    .then((saved) => {
      if (saved === undefined || core.table.records.revision > 0) return;
      savedAt = saved.savedAt;
      const { revision } = saved.update;
      const since = new Date(saved.savedAt).toISOString();
      logger.warn({ revision, since }, 'the api is away: serving from the saved table');
      take(saved.update);
    });
  if (core.table.records.revision > 0) {
    await core.serve();
    const until = clock.monotonic() + LISTEN_MS;
    while (!core.settled && clock.monotonic() < until) {
      await clock.sleep(LISTEN_STEP_MS, scope.signal);
    }
  }

  return {
    name: 'proxy',
    routes: () => printTable(core.table),
    portOf: (port) => core.actualPort(port),
    reload: () => (core instanceof Fleet ? core.reload() : Promise.resolve()),
    processes: () => (core instanceof Fleet ? core.processes : []),
    unready: () => {
      if (core.table.records.revision === 0) {
        return `no routing table yet: no api answers at ${options.api.join(', ')}`;
      }
      const problems = core.problems();
      return problems.length === 0 ? undefined : problems.join('; ');
    },
    stop: async (graceMs) => {
      await core.stop(graceMs);
      await session.finish();
      scope.abort(new Error('the proxy stops'));
      connection.close();
      removeMetrics();
      await Promise.all([conversation.catch(() => undefined), asking, file.flush()]);
    },
    failed,
  };
}

function createCore(options: ProxyOptions, surroundings: Surroundings, events: CoreEvents): Core {
  const { clock, random, logger, metrics } = surroundings;
  const { id: proxyId, bindAddress, certificateDirectory, settings, workers = 1 } = options;
  const accessLog: AccessLogSettings = {
    path: options.accessLog?.path,
    format: options.accessLog?.format ?? 'alb',
    directory: options.accessLog?.directory ?? join(options.dataDirectory, 'access-logs'),
    node: bindAddress,
  };
  const common = {
    proxyId,
    bindAddress,
    accessLog,
    clock,
    random,
    logger,
    metrics,
    ...(settings === undefined ? {} : { settings }),
    ...(certificateDirectory === undefined ? {} : { certificateDirectory }),
  };
  if (workers > 1) {
    return new Fleet({ ...common, workers, logLevel: options.logLevel ?? 'info' }, events);
  }
  return new LocalCore({ ...common, ports: ownPorts(options.sharePorts) }, events);
}
