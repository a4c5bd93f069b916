import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, type TLSSocket, connect } from 'node:tls';

import type {
  AcmeChallenge,
  ListenerRecord,
  MutualAuthentication,
  ServedCertificate,
  TrustStoreRecord,
} from '@berth/model/generated/messages.ts';
import { TLS_POLICIES } from '@berth/model/routing/tls-policies.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock } from '@berth/process/real-clock.ts';
import { Registry } from 'prom-client';

import type { ClientTls } from '../exchange-sides.ts';
import { type Made, certificate, revocationList, subjectOf } from '../testing/certificates.ts';
import { silent, until } from '../testing/basics.ts';
import { rawClient } from '../testing/raw.ts';
import { CertificateStore } from './certificate-store.ts';
import { TlsMetrics } from './metrics.ts';
import { type TlsMaterial, TlsTermination } from './termination.ts';

const arnOf = (name: string): string => `arn:aws:acm:local:000000000000:certificate/${name}`;

interface Seen {
  readonly tls: ClientTls;
  readonly protocol: string | false | null;
}

/** A port that says `hello` over TLS and remembers whom it has spoken to. */
class Port {
  readonly seen: Seen[] = [];
  readonly registry = new Registry();
  readonly store: CertificateStore;
  record: ListenerRecord;
  material: TlsMaterial = { trustStores: new Map(), cookieKeys: [], acmeChallenges: [] };
  port = 0;
  readonly #metrics = new TlsMetrics(this.registry);
  readonly #server: Server;
  readonly termination: TlsTermination;
  #served = new Map<string, ServedCertificate>();

  constructor(directory?: string) {
    this.store = new CertificateStore({ directory, clock: realClock, logger: silent });
    this.termination = new TlsTermination({
      certificates: this.store,
      metrics: this.#metrics,
      clock: realClock,
      logger: silent,
      handshakeTimeoutMs: 300,
    });
    this.record = { ...records.listener(443, records.fixed('200')), protocol: 'HTTPS' };
    this.#server = createServer({ allowHalfOpen: true }, (raw) => {
      raw.on('error', () => undefined);
      this.termination.accept(
        raw,
        this.record,
        this.material,
        ['h2', 'http/1.1'],
        (socket, tls) => {
          this.seen.push({ tls, protocol: socket.alpnProtocol });
          socket.end('hello');
          socket.resume();
        },
      );
    });
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  serve(certificates: Readonly<Record<string, Made>>): void {
    const entries = Object.entries(certificates);
    this.#served = new Map(
      entries.map(([name, made]) => [
        arnOf(name),
        { arn: arnOf(name), chainPem: made.pem, keyPem: made.keyPem },
      ]),
    );
    this.name(entries.map(([name]) => arnOf(name)));
  }

  name(references: readonly string[]): void {
    this.record = {
      ...this.record,
      certificates: references.map((certificateArn) => ({ certificateArn })),
    };
    this.store.apply(this.#served, references);
  }

  with(parts: Partial<ListenerRecord>): void {
    this.record = { ...this.record, ...parts };
  }

  async count(outcome: string): Promise<number> {
    const metric = await this.registry.getSingleMetric('berth_proxy_tls_handshakes_total')?.get();
    return metric?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
  }
}

interface Visit {
  readonly text: string;
  readonly error: string | undefined;
  readonly common: string | undefined;
  readonly session: Buffer | undefined;
  readonly reused: boolean;
}

function visit(port: number, options: ConnectionOptions = {}): Promise<Visit> {
  return new Promise((resolve) => {
    let text = '';
    let error: string | undefined;
    let session: Buffer | undefined;
    let common: string | undefined;
    let reused = false;
    const socket: TLSSocket = connect(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ...options },
      () => {
        common = socket.getPeerCertificate().subject?.CN as string | undefined;
        reused = socket.isSessionReused();
      },
    );
    socket.on('session', (made) => (session = made));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', (wrong: NodeJS.ErrnoException) => (error = wrong.code ?? wrong.message));
    socket.on('close', () => resolve({ text, error, common, session, reused }));
  });
}

/** What a listener says in the clear to such a client. */
async function overheard(port: number, options: ConnectionOptions): Promise<Buffer> {
  const heard: Buffer[] = [];
  const between = createServer((client) => {
    const server = connectTcp(port, '127.0.0.1');
    for (const socket of [client, server]) socket.on('error', () => undefined);
    server.on('data', (chunk) => heard.push(chunk));
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  await visit((between.address() as AddressInfo).port, options);
  between.close();
  return Buffer.concat(heard);
}

describe('TLS termination', () => {
  const closers: (() => void)[] = [];
  let apex: Made;
  let wild: Made;
  before(async () => {
    apex = await certificate({ names: ['example.com', 'www.example.com'] });
    wild = await certificate({ names: ['*.example.com'] });
  });
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function open(directory?: string): Promise<Port> {
    const port = new Port(directory);
    await port.open();
    closers.push(() => port.close());
    return port;
  }

  it('shows the certificate of the name, of a wildcard of one label, else the default one', async () => {
    const port = await open();
    port.serve({ apex, wild });
    const shown = async (servername?: string): Promise<string | undefined> => {
      const { text, common } = await visit(
        port.port,
        servername === undefined ? {} : { servername },
      );
      assert.equal(text, 'hello');
      return common;
    };
    assert.equal(await shown('example.com'), 'example.com');
    assert.equal(await shown('WWW.example.com'), 'example.com');
    assert.equal(await shown('shop.example.com'), '*.example.com');
    assert.equal(await shown('a.shop.example.com'), 'example.com', 'the default one');
    assert.equal(await shown('other.test'), 'example.com');
    assert.equal(await shown(), 'example.com');
    assert.deepEqual(
      port.seen.slice(2, 4).map(({ tls }) => [tls.serverName, tls.certificateArn]),
      [
        ['shop.example.com', arnOf('wild')],
        ['a.shop.example.com', arnOf('apex')],
      ],
    );
    assert.equal(port.seen[0]?.tls.version, 'TLSv1.3');
    assert.equal(port.seen[0]?.tls.cipher, 'TLS_AES_128_GCM_SHA256');
  });

  it('prefers ECDSA, and shows RSA to whom knows no better', async () => {
    const port = await open();
    const rsa = await certificate({ names: ['example.com'], subject: 'CN=rsa', kind: 'rsa' });
    port.serve({ rsa, apex });
    const to = (ciphers?: string): Promise<Visit> =>
      visit(port.port, {
        servername: 'example.com',
        ...(ciphers === undefined ? {} : { ciphers, maxVersion: 'TLSv1.2' }),
      });
    assert.equal((await to()).common, 'example.com');
    assert.equal((await to('ECDHE-RSA-AES128-GCM-SHA256')).common, 'rsa');
    assert.deepEqual(
      port.seen.map(({ tls }) => tls.certificateArn),
      [arnOf('apex'), arnOf('rsa')],
    );
  });

  it('agrees on a protocol by the order of the listener', async () => {
    const port = await open();
    port.serve({ apex });
    await visit(port.port, { ALPNProtocols: ['http/1.1', 'h2'] });
    await visit(port.port, { ALPNProtocols: ['http/1.1'] });
    await visit(port.port);
    assert.deepEqual(
      port.seen.map(({ protocol }) => protocol),
      ['h2', 'http/1.1', false],
    );
    const { error } = await visit(port.port, { ALPNProtocols: ['gopher'] });
    assert.match(error ?? '', /NO_APPLICATION_PROTOCOL/);
  });

  it('knows every policy, and holds clients to the one of the listener', async () => {
    const port = await open();
    port.serve({ rsa: await certificate({ names: ['example.com'], kind: 'rsa' }) });
    for (const { name, protocols } of TLS_POLICIES) {
      port.with({ sslPolicy: name });
      const newest = protocols.at(-1);
      const { text, error } = await visit(port.port, { minVersion: newest, maxVersion: newest });
      assert.equal(text, 'hello', `${name}: ${error ?? ''}`);
    }
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    port.with({ sslPolicy: 'ELBSecurityPolicy-2016-08' });
    assert.equal((await visit(port.port, old)).text, 'hello');
    port.with({ sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' });
    assert.match((await visit(port.port, old)).error ?? '', /PROTOCOL_VERSION/);
    port.with({ sslPolicy: 'ELBSecurityPolicy-TLS13-1-3-2021-06' });
    assert.match(
      (await visit(port.port, { maxVersion: 'TLSv1.2' })).error ?? '',
      /PROTOCOL_VERSION/,
    );
  });

  it('changes certificates for new handshakes without touching connections that stand', async () => {
    const port = await open();
    port.serve({ apex });
    const standing = connect({ port: port.port, host: '127.0.0.1', rejectUnauthorized: false });
    await new Promise<void>((resolve) => standing.once('secureConnect', resolve));
    const next = await certificate({ names: ['example.com'], subject: 'CN=next' });
    port.serve({ apex: next });
    assert.equal((await visit(port.port)).common, 'next');
    const text = await new Promise<string>((resolve) =>
      standing.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    assert.equal(text, 'hello');
    standing.destroy();
  });

  it('reads files again when they change, and stays with the earlier one when they are broken', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-tls-'));
    closers.push(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'site.pem');
    const put = (text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    put(apex.pem + apex.keyPem);
    const port = await open(directory);
    port.name(['file:site']);
    await until('the file is read', () => port.store.version === 1);
    assert.equal((await visit(port.port)).common, 'example.com');
    put(apex.pem + wild.keyPem);
    await port.store.refresh();
    assert.match(port.store.problems().join(), /not that of the certificate; the earlier one/);
    assert.equal((await visit(port.port)).common, 'example.com');
    put(wild.keyPem + wild.pem);
    await port.store.refresh();
    assert.deepEqual(port.store.problems(), []);
    assert.equal((await visit(port.port)).common, '*.example.com');
    port.name(['file:../site', 'file:none']);
    await port.store.refresh();
    assert.equal(port.store.problems().length, 2);
    assert.equal((await visit(port.port)).text, '', 'nothing to show');
    assert.match(port.termination.problem ?? '', /none of its certificates is there/);
    assert.equal(await port.count('no_certificate'), 1);
  });

  it('resumes sessions at any process that has the same keys, and at no other', async () => {
    const [one, two] = [await open(), await open()];
    const cookieKeys = [{ id: 'k1', key: new Uint8Array(32).fill(7) }];
    for (const port of [one, two]) {
      port.serve({ apex, wild });
      port.material = { ...port.material, cookieKeys };
    }
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await visit(one.port, { maxVersion, servername: 'shop.example.com' });
      assert.ok(first.session);
      const again = { maxVersion, servername: 'shop.example.com', session: first.session };
      assert.equal((await visit(two.port, again)).reused, true, maxVersion);
      assert.equal(two.seen.at(-1)?.tls.certificateArn, 'session-reused');
      two.material = {
        ...two.material,
        cookieKeys: [{ id: 'k2', key: new Uint8Array(32).fill(8) }],
      };
      assert.equal((await visit(two.port, again)).reused, false, maxVersion);
      two.material = { ...two.material, cookieKeys };
    }
    assert.equal(await two.count('resumed'), 2);
  });

  it('answers plain HTTP, gives up on silence and on noise', async () => {
    const port = await open();
    port.serve({ apex });
    const text = await rawClient(port.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').answer();
    assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n[^]*This port speaks HTTPS/);
    const [head = '', body = ''] = text.split('\r\n\r\n');
    assert.equal(Number(/Content-Length: ([0-9]+)/.exec(head)?.[1]), body.length);
    await rawClient(port.port, '\x00\x01\x02 noise that is no TLS at all').answer();
    await rawClient(port.port).answer();
    assert.equal(await port.count('plain_http'), 1);
    assert.equal(await port.count('failed'), 1);
    assert.equal(await port.count('timeout'), 1);
    assert.equal((await visit(port.port)).text, 'hello');
  });

  describe('with client certificates', () => {
    let authority: Made;
    let middle: Made;
    let client: Made;
    let expired: Made;
    let strange: Made;
    before(async () => {
      authority = await certificate({ subject: 'CN=Root, O=Test', authority: true });
      middle = await certificate({ subject: 'CN=Middle', authority: true, issuer: authority });
      const purposes = ['1.3.6.1.5.5.7.3.2'];
      client = await certificate({ subject: 'CN=Zoë, O=A', issuer: middle, purposes });
      expired = await certificate({ issuer: middle, purposes, fromDays: -10, days: -5 });
      strange = await certificate({ purposes, fromDays: -10, days: -5 });
    });

    async function guarded(
      mutual: Partial<MutualAuthentication>,
      revocationsPem: readonly string[] = [],
    ): Promise<Port> {
      const port = await open();
      port.serve({ apex });
      const store: TrustStoreRecord = {
        name: 'staff',
        id: '0123456789abcdef',
        bundlePem: authority.pem,
        revocationsPem: [...revocationsPem],
        createdAt: 1,
        tags: [],
      };
      port.material = { ...port.material, trustStores: new Map([['staff', store]]) };
      port.with({ mutualAuthentication: { mode: 'verify', trustStore: 'staff', ...mutual } });
      return port;
    }
    const as = (made: Made): ConnectionOptions => ({
      cert: made.pem + middle.pem,
      key: made.keyPem,
    });
    const headers = (port: Port): Record<string, string> =>
      Object.fromEntries(port.seen.at(-1)?.tls.identityHeaders ?? []);

    it('tells targets who the client is', async () => {
      const port = await guarded({});
      assert.equal((await visit(port.port, as(client))).text, 'hello');
      const told = headers(port);
      assert.equal(told['X-Amzn-Mtls-Clientcert-Serial-Number'], client.serial.toUpperCase());
      assert.equal(told['X-Amzn-Mtls-Clientcert-Issuer'], 'CN=Middle');
      assert.equal(told['X-Amzn-Mtls-Clientcert-Subject'], 'O=A,CN=Zo\\C3\\AB');
      assert.match(
        told['X-Amzn-Mtls-Clientcert-Validity'] ?? '',
        /^NotBefore=[0-9T:-]+Z;NotAfter=[0-9T:-]+Z$/,
      );
      const leaf = decodeURIComponent(told['X-Amzn-Mtls-Clientcert-Leaf'] ?? '');
      assert.equal(leaf.trim(), client.pem.trim());
    });

    it('refuses who shows none, one of others, or one that is too old', async () => {
      const port = await guarded({});
      for (const options of [{}, as(strange), as(expired)]) {
        assert.equal((await visit(port.port, options)).text, '');
      }
      assert.equal(port.seen.length, 0);
      assert.equal(await port.count('client_refused'), 3);
    });

    it('overlooks age where the listener says so, and nothing else', async () => {
      const port = await guarded({ ignoreClientCertificateExpiry: true });
      assert.equal((await visit(port.port, as(expired))).text, 'hello');
      assert.equal((await visit(port.port, as(strange))).text, '');
      assert.equal((await visit(port.port)).text, '');
    });

    it('refuses what has been revoked, at any place of the chain', async () => {
      const leafGone = await guarded({}, [await revocationList(middle, [client])]);
      assert.equal((await visit(leafGone.port, as(client))).text, '');
      const middleGone = await guarded({}, [await revocationList(authority, [middle])]);
      assert.equal((await visit(middleGone.port, as(client))).text, '');
      const otherGone = await guarded({}, [await revocationList(middle, [expired])]);
      assert.equal((await visit(otherGone.port, as(client))).text, 'hello');
    });

    it('believes a list of revoked certificates of its signer only', async () => {
      const forged = await guarded({}, [await revocationList(middle, [], strange)]);
      assert.equal((await visit(forged.port, as(client))).text, '');
      const ofRsa = await certificate({ subject: 'CN=RSA', authority: true, kind: 'rsa' });
      const mixed = await guarded({}, [await revocationList(middle, [], ofRsa)]);
      assert.equal((await visit(mixed.port, as(client))).text, '');
      const ofOthers = await guarded({}, [await revocationList(ofRsa, [client])]);
      assert.equal((await visit(ofOthers.port, as(client))).text, 'hello');
    });

    it('takes lists that RSA keys have signed', async () => {
      const rsa = await certificate({ subject: 'CN=Authority', authority: true, kind: 'rsa' });
      const gone = await certificate({ issuer: rsa });
      const store = { name: 'staff', id: '0', createdAt: 1, tags: [], bundlePem: rsa.pem };
      for (const [revoked, text] of [
        [[gone], ''],
        [[], 'hello'],
      ] as const) {
        const port = await guarded({});
        const revocationsPem = [await revocationList(rsa, revoked)];
        const trustStores = new Map([['staff', { ...store, revocationsPem }]]);
        port.material = { ...port.material, trustStores };
        const shown = { cert: gone.pem, key: gone.keyPem };
        assert.equal((await visit(port.port, shown)).text, text);
      }
    });

    it('tells clients the names of authorities where the listener says so', async () => {
      const name = subjectOf(authority);
      for (const advertiseTrustStoreCaNames of ['on', 'off'] as const) {
        const port = await guarded({ advertiseTrustStoreCaNames });
        const told = await overheard(port.port, { ...as(client), maxVersion: 'TLSv1.2' });
        assert.equal(told.includes(name), advertiseTrustStoreCaNames === 'on');
        for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
          assert.equal((await visit(port.port, { ...as(client), maxVersion })).text, 'hello');
          assert.equal((await visit(port.port, { ...as(strange), maxVersion })).text, '');
        }
        assert.equal(headers(port)['X-Amzn-Mtls-Clientcert-Issuer'], 'CN=Middle');
      }
    });

    it('passes the chain through unseen in that mode', async () => {
      const port = await guarded({ mode: 'passthrough' });
      assert.equal((await visit(port.port, as(strange))).text, 'hello');
      const chain = decodeURIComponent(headers(port)['X-Amzn-Mtls-Clientcert'] ?? '');
      assert.ok(chain.includes(strange.pem.trim()));
      assert.equal((await visit(port.port)).text, 'hello');
      assert.deepEqual(headers(port), {});
    });

    it('serves nobody while the trust store is missing', async () => {
      const port = await guarded({ trustStore: 'elsewhere' });
      assert.equal((await visit(port.port, as(client))).text, '');
      assert.match(port.termination.problem ?? '', /no trust store elsewhere/);
    });
  });

  it('proves a domain to an ACME server and serves others meanwhile', async () => {
    const port = await open();
    port.serve({ apex });
    const challenge: AcmeChallenge = {
      domain: 'new.example.org',
      type: 'tls-alpn-01',
      token: 't',
      keyAuthorization: 't.thumb',
    };
    port.material = { ...port.material, acmeChallenges: [challenge] };
    const socket = connect({
      port: port.port,
      host: '127.0.0.1',
      servername: 'new.example.org',
      ALPNProtocols: ['acme-tls/1'],
      rejectUnauthorized: false,
    });
    await new Promise<void>((resolve) => socket.once('secureConnect', resolve));
    assert.equal(socket.alpnProtocol, 'acme-tls/1');
    const shown = socket.getPeerCertificate();
    assert.equal(shown.subjectaltname, 'DNS:new.example.org');
    assert.ok(
      shown.raw.includes(
        Buffer.from('06082b06010505070 11f0101ff0422 0420'.replaceAll(' ', ''), 'hex'),
      ),
    );
    socket.end();
    assert.equal((await visit(port.port, { servername: 'new.example.org' })).text, 'hello');
    const { error } = await visit(port.port, {
      servername: 'other.example.org',
      ALPNProtocols: ['acme-tls/1'],
    });
    assert.match(error ?? '', /NO_APPLICATION_PROTOCOL/);
    assert.equal(await port.count('acme'), 1);
  });

  it('survives clients that leave at any moment of the handshake', async () => {
    const port = await open();
    port.serve({ apex });
    for (const cut of [1, 5, 50]) {
      const socket = connectTcp(port.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      socket.write(
        Buffer.from('16030100c8010000c40303'.padEnd(cut * 2, '0').slice(0, cut * 2), 'hex'),
      );
      socket.resetAndDestroy();
    }
    assert.equal((await visit(port.port)).text, 'hello');
  });
});
