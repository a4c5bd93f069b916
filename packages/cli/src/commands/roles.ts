// The commands that run roles: each checks its configuration, then runs until it is asked to end.
import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';

import { startAgent } from '@berth/agent/start.ts';
import { startApi } from '@berth/api/start.ts';
import { startController } from '@berth/controller/start.ts';
import { readKeyRing } from '@berth/process/key-ring-file.ts';
import { version } from '@berth/process/version.ts';
import { startProxy } from '@berth/proxy/start.ts';
import { identityOf } from '@berth/rpc/identity.ts';
import { startScheduler } from '@berth/scheduler/start.ts';

import { readIdentity } from '../connection.ts';
import type { Context, Handler, Handlers } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { say } from '../output/terminal.ts';
import { auditConfig, startAudit } from '../roles/audit.ts';
import {
  apiAddresses,
  lossConfig,
  machineAddress,
  machineName,
  gpuSettings,
  portRange,
  processConfig,
  dnsSuffix,
  eventConfig,
  realmConfig,
  refuseUnknownVariables,
  secretsKeyPath,
  serveConfig,
  storeConfig,
} from '../roles/config.ts';
import { claimHostId } from '../roles/host-id.ts';
import { proxyConfig, withReload } from '../roles/proxy.ts';
import { apiStarts, awsConfig } from '../roles/aws.ts';
import { type Start, runProcess, stateRole } from '../roles/run.ts';

const holder = (): string => `${hostname()}:${process.pid}`;

/** A role's configuration, checked before anything starts, and how to start it from that. */
interface Plan {
  readonly config: object;
  readonly starts: readonly Start[];
}

function role(name: string, plan: (flags: Flags, tlsDirectory: string) => Plan): Handler {
  return async (context: Context) => {
    const { flags, terminal, environment } = context;
    refuseUnknownVariables(environment);
    const config = processConfig(flags);
    const planned = plan(flags, config.tlsDirectory);
    if (flags.on('check-config')) {
      say(terminal, JSON.stringify({ ...config, ...planned.config }, undefined, 2));
      return exitCodes.ok;
    }
    return await runProcess(name, config, planned.starts);
  };
}

export const handlers: Handlers = {
  server: role('server', (flags, tlsDirectory) => {
    const [store, serve, realm] = [
      storeConfig(flags),
      serveConfig(flags, 7400),
      realmConfig(flags),
    ];
    const scheduler = serveConfig(flags, 7401, 'scheduler-');
    const suffix = dnsSuffix(flags);
    const secretsKey = secretsKeyPath(flags, tlsDirectory);
    const audit = auditConfig(flags);
    const aws = awsConfig(flags);
    const loss = lossConfig(flags);
    const events = eventConfig(flags);
    const state = stateRole(store, tlsDirectory);
    return {
      config: {
        ...store,
        ...serve,
        scheduler,
        realm,
        dnsSuffix: suffix,
        ...loss,
        ...events,
        secretsKey,
        ...audit,
        ...aws,
      },
      starts: [
        state.start,
        ...apiStarts(
          ({ surroundings }) =>
            startApi(
              {
                ...serve,
                realm,
                dnsSuffix: suffix,
                version,
                sealer: readKeyRing(secretsKey),
                audit: startAudit(audit, surroundings.logger),
                ...shared(state, store.leaseSeconds, tlsDirectory),
              },
              surroundings,
            ),
          aws,
          realm,
        ),
        ({ surroundings }) =>
          startScheduler(
            { ...scheduler, ...shared(state, store.leaderLeaseSeconds, tlsDirectory) },
            surroundings,
          ),
        ({ surroundings }) =>
          startController(
            {
              ...loss,
              ...events,
              realm,
              holder: holder(),
              sealer: readKeyRing(secretsKey),
              ...shared(state, store.leaderLeaseSeconds, tlsDirectory),
            },
            surroundings,
          ),
      ],
    };
  }),

  api: role('api', (flags, tlsDirectory) => {
    const [store, serve, realm] = [
      storeConfig(flags),
      serveConfig(flags, 7400),
      realmConfig(flags),
    ];
    const suffix = dnsSuffix(flags);
    const secretsKey = secretsKeyPath(flags, tlsDirectory);
    const audit = auditConfig(flags);
    const aws = awsConfig(flags);
    const state = stateRole(store, tlsDirectory);
    return {
      config: { ...store, ...serve, realm, dnsSuffix: suffix, secretsKey, ...audit, ...aws },
      starts: [
        state.start,
        ...apiStarts(
          ({ surroundings }) =>
            startApi(
              {
                ...serve,
                realm,
                dnsSuffix: suffix,
                version,
                sealer: readKeyRing(secretsKey),
                audit: startAudit(audit, surroundings.logger),
                ...shared(state, store.leaseSeconds, tlsDirectory),
              },
              surroundings,
            ),
          aws,
          realm,
        ),
      ],
    };
  }),

  scheduler: role('scheduler', (flags, tlsDirectory) => {
    const [store, serve] = [storeConfig(flags), serveConfig(flags, 7401)];
    const state = stateRole(store, tlsDirectory);
    return {
      config: { ...store, ...serve },
      starts: [
        state.start,
        ({ surroundings }) =>
          startScheduler(
            { ...serve, ...shared(state, store.leaderLeaseSeconds, tlsDirectory) },
            surroundings,
          ),
      ],
    };
  }),

  controller: role('controller', (flags, tlsDirectory) => {
    const [store, loss, realm] = [storeConfig(flags), lossConfig(flags), realmConfig(flags)];
    const events = eventConfig(flags);
    const secretsKey = secretsKeyPath(flags, tlsDirectory);
    const state = stateRole(store, tlsDirectory);
    return {
      config: { ...store, ...loss, realm, ...events, secretsKey },
      starts: [
        state.start,
        ({ surroundings }) =>
          startController(
            {
              ...loss,
              ...events,
              realm,
              holder: holder(),
              sealer: readKeyRing(secretsKey),
              ...shared(state, store.leaderLeaseSeconds, tlsDirectory),
            },
            surroundings,
          ),
      ],
    };
  }),

  agent: role('agent', (flags, tlsDirectory) => {
    const config = {
      api: apiAddresses(flags),
      cluster: flags.text('cluster') ?? 'default',
      name: flags.text('name') ?? machineName(),
      address: flags.text('address') ?? machineAddress(),
      dataDirectory: flags.text('data-dir') ?? '/var/lib/berth/agent',
      dockerHost: flags.text('docker') ?? 'unix:///var/run/docker.sock',
      portRange: portRange(flags),
      attributes: flags.pairs('attribute').map(({ key, value }) => ({ name: key, value })),
      gpus: gpuSettings(flags),
    };
    return {
      config,
      starts: [
        async ({ surroundings }) => {
          const tls = readIdentity(tlsDirectory, 'host');
          claimHostId(config.dataDirectory, nameIn(tls.certificate, 'host', tlsDirectory));
          return await startAgent({ ...config, tls, stopTasksOnExit: false }, surroundings);
        },
      ],
    };
  }),

  proxy: role('proxy', (flags, tlsDirectory) => {
    const config = proxyConfig(flags);
    const { logLevel } = processConfig(flags);
    return {
      config: { ...config, version, id: flags.text('id') },
      starts: [
        async ({ surroundings }) => {
          const tls = readIdentity(tlsDirectory, 'proxy');
          const id = flags.text('id') ?? nameIn(tls.certificate, 'proxy', tlsDirectory);
          const options = { ...config, id, tls, version, logLevel };
          const proxy = await startProxy(options, surroundings);
          return withReload(proxy, config.dataDirectory, surroundings);
        },
      ],
    };
  }),
};

/** What every role of the control plane is given. */
function shared(state: ReturnType<typeof stateRole>, leaseSeconds: number, tlsDirectory: string) {
  const { store, cache } = state.opened();
  return { tls: readIdentity(tlsDirectory, 'control'), store, cache, leaseSeconds };
}

/** Whom a certificate names. @throws CommandError when it is for another role */
function nameIn(pem: string, role: 'host' | 'proxy', directory: string): string {
  const identity = identityOf(new X509Certificate(pem).subjectAltName ?? '');
  if (identity.role === role) return identity.name;
  throw new CommandError(
    exitCodes.refused,
    `${directory}/${role}.crt names ${identity.role}/${identity.name}, expected a ${role}`,
    { next: `berth certificate issue ${role} NAME --tls-dir ${directory}` },
  );
}
