// Brings one certificate of ACME nearer to being issued, and renews it in time. Whatever happens in between, the record says when the next
// attempt is due, so that neither a failover nor a restart asks an authority too often.
import { X509Certificate } from 'node:crypto';

import type { Verdict } from '@berth/control/reconciler.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError, messageChain } from '@berth/model/errors.ts';
import type {
  AcmeChallengeRecord,
  AcmeSettingsRecord,
  CertificateRecord,
} from '@berth/model/generated/messages.ts';
import { NO_AUTHORITY } from '@berth/model/validation/acme.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { accountKey } from './account.ts';
import { AcmeClient, type Authorization } from './acme-client.ts';
import { KEY_ALGORITHM, requestFor } from './certificate-request.ts';
import { type ChallengeType, chooseChallenge, possibleChallenges } from './challenge-choice.ts';
import type { AcmeContext } from './context.ts';
import { dueAt, retryAfterMs } from './due.ts';

const SETTINGS = 'settings';
/** All of one attempt, the authority's time to look included. */
const ATTEMPT_MS = 5 * 60_000;
/** Proxies are told of a challenge within milliseconds; an authority that looks too early refuses the whole order. */
const SPREAD_MS = 2_000;

interface Issued {
  readonly chainPem: string;
  readonly keyPem: string;
}

/** The certificates that ACME is to bring. */
export function* certificateKeys(state: State): Generator<string, void, undefined> {
  for (const { value } of state.list(collections.certificates)) {
    if (value.source === 'acme') yield value.id;
  }
}

/** @param id of the certificate */
export async function reconcileCertificate(
  id: string,
  context: AcmeContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { cache, clock, logger } = context;
  const found = cache.get(collections.certificates, id);
  const due = found === undefined ? undefined : dueAt(found.value);
  if (found === undefined || due === undefined) return {};
  if (clock.now() < due) return { wakeAt: due };
  const settings = cache.get(collections.acme, SETTINGS)?.value;
  if (settings === undefined) {
    return await waiting(context, found, signal);
  }
  try {
    const attempt = obtain(found.value, settings, context, signal);
    const issued = await withDeadline(
      attempt,
      ATTEMPT_MS,
      clock,
      signal,
      `Getting certificate ${id}`,
    );
    return await succeeded(context, found, issued, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    logger.warn({ err: error, certificate: id }, 'a certificate could not be had this time');
    return await failed(context, found, messageChain(error), signal);
  } finally {
    if (!signal.aborted) await forgetChallenges(context, id, signal);
  }
}

async function obtain(
  certificate: CertificateRecord,
  settings: AcmeSettingsRecord,
  context: AcmeContext,
  signal: AbortSignal,
): Promise<Issued> {
  const { askerOf, cache, clock } = context;
  const { directoryUrl, authorityPem, email } = settings;
  const key = await accountKey(context, directoryUrl, signal);
  if (key === undefined) {
    throw new BerthError(
      'Unavailable',
      'Another controller made the account at the same time; try again.',
    );
  }
  const client = new AcmeClient(askerOf(authorityPem), directoryUrl, key, clock);
  await client.register(email, signal);
  const order = await client.order(certificate.domainNames, signal);
  const listeners = Array.from(cache.list(collections.listeners), ({ value }) => value);
  const possible = possibleChallenges(listeners, settings.challenge);
  for (const url of order.authorizations) {
    const authorization = await client.authorization(url, signal);
    if (authorization.status !== 'valid') {
      await prove(client, authorization, possible, certificate.id, context, signal);
    }
  }
  const { keyPem, request } = await requestFor(certificate.domainNames);
  return { keyPem, chainPem: await client.certificate(order, request, signal) };
}

async function prove(
  client: AcmeClient,
  authorization: Authorization,
  possible: readonly ChallengeType[],
  certificateId: string,
  context: AcmeContext,
  signal: AbortSignal,
): Promise<void> {
  const { domain, url } = authorization;
  const challenge = chooseChallenge(authorization, possible);
  if (challenge === undefined) {
    const offered = authorization.challenges.map(({ type }) => type).join(', ');
    throw new BerthError(
      'ClientException',
      `There is no way to prove control of ${domain}: the authority offers ${offered}; http-01 needs an HTTP listener on port 80, tls-alpn-01 an HTTPS or TLS listener on port 443`,
    );
  }
  const { token, type } = challenge;
  await publish(context, signal, {
    token,
    type,
    domain,
    certificateId,
    keyAuthorization: client.keyAuthorization(token),
    createdAt: context.clock.now(),
  });
  await context.clock.sleep(SPREAD_MS, signal);
  await client.begin(challenge, signal);
  await client.authorized(url, signal);
}

async function publish(
  { store, cache, leadership }: AcmeContext,
  signal: AbortSignal,
  challenge: AcmeChallengeRecord,
): Promise<void> {
  const put = putRecord(collections.acmeChallenges, [challenge.token], challenge);
  const outcome = await store.commit(
    { guards: [leadership.guard], puts: [put], deletes: [] },
    signal,
  );
  if (!outcome.committed) throw new BerthError('NotLeader', 'This controller no longer leads.');
  await cache.reached(outcome.revision, signal);
}

async function forgetChallenges(
  { store, cache, leadership }: AcmeContext,
  certificateId: string,
  signal: AbortSignal,
): Promise<void> {
  const keys = Array.from(cache.list(collections.acmeChallenges))
    .filter(({ value }) => value.certificateId === certificateId)
    .map(({ key }) => key);
  if (keys.length === 0) return;
  await store.commit({ guards: [leadership.guard], puts: [], deletes: keys }, signal);
}

async function succeeded(
  context: AcmeContext,
  found: Stored<CertificateRecord>,
  { chainPem, keyPem }: Issued,
  signal: AbortSignal,
): Promise<Verdict> {
  const { clock, sealer, logger } = context;
  const leaf = new X509Certificate(chainPem);
  const { id, createdAt } = found.value;
  const issued: CertificateRecord = {
    ...found.value,
    status: 'ISSUED',
    statusReason: undefined,
    chainPem,
    sealedKeyPem: sealer.seal(Buffer.from(keyPem), keyOf(collections.certificates, id)),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    keyAlgorithm: KEY_ALGORITHM,
    renewedAt: found.value.status === 'ISSUED' ? clock.now() : createdAt,
    failedAttempts: 0,
    nextAttemptAt: undefined,
  };
  await replaceRecord(context, found, issued, signal);
  logger.info({ certificate: id, domains: issued.domainNames }, 'a certificate was issued');
  return { wakeAt: dueAt(issued) };
}

/** Woken again when there are settings. */
async function waiting(
  context: AcmeContext,
  found: Stored<CertificateRecord>,
  signal: AbortSignal,
): Promise<Verdict> {
  if (found.value.statusReason !== NO_AUTHORITY) {
    await replaceRecord(context, found, { ...found.value, statusReason: NO_AUTHORITY }, signal);
  }
  return {};
}

/** What has been issued before stays in use until it ends. */
async function failed(
  context: AcmeContext,
  found: Stored<CertificateRecord>,
  reason: string,
  signal: AbortSignal,
): Promise<Verdict> {
  const { status, notAfter, failedAttempts } = found.value;
  const now = context.clock.now();
  const failures = failedAttempts + 1;
  const over = status === 'ISSUED' && notAfter <= now;
  const next: CertificateRecord = {
    ...found.value,
    status: over ? 'EXPIRED' : status,
    statusReason: reason,
    failedAttempts: failures,
    nextAttemptAt: now + retryAfterMs(failures),
  };
  await replaceRecord(context, found, next, signal);
  return { wakeAt: next.nextAttemptAt };
}

async function replaceRecord(
  { store, cache, leadership }: AcmeContext,
  found: Stored<CertificateRecord>,
  next: CertificateRecord,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await store.commit(
    {
      guards: [leadership.guard, guardUnchanged(found)],
      puts: [putRecord(collections.certificates, found.parts, next)],
      deletes: [],
    },
    signal,
  );
  await cache.reached(outcome.revision, signal);
  if (!outcome.committed) {
    throw new BerthError(
      'Unavailable',
      `Certificate ${next.id} changed meanwhile; it is looked at again.`,
    );
  }
}
