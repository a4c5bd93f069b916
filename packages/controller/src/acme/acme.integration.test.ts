// Certificates from a real ACME server (pebble), proved over HTTP by what the controller has put into the state.
import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { type Server, createServer } from 'node:http';

import type { Clock } from '@berth/control/clock.ts';
import type { CertificateRecord } from '@berth/model/generated/messages.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardUnchanged } from '@berth/store/record.ts';
import { realClock, silent } from '@berth/store/testing/time.ts';
import { Registry } from 'prom-client';

import { controllerMetrics } from '../metrics.ts';
import { TestCluster } from '../testing.ts';
import type { AcmeContext } from './context.ts';
import { dueAt } from './due.ts';
import { asker } from './https-client.ts';
import { reconcileCertificate } from './reconcile-certificate.ts';
import { type Pebble, freePort, startPebble } from './testing/pebble.ts';

describe('certificates of ACME', function () {
  this.timeout(60_000);
  let pebble: Pebble;
  let web: Server;
  let cluster: TestCluster;
  let context: AcmeContext;
  let skippedMs: number;
  let answerWrongly: boolean;
  const clock: Clock = { ...realClock, now: () => realClock.now() + skippedMs };

  before(async () => {
    const httpPort = await freePort();
    web = createServer((request, response) => {
      const token = request.url?.replace('/.well-known/acme-challenge/', '') ?? '';
      const found = cluster.cache.get(collections.acmeChallenges, token)?.value;
      if (found === undefined) response.writeHead(404).end();
      else response.end(answerWrongly ? 'something else' : found.keyAuthorization);
    }).listen(httpPort, '127.0.0.1');
    pebble = await startPebble({ httpPort, tlsPort: await freePort() });
  });
  after(async () => {
    web.closeAllConnections();
    web.close();
    await pebble.stop();
  });

  beforeEach(async () => {
    skippedMs = 0;
    answerWrongly = false;
    cluster = new TestCluster();
    await cluster.begin();
    const leader = complete('LeaderRecord', { role: 'controller', holder: 'test' });
    await cluster.put(collections.leader, ['controller'], leader);
    const led = cluster.cache.get(collections.leader, 'controller');
    assert.ok(led);
    context = {
      store: cluster.store,
      cache: cluster.cache,
      leadership: { epoch: led.createRevision, guard: guardUnchanged(led), signal: cluster.signal },
      clock,
      logger: silent,
      metrics: controllerMetrics(new Registry(), () => 0),
      sealer: KeyRing.create(),
      askerOf: (authority) => asker(clock, authority, 'berth-test'),
    };
  });
  afterEach(() => cluster.end());

  const listen = (port: number, protocol: 'HTTP' | 'HTTPS'): Promise<void> =>
    cluster.put(
      collections.listeners,
      [`l${port}`],
      complete('ListenerRecord', { id: `l${port}`, port, protocol }),
    );
  const configure = (directoryUrl = pebble.directoryUrl): Promise<void> =>
    cluster.put(
      collections.acme,
      ['settings'],
      complete('AcmeSettingsRecord', {
        directoryUrl,
        authorityPem: pebble.authorityPem,
        email: 'ops@example.com',
        challenge: 'http-01',
      }),
    );
  const ask = async (id: string, ...domainNames: string[]): Promise<void> => {
    const record = { id, source: 'acme', status: 'PENDING_VALIDATION', domainNames } as const;
    await cluster.put(collections.certificates, [id], complete('CertificateRecord', record));
  };
  const certificate = (id: string): CertificateRecord => {
    const found = cluster.cache.get(collections.certificates, id);
    assert.ok(found);
    return found.value;
  };
  const reconcile = (id: string) => reconcileCertificate(id, context, cluster.signal);
  const challenges = (): number => [...cluster.cache.list(collections.acmeChallenges)].length;

  it('proves control of each name, and keeps the certificate with its key sealed', async () => {
    await listen(80, 'HTTP');
    await configure();
    await ask('c1', 'app.example.com', 'www.example.com');
    const { wakeAt } = await reconcile('c1');
    const record = certificate('c1');
    assert.equal(record.status, 'ISSUED', record.statusReason);
    assert.equal(wakeAt, dueAt(record));
    const leaf = new X509Certificate(record.chainPem);
    assert.equal(leaf.subjectAltName, 'DNS:app.example.com, DNS:www.example.com');
    const purpose = keyOf(collections.certificates, 'c1');
    const keyPem = Buffer.from(context.sealer.open(record.sealedKeyPem, purpose)).toString();
    assert.ok(leaf.checkPrivateKey(createPrivateKey(keyPem)));
    assert.equal(record.notAfter, leaf.validToDate.getTime());
    assert.equal(challenges(), 0);
  });

  it('uses one account for all, and renews when a third of the life is left', async () => {
    await listen(80, 'HTTP');
    await configure();
    await ask('c1', 'one.example.com');
    await reconcile('c1');
    await ask('c2', 'two.example.com');
    await reconcile('c2');
    assert.equal([...cluster.cache.list(collections.secrets)].length, 1);
    const first = certificate('c1');
    await reconcile('c1');
    assert.deepEqual(certificate('c1'), first, 'not yet');
    skippedMs = (dueAt(first) ?? 0) - realClock.now() + 1_000;
    await reconcile('c1');
    const second = certificate('c1');
    assert.notEqual(second.chainPem, first.chainPem);
    assert.ok(second.renewedAt !== undefined);
  });

  it('says what the authority found, waits longer each time, and keeps what it has', async () => {
    await listen(80, 'HTTP');
    await configure();
    answerWrongly = true;
    await ask('c1', 'bad.example.com');
    await reconcile('c1');
    const once = certificate('c1');
    assert.equal(once.status, 'PENDING_VALIDATION');
    assert.match(once.statusReason ?? '', /could not verify .*bad\.example\.com/);
    assert.equal(challenges(), 0);
    await reconcile('c1');
    assert.deepEqual(certificate('c1'), once, 'the next attempt is not due');
    skippedMs = (once.nextAttemptAt ?? 0) - realClock.now() + 1;
    const before = clock.now();
    await reconcile('c1');
    const twice = certificate('c1');
    assert.equal(twice.failedAttempts, 2);
    assert.ok((twice.nextAttemptAt ?? 0) - before >= 120_000);
    answerWrongly = false;
    skippedMs += 3_600_000;
    await reconcile('c1');
    assert.equal(certificate('c1').status, 'ISSUED');
    assert.equal(certificate('c1').failedAttempts, 0);
  });

  it('says which listener is missing, and what to do while no authority is set', async () => {
    await ask('c1', 'app.example.com');
    await reconcile('c1');
    assert.match(certificate('c1').statusReason ?? '', /berth acme configure/);
    assert.equal(certificate('c1').failedAttempts, 0);
    await configure();
    await listen(8080, 'HTTP');
    await reconcile('c1');
    assert.match(certificate('c1').statusReason ?? '', /http-01 needs an HTTP listener on port 80/);
  });

  it('reports an authority that can not be reached', async () => {
    await listen(80, 'HTTP');
    await configure('https://localhost:1/dir');
    await ask('c1', 'app.example.com');
    await reconcile('c1');
    assert.match(certificate('c1').statusReason ?? '', /GET https:\/\/localhost:1\/dir failed/);
  });

  it('writes nothing once another leads', async () => {
    await listen(80, 'HTTP');
    await configure();
    await ask('c1', 'app.example.com');
    const other = complete('LeaderRecord', { role: 'controller', holder: 'another' });
    await cluster.put(collections.leader, ['controller'], other);
    const before = certificate('c1');
    await assert.rejects(() => reconcile('c1'));
    assert.deepEqual(certificate('c1'), before);
  });
});
