// From "this name, please" to HTTPS that a client can verify: a real ACME server looks at a real proxy, which the real control plane has
// told what to answer. Listeners are on an address of loopback of their own, on the ports where an authority looks.
import { realClock } from '@berth/process/real-clock.ts';
import { complete } from '@berth/rpc/codec.ts';
import { type Pebble, startPebble } from '@berth/controller/acme/testing/pebble.ts';
import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';

import { type ControlPlane, setupCall, startControlPlane } from './control-plane.ts';

const ADDRESS = '127.0.80.43';
const NAME = 'shop.example.com';

describe('certificates of ACME, through the proxy', function () {
  this.timeout(90_000);
  let plane: ControlPlane;
  let pebble: Pebble;

  before(async () => {
    pebble = await startPebble({ httpPort: 80, tlsPort: 443, address: ADDRESS });
    plane = await startControlPlane();
    await plane.proxy(ADDRESS);
  });
  after(async () => {
    await plane.stop();
    await pebble.stop();
  });

  const configure = (challenge: 'http-01' | 'tls-alpn-01') =>
    plane.balancing.PutAcmeSettings(
      complete('PutAcmeSettingsRequest', {
        directoryUrl: pebble.directoryUrl,
        authorityPem: pebble.authorityPem,
        challenge,
        agreeToTerms: true,
      }),
      setupCall(),
    );
  const listen = (port: number, protocol: 'HTTP' | 'HTTPS', certificateArn?: string) =>
    plane.balancing.CreateListener(
      complete('CreateListenerRequest', {
        port,
        protocol,
        certificates: certificateArn === undefined ? [] : [{ certificateArn }],
        defaultActions: [
          { type: 'fixed-response', fixedResponse: { statusCode: '200', messageBody: 'open' } },
        ],
      }),
      setupCall(),
    );
  const issued = async (domainName: string): Promise<string> => {
    const asked = complete('RequestCertificateRequest', { domainNames: [domainName] });
    const { certificate } = await plane.balancing.RequestCertificate(asked, setupCall());
    const arn = certificate?.certificateArn ?? '';
    const described = complete('DescribeCertificatesRequest', { certificates: [arn] });
    for (let look = 0; look < 300; look += 1) {
      const { certificates } = await plane.balancing.DescribeCertificates(described, setupCall());
      const [now] = certificates ?? [];
      if (now?.status === 'ISSUED') return arn;
      if ((now?.statusReason ?? '') !== '') assert.fail(now?.statusReason);
      await realClock.sleep(100, new AbortController().signal);
    }
    assert.fail('the certificate was not issued within 30 s');
  };
  const shown = (servername: string): Promise<X509Certificate | undefined> =>
    new Promise((resolve) => {
      const options = { host: ADDRESS, port: 443, servername, rejectUnauthorized: false };
      const socket = connect(options, () => {
        resolve(socket.getPeerX509Certificate());
        socket.destroy();
      });
      socket.on('error', () => resolve(undefined));
    });
  const serves = async (name: string): Promise<void> => {
    for (let look = 0; look < 100; look += 1) {
      const certificate = await shown(name);
      if (certificate?.subjectAltName?.includes(`DNS:${name}`) === true) return;
      await realClock.sleep(50, new AbortController().signal);
    }
    assert.fail(`no certificate of ${name} is served on ${ADDRESS}:443`);
  };

  it('are issued over http-01 and served', async () => {
    await listen(80, 'HTTP');
    await configure('http-01');
    await listen(443, 'HTTPS', await issued(NAME));
    await serves(NAME);
  });

  it('are issued over tls-alpn-01 and served beside the first', async () => {
    await configure('tls-alpn-01');
    const certificateArn = await issued('cart.example.com');
    const { listeners } = await plane.balancing.DescribeListeners(
      complete('DescribeListenersRequest', {}),
      setupCall(),
    );
    const https = (listeners ?? []).find(({ port }) => port === 443);
    await plane.balancing.AddListenerCertificates(
      complete('AddListenerCertificatesRequest', {
        listener: https?.listenerArn ?? '',
        certificates: [{ certificateArn }],
      }),
      setupCall(),
    );
    await serves('cart.example.com');
    await serves(NAME);
  });
});
