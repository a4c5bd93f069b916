// Certificates of ACME from the command line: what is asked of the api, and how waiting ends.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Certificate } from '@berth/model/generated/messages.ts';
import { createAuthority } from '@berth/rpc/authority.ts';
import { complete } from '@berth/rpc/codec.ts';
import { realClock } from '@berth/store/testing/time.ts';

import { CommandError, exitCodes } from '../failure.ts';
import { UsageError } from '../table/parse.mjs';
import { type TestTerminal, testContext } from '../testing/context.ts';
import { handlers as acme } from './acme.ts';
import { handlers as tlsCertificate } from './tls-certificate.ts';

const handlers = { ...acme, ...tlsCertificate };
const DIRECTORY = 'https://acme.example/directory';
const ARN = 'arn:aws:acm:us-east-1:0:certificate/77aa';

const certificate = (partial: Partial<Certificate>): Certificate =>
  complete('Certificate', {
    certificateArn: ARN,
    certificateId: '77aa',
    source: 'acme',
    status: 'PENDING_VALIDATION',
    domainNames: ['app.example.com'],
    ...partial,
  });

/** @param states of the certificate, one for each look at it; the last one stays */
function fakeApi(states: readonly Certificate[] = []) {
  const asked: (readonly [string, unknown])[] = [];
  let look = 0;
  const keep =
    (name: string, answer: () => object) =>
    (request: unknown): Promise<object> => {
      asked.push([name, request]);
      return Promise.resolve(answer());
    };
  const loadBalancing = {
    RequestCertificate: keep('RequestCertificate', () => ({ certificate: states[0] })),
    DescribeCertificates: keep('DescribeCertificates', () => {
      look = Math.min(look + 1, states.length - 1);
      return { certificates: [states[look]] };
    }),
    PutAcmeSettings: keep('PutAcmeSettings', () => ({})),
    DescribeAcmeSettings: keep('DescribeAcmeSettings', () => ({})),
  };
  return { asked, loadBalancing };
}

type FakeApi = ReturnType<typeof fakeApi>;

/** Time passes only while the command sleeps. */
async function run(api: FakeApi, args: readonly string[]): Promise<TestTerminal> {
  const context = testContext(args, api);
  let now = 0;
  const clock = {
    ...context.clock,
    now: () => now,
    monotonic: () => now,
    sleep: (ms: number) => {
      now += ms;
      return Promise.resolve();
    },
  };
  await handlers[args.slice(0, 2).join(' ')]?.({ ...context, clock });
  return context.terminal;
}

describe('berth acme', () => {
  it('sets the authority', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-acme-'));
    try {
      const authorityPem = (await createAuthority(realClock.now())).certificate;
      const file = join(folder, 'authority.pem');
      writeFileSync(file, authorityPem);
      const api = fakeApi();
      const args = [
        '--email',
        'ops@example.com',
        '--authority',
        file,
        '--challenge',
        'tls-alpn-01',
      ];
      const terminal = await run(api, [
        'acme',
        'configure',
        '--directory',
        DIRECTORY,
        '--agree-to-terms',
        ...args,
      ]);
      assert.match(terminal.output(), /asked for at https:/);
      assert.deepEqual(api.asked, [
        [
          'PutAcmeSettings',
          {
            directoryUrl: DIRECTORY,
            email: 'ops@example.com',
            authorityPem,
            challenge: 'tls-alpn-01',
            agreeToTerms: true,
          },
        ],
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('asks for nothing without consent to the terms, a directory, or a challenge that there is', async () => {
    const api = fakeApi();
    const refused = (args: readonly string[], says: RegExp): Promise<void> =>
      assert.rejects(
        run(api, ['acme', 'configure', ...args]),
        (error) => error instanceof UsageError && says.test(error.message),
      );
    await refused(['--directory', DIRECTORY], /--agree-to-terms/);
    await refused(['--agree-to-terms'], /--directory URL/);
    await refused(
      ['--directory', DIRECTORY, '--agree-to-terms', '--challenge', 'dns-01'],
      /one of http-01, tls-alpn-01/,
    );
    assert.deepEqual(api.asked, []);
  });

  it('says how to set an authority where there is none', async () => {
    await assert.rejects(
      run(fakeApi(), ['acme', 'show']),
      (error) => error instanceof CommandError && error.next === 'berth acme configure --help',
    );
  });
});

describe('berth tls-certificate request', () => {
  const request = ['tls-certificate', 'request', 'app.example.com'];

  it('returns at once, and says what it waits for', async () => {
    const api = fakeApi([certificate({ statusReason: 'No certificate authority is set.' })]);
    const terminal = await run(api, [...request, 'www.example.com', '--tag', 'a=b']);
    assert.equal(
      terminal.output(),
      `requested a certificate for app.example.com, www.example.com\n${ARN}\n`,
    );
    assert.deepEqual(terminal.complaints(), ['it waits: No certificate authority is set.']);
    assert.deepEqual(api.asked, [
      [
        'RequestCertificate',
        {
          domainNames: ['app.example.com', 'www.example.com'],
          tags: [{ key: 'a', value: 'b' }],
        },
      ],
    ]);
  });

  it('waits until it is issued', async () => {
    const waiting = certificate({});
    const api = fakeApi([waiting, waiting, waiting, certificate({ status: 'ISSUED' })]);
    const terminal = await run(api, [...request, '--wait']);
    assert.equal(terminal.output(), `issued for app.example.com\n${ARN}\n`);
    assert.equal(api.asked.length, 4);
  });

  const fails = (api: FakeApi, says: RegExp): Promise<void> =>
    assert.rejects(
      run(api, [...request, '--wait', '--timeout', '5s']),
      (error) =>
        error instanceof CommandError &&
        error.exitCode === exitCodes.failed &&
        error.next === 'berth tls-certificate show 77aa' &&
        says.test(error.message),
    );

  it('ends with the reason of the first attempt that failed', async () => {
    const failed = certificate({ statusReason: 'Connection refused', failedAttempts: 1 });
    await fails(fakeApi([certificate({}), certificate({}), failed]), /Connection refused/);
  });

  it('ends after --timeout', async () => {
    await fails(fakeApi([certificate({})]), /not there after 5.0 s/);
  });
});
