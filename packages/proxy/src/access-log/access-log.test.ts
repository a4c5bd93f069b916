import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { realClock } from '@berth/process/real-clock.ts';

import { silent } from '../testing/basics.ts';
import { type SummaryParts, summaryOf } from '../testing/summary.ts';
import { AccessLog } from './access-log.ts';
import { albLine } from './alb-line.ts';
import { jsonLine } from './json-line.ts';
import { clientFacts } from './log-facts.ts';
import { LogFile } from './log-file.ts';

const ARN = 'arn:aws:elasticloadbalancing:local:000000000000:targetgroup/web/0123456789abcdef';

describe('the access log', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-log-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("is in ALB's words", () => {
    const summary = summaryOf();
    const { trace } = clientFacts(summary.client);
    assert.match(trace, /^TID_[0-9a-f]{32}$/);
    assert.equal(
      albLine(summary, '192.0.2.1'),
      `http 2026-01-02T03:04:05.187250Z app/web/50dc6c495c0c9188 203.0.113.9:2817 10.0.0.1:80 0.001 0.048 0.000 200 200 312 57 ` +
        `"GET http://www.example.com:80/a?b=1 HTTP/1.1" "curl/8.5" - - ${ARN} "Root=1-58337281-1d84f3d73c47ec4e58577259" "-" "-" ` +
        `5 2026-01-02T03:04:05.138000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" ${trace} "-" "-" "-" 192.0.2.1`,
    );
  });

  it('names the kind of request, its certificate and its cipher', () => {
    const tls = {
      version: 'TLSv1.3',
      cipher: 'TLS_AES_128_GCM_SHA256',
      serverName: 'www.example.com',
      certificateArn: 'arn:aws:acm:local:000000000000:certificate/1',
      identityHeaders: [],
    };
    const kinds: [string, SummaryParts, number][] = [
      ['http', {}, 200],
      ['https', { client: { tls } }, 200],
      ['h2', { client: { tls }, protocol: 'h2' }, 200],
      [
        'grpcs',
        {
          client: { tls },
          protocol: 'h2',
          head: { lines: 'Content-Type: application/grpc+proto\r\n' },
        },
        200,
      ],
      ['ws', { upgrade: true }, 101],
      ['wss', { upgrade: true, client: { tls } }, 101],
      ['http', { upgrade: true }, 200],
    ];
    for (const [kind, parts, status] of kinds) {
      const summary = summaryOf(parts);
      summary.status = status;
      assert.ok(albLine(summary, 'n').startsWith(`${kind} 2026-`));
      if (parts.client !== undefined) {
        assert.match(
          albLine(summary, 'n'),
          / TLS_AES_128_GCM_SHA256 TLSv1\.3 .* "www\.example\.com" "arn:aws:acm:[^"]*" /,
        );
      }
    }
  });

  it('has a place for what is missing', () => {
    const summary = summaryOf({ head: 'none' });
    summary.desync = { classification: 'Severe', reason: 'BadMethod' };
    assert.match(
      albLine(summary, 'n'),
      / 203\.0\.113\.9:2817 - -1 -1 -1 400 - 312 57 "- http:\/\/-:80- -" "-" - - - "-" "-" "-" - \S+ "-" "-" "-" "-" "-" "Severe" "BadMethod" TID_/,
    );
  });

  it('lets no field end another', () => {
    const line = albLine(summaryOf({ head: { lines: 'User-Agent: a" "b\x7f\t\xe9\r\n' } }), 'n');
    assert.ok(line.includes(String.raw`"a\x22 \x22b\x7F\x09\xE9"`), line);
    assert.equal(line.split('"').length, 2 * 15 + 1);
  });

  it('is the same as JSON', () => {
    const parsed = JSON.parse(jsonLine(summaryOf(), 'n')) as Record<string, unknown>;
    assert.equal(parsed['elb_status_code'], 200);
    assert.equal(parsed['target_processing_time'], 0.048);
    assert.equal(parsed['request_creation_time'], '2026-01-02T03:04:05.138000Z');
    assert.ok(!('ssl_cipher' in parsed));
  });

  it('goes to the log of the proxy and to that which a load balancer asks for', async () => {
    const path = join(directory, 'all.log');
    const log = new AccessLog({
      path,
      format: 'json',
      directory,
      node: 'n',
      clock: realClock,
      logger: silent,
    });
    const attributes = {
      'access_logs.s3.enabled': 'true',
      'access_logs.s3.bucket': 'bucket',
      'access_logs.s3.prefix': 'pre/fix',
    };
    log.onRequestEnd(summaryOf());
    log.onRequestEnd(summaryOf({ balancer: attributes }));
    log.onRequestEnd(
      summaryOf({ balancer: { ...attributes, 'access_logs.s3.prefix': '../../x' } }),
    );
    await log.close();
    assert.equal((await readFile(path, 'utf8')).trim().split('\n').length, 3);
    const own = await readFile(join(directory, 'bucket/pre/fix/web/access.log'), 'utf8');
    assert.match(own, /^http 2026.*\n$/);
    assert.deepEqual((await readdir(directory)).sort(), ['all.log', 'bucket']);
    assert.equal(log.written, 4);
  });

  it('begins a new file when one is large, and keeps a few', async () => {
    const path = join(directory, 'a.log');
    const file = new LogFile({
      path,
      clock: realClock,
      logger: silent,
      rotateBytes: 10,
      keep: 2,
    });
    // Another process that writes to the same file notices.
    const other = new LogFile({ path, clock: realClock, logger: silent });
    for (let turn = 0; turn < 5; turn += 1) {
      file.write(`line ${turn} of the log`);
      await file.flush();
      other.write(`other ${turn}`);
      await other.flush();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await Promise.all([file.close(), other.close()]);
    const names = (await readdir(directory)).sort();
    assert.equal(names.length, 3);
    assert.equal(await readFile(path, 'utf8'), 'line 4 of the log\nother 4\n');
  });

  it('drops and counts what finds no room, and what can not be written', async () => {
    const file = new LogFile({
      path: join(directory, 'a.log'),
      clock: realClock,
      logger: silent,
      bufferBytes: 100,
    });
    const taken = Array.from({ length: 20 }, () => file.write('0123456789')).filter(Boolean);
    assert.equal(taken.length, 9);
    assert.equal(file.dropped, 11);
    await file.close();
    assert.equal(file.written, 9);
    assert.ok(file.write('there is room again'));
    await file.close();
    const lost = new LogFile({ path: '/dev/null/no', clock: realClock, logger: silent });
    lost.write('lost');
    await lost.close();
    assert.equal(lost.dropped, 1);
  });
});
