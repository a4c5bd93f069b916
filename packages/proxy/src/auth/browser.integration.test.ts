// A real browser logs in: the redirects, cookies and TLS of it are its own.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { TestProxy, startBackEnd, until } from '../testing/data-path.ts';
import { Issuer } from '../testing/issuer.ts';
import { place } from '../testing/secure.ts';

const run = promisify(execFile);

describe('a browser', function () {
  this.timeout(60_000);

  it('logs in at the provider and comes back to the page that it asked for', async () => {
    const issuer = new Issuer();
    issuer.clicks = true;
    await issuer.start();
    const backEnd = await startBackEnd('web', (message, response) => {
      response.setHeader('content-type', 'text/html');
      const who = message.headers['x-amzn-oidc-identity'];
      response.end(`<p>${message.url ?? ''} for ${String(who)}</p>`);
    });
    const proxy = new TestProxy();
    const profile = mkdtempSync(join(tmpdir(), 'berth-browser-'));
    try {
      const oidc = {
        issuer: issuer.url,
        authorizationEndpoint: `${issuer.url}/authorize`,
        tokenEndpoint: `${issuer.url}/token`,
        userInfoEndpoint: `${issuer.url}/userinfo`,
        clientId: issuer.clientId,
        clientSecret: issuer.clientSecret,
        authenticationRequestExtraParams: {},
      };
      await place(proxy, {
        listener: {
          defaultActions: [
            { type: 'authenticate-oidc', authenticateOidc: oidc },
            { type: 'forward', forward: { targetGroups: [{ targetGroupArn: 'web' }] } },
          ],
        },
        targets: [backEnd.port],
        more: { cookieKeys: [{ id: 'k1', key: Buffer.alloc(32, 1) }] },
      });
      await proxy.open();
      await until('the back end is healthy', () => proxy.targets()[0]?.health.state === 'healthy');
      const { stdout } = await run(
        'chromium',
        [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--disable-dev-shm-usage',
          '--ignore-certificate-errors',
          '--virtual-time-budget=20000',
          `--user-data-dir=${profile}`,
          '--dump-dom',
          `https://localhost:${proxy.port}/inbox?folder=1`,
        ],
        { timeout: 50_000 },
      );
      assert.match(stdout, /<p>\/inbox\?folder=1 for ada<\/p>/);
      assert.deepEqual(issuer.asked, ['token code', 'userinfo']);
    } finally {
      await proxy.stop();
      await backEnd.close();
      await issuer.stop();
      rmSync(profile, { recursive: true, force: true });
    }
  });
});
