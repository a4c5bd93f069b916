// Starts the AWS endpoint: the wire protocols of ECS and its companions over the operations of the api in the same process.
import { LATENCY_BUCKETS } from '@berth/process/metrics.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { CallContext, Handlers } from '@berth/rpc/api.ts';
import { Counter, Histogram, type Registry } from 'prom-client';

import { ecsService } from './services/ecs.ts';
import { elbv2Service } from './services/elbv2/service.ts';
import { iamService } from './services/iam.ts';
import { logGroupsService } from './services/log-groups.ts';
import { networkService } from './services/network.ts';
import { scalingService } from './services/scaling.ts';
import { stsService } from './services/sts.ts';
import { SigningKeys } from './sigv4/signing-keys.ts';
import { AlertmanagerHook } from './webhooks/alertmanager.ts';
import { type AccessDoor, Dispatcher, type DispatcherDeps } from './wire/dispatch.ts';
import { startHttpServer, type HttpServerOptions } from './wire/http-server.ts';

export interface AwsOptions extends Pick<HttpServerOptions, 'listen' | 'tls'> {
  readonly realm: Realm;
  /** The api's own, which decide who may call them. */
  readonly handlers: {
    readonly Ecs: Handlers<'Ecs'>;
    readonly LoadBalancing: Handlers<'LoadBalancing'>;
    readonly Scaling: Handlers<'Scaling'>;
    readonly Access: Handlers<'Access'>;
    readonly LogGroups: Handlers<'LogGroups'>;
    readonly Operations: Pick<Handlers<'Operations'>, 'SetAlarmStates'>;
  };
  readonly access: AccessDoor;
}

/** Resolves when it serves. @throws BerthError Unavailable when the address can't be had */
export async function startAws(
  options: AwsOptions,
  surroundings: Surroundings,
): Promise<Role & { readonly address: string }> {
  const { clock, metrics } = surroundings;
  const handled = new WeakSet<CallContext>();
  const handlers = noting(options.handlers, handled);
  const logger = surroundings.logger.child({ component: 'aws' });
  const dispatcher = new Dispatcher({
    services: [
      ecsService(handlers.Ecs),
      elbv2Service(handlers.LoadBalancing),
      scalingService(handlers.Scaling),
      stsService(handlers.Access),
      iamService(handlers.Access),
      logGroupsService(handlers.LogGroups),
      networkService(options.realm, options.access),
    ],
    access: options.access,
    handled: (call) => handled.has(call),
    region: options.realm.region,
    clock,
    keys: new SigningKeys(),
    logger,
    onCall: callMetrics(metrics),
  });
  const alertmanager = new AlertmanagerHook({
    handlers: handlers.Operations,
    access: options.access,
    logger,
  });
  const server = await startHttpServer({
    listen: options.listen,
    tls: options.tls,
    clock,
    answer: (request) =>
      alertmanager.isFor(request) ? alertmanager.answer(request) : dispatcher.answer(request),
  });
  logger.info({ address: server.address }, 'the AWS endpoint is served');
  let stopping = false;
  return {
    name: 'aws',
    address: server.address,
    failed: new Promise<never>(() => undefined),
    unready: () => (stopping ? 'stopping' : undefined),
    stop: (graceMs) => {
      stopping = true;
      return server.stop(graceMs);
    },
  };
}

type AnyHandler = (request: unknown, call: CallContext) => unknown;

/** The same handlers, noting which calls have come to them: those are in the audit log by their doing. */
function noting<H extends object>(services: H, handled: WeakSet<CallContext>): H {
  const all = Object.entries(services).map(([service, handlers]) => [
    service,
    Object.fromEntries(
      Object.entries(handlers as Record<string, AnyHandler>).map(([name, handler]) => [
        name,
        (request: unknown, call: CallContext) => {
          handled.add(call);
          return handler(request, call);
        },
      ]),
    ),
  ]);
  return Object.fromEntries(all) as H;
}

function callMetrics(registry: Registry): DispatcherDeps['onCall'] {
  const calls = new Counter({
    name: 'berth_aws_calls_total',
    help: 'Calls of the AWS endpoint answered, by service, operation and code; operations that are not served count as none.',
    labelNames: ['service', 'operation', 'code'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'berth_aws_call_duration_seconds',
    help: 'Time from a whole request to its answer.',
    labelNames: ['service', 'operation'],
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  return (service, operation, code, seconds) => {
    calls.inc({ service, operation, code });
    duration.observe({ service, operation }, seconds);
  };
}
