import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { complete } from '@berth/rpc/codec.ts';

import { actionOf } from './action-flags.ts';
import { type Environment, Flags } from './flags.ts';
import { withImages } from './image.ts';
import { placementOf } from './placement-flags.ts';
import { loadBalancersOf, rolloutOf } from './rollout-flags.ts';
import {
  apiAddresses,
  gpuSettings,
  portRange,
  refuseUnknownVariables,
  serveConfig,
  storeConfig,
} from './roles/config.ts';
import { claimHostId, hostIdFor } from './roles/host-id.ts';
import { UsageError, parse } from './table/parse.mjs';

function flagsOf(line: string, environment: Environment = {}): Flags {
  return new Flags(parse(line.split(' ')), environment);
}

describe('flags', () => {
  it('win over their variables', () => {
    const environment = { BERTH_API: 'b:1' };
    assert.equal(flagsOf('status --api a:1', environment).text('api'), 'a:1');
    assert.equal(flagsOf('status', environment).text('api'), 'b:1');
    assert.equal(flagsOf('status', { BERTH_API: '' }).text('api'), undefined);
  });

  it('refuse what is no number, duration, word or pair', () => {
    const flags = flagsOf(
      'task run x --count three --timeout soon --tag x --env =1 --strategy pile',
    );
    assert.throws(() => flags.integer('count', { min: 1, max: 10 }), /1 to 10, found "three"/);
    assert.throws(() => flags.duration('timeout'), /90s, 10m or 1h30m, found "soon"/);
    assert.throws(() => flags.pairs('tag'), /KEY=VALUE, found "x"/);
    assert.throws(() => flags.pairs('env'), UsageError);
    assert.throws(() => placementOf(flags), /found "pile"/);
    assert.throws(
      () => flagsOf('task run x --count 11').integer('count', { min: 1, max: 10 }),
      /found "11"/,
    );
    const update = flagsOf('service update x --circuit-breaker maybe');
    assert.throws(() => update.word('circuit-breaker', ['off', 'on']), /off, on, found "maybe"/);
  });

  it('become what ECS has for them', () => {
    const line =
      'service create x --strategy spread:attribute:zone --strategy random --constraint distinctInstance --load-balancer a:b:80';
    assert.deepEqual(placementOf(flagsOf(line)), {
      placementStrategy: [{ type: 'spread', field: 'attribute:zone' }, { type: 'random' }],
      placementConstraints: [{ type: 'distinctInstance' }],
    });
    const arn = 'arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/a/0';
    assert.deepEqual(loadBalancersOf(flagsOf(`service create x --load-balancer ${arn}:b:80`)), [
      { targetGroupArn: arn, containerName: 'b', containerPort: 80 },
    ]);
    const shifted = flagsOf(
      'service create x --load-balancer a:b:80 --alternate-group c --production-rule p --test-rule t',
    );
    assert.deepEqual(loadBalancersOf(shifted)?.[0]?.advancedConfiguration, {
      alternateTargetGroupArn: 'c',
      productionListenerRule: 'p',
      testListenerRule: 't',
    });
    assert.deepEqual(placementOf(flagsOf('service create x')), {});
    assert.equal(loadBalancersOf(flagsOf('service create x')), undefined);
  });
});

describe('how deployments go', () => {
  const rollout = (line: string, file = {}) => rolloutOf(flagsOf(`service update x ${line}`), file);

  it('is said by flags, over what the file says', () => {
    assert.deepEqual(rollout('--shift canary:5:10m --bake 90s --progress-deadline 5m'), {
      strategy: 'CANARY',
      canaryConfiguration: { canaryPercent: 5, canaryBakeTimeInSeconds: 600 },
      bakeTimeInMinutes: undefined,
      bakeTimeInSeconds: 90,
      progressDeadlineInSeconds: 300,
    });
    assert.deepEqual(rollout('--shift linear:12.5%', { maximumPercent: 150 }), {
      strategy: 'LINEAR',
      linearConfiguration: { stepPercent: 12.5, stepBakeTimeInSeconds: undefined },
      maximumPercent: 150,
    });
    assert.deepEqual(rollout('--bake 0', { bakeTimeInMinutes: 5 }), {
      bakeTimeInMinutes: undefined,
      bakeTimeInSeconds: 0,
    });
    const hooks = '--hook post-scale-up,pre-production-traffic-shift=https://x/y=1';
    assert.deepEqual(rollout(`${hooks} --pause POST_TEST_TRAFFIC_SHIFT`)?.lifecycleHooks?.items, [
      {
        targetType: 'AWS_LAMBDA',
        hookTargetArn: 'https://x/y=1',
        lifecycleStages: ['POST_SCALE_UP', 'PRE_PRODUCTION_TRAFFIC_SHIFT'],
      },
      { targetType: 'PAUSE', lifecycleStages: ['POST_TEST_TRAFFIC_SHIFT'] },
    ]);
    assert.deepEqual(rollout('--count 3', { maximumPercent: 150 }), { maximumPercent: 150 });
  });

  for (const [line, message] of [
    ['--shift sideways', /rolling, blue-green, linear.* found "sideways"/],
    ['--shift blue-green:5', /found "blue-green:5"/],
    ['--shift canary:x', /found "canary:x"/],
    ['--shift linear:10:1m:2', /found "linear:10:1m:2"/],
    ['--bake 1500ms', /--bake must be a duration of whole seconds/],
    ['--hook http://x/', /STAGE=URL, found "http:\/\/x\/"/],
  ] as const) {
    it(`is refused: ${line}`, () => {
      assert.throws(() => rollout(line), message);
    });
  }

  it('needs one load balancer, its two groups and its rule to shift traffic', () => {
    const wrong = (line: string, message: RegExp): void => {
      assert.throws(() => loadBalancersOf(flagsOf(`service create x ${line}`)), message);
    };
    wrong('--alternate-group c --production-rule p', /belong to one --load-balancer/);
    wrong('--load-balancer a:b:80 --test-rule t', /are needed together/);
  });
});

describe('actions of listeners and rules', () => {
  const action = (line: string) => actionOf(flagsOf(`listener create 80 ${line}`));

  it('are forwards with weights, redirects and fixed answers', () => {
    assert.deepEqual(action('--target-group a=3 --target-group b'), {
      type: 'forward',
      forward: { targetGroups: [{ targetGroupArn: 'a', weight: 3 }, { targetGroupArn: 'b' }] },
    });
    assert.deepEqual(action('--redirect https://#{host}:443/#{path}?#{query} --permanent'), {
      type: 'redirect',
      redirect: {
        protocol: 'HTTPS',
        host: '#{host}',
        port: '443',
        path: '/#{path}',
        query: '#{query}',
        statusCode: 'HTTP_301',
      },
    });
    assert.deepEqual(action('--redirect /login'), {
      type: 'redirect',
      redirect: { path: '/login', statusCode: 'HTTP_302' },
    });
    assert.deepEqual(action('--fixed 503:closed'), {
      type: 'fixed-response',
      fixedResponse: { statusCode: '503', contentType: 'text/plain', messageBody: 'closed' },
    });
  });

  it('are one, and what they are given makes sense', () => {
    assert.throws(() => action('--fixed 200 --target-group a'), /Only one/);
    assert.throws(() => action('--fixed 301'), /2XX, 4XX or 5XX/);
    assert.throws(() => action('--target-group a=lots'), /0 to 999/);
    assert.equal(actionOf(flagsOf('listener create 80')), undefined);
  });
});

describe('--image', () => {
  const containers = [
    complete('ContainerDefinition', { name: 'web', image: 'web:1' }),
    complete('ContainerDefinition', { name: 'log', image: 'log:1' }),
  ];

  it('replaces the image of the only container, or of the named one', () => {
    const only = withImages(containers.slice(0, 1), ['web:2']);
    assert.deepEqual(only, [{ ...containers[0], image: 'web:2' }]);
    const named = withImages(containers, ['log=r.example.com:5000/log@sha256:abc']);
    assert.deepEqual(
      named.map(({ image }) => image),
      ['web:1', 'r.example.com:5000/log@sha256:abc'],
    );
  });

  it('must name a container where there are several', () => {
    assert.throws(() => withImages(containers, ['web:2']), /there are web, log/);
    assert.throws(() => withImages(containers, ['db=x:1']), /no container "db", only web, log/);
  });
});

describe('the configuration of a role', () => {
  it('has defaults that fit one machine', () => {
    assert.deepEqual(serveConfig(flagsOf('api'), 7400), {
      listen: '127.0.0.1:7400',
      advertise: '127.0.0.1:7400',
    });
    assert.deepEqual(storeConfig(flagsOf('api')), {
      etcd: ['127.0.0.1:7402'],
      leaseSeconds: 10,
      leaderLeaseSeconds: 3,
    });
    assert.deepEqual(portRange(flagsOf('agent')), { first: 20_000, last: 29_999 });
    assert.deepEqual(apiAddresses(flagsOf('agent --api a:1,b:2')), ['a:1', 'b:2']);
  });

  it('is refused where it can not work', () => {
    assert.throws(() => serveConfig(flagsOf('api --listen 0.0.0.0:7400'), 7400), /--advertise/);
    assert.throws(() => serveConfig(flagsOf('api --listen here'), 7400), /--listen: "here"/);
    assert.throws(() => storeConfig(flagsOf('api --lease 1')), /2 to 60/);
    assert.throws(() => storeConfig(flagsOf('api --leader-lease 1')), /2 to 60/);
    assert.throws(() => portRange(flagsOf('agent --ports 9-5')), /FIRST-LAST/);
  });

  it('name the GPUs of a host', () => {
    const settings = (line: string, environment?: Environment) => {
      const { nvidia, named } = gpuSettings(flagsOf(line, environment));
      return [nvidia, Object.fromEntries(named)];
    };
    assert.deepEqual(settings('agent'), [true, {}]);
    assert.deepEqual(settings('agent --gpu none'), [false, {}]);
    assert.deepEqual(settings('agent --gpu a=/dev/a --gpu auto --gpu b=/dev/b --gpu a=/dev/c'), [
      true,
      { a: ['/dev/a', '/dev/c'], b: ['/dev/b'] },
    ]);
    assert.deepEqual(settings('agent', { BERTH_HOST_GPUS: 'a=/dev/a,b=/dev/b' }), [
      false,
      { a: ['/dev/a'], b: ['/dev/b'] },
    ]);
    for (const wrong of ['a=dev', 'none --gpu a=/dev/a', 'a']) {
      assert.throws(() => settings(`agent --gpu ${wrong}`), /--gpu must be ID=DEVICE/);
    }
    assert.throws(() => apiAddresses(flagsOf('agent --api nowhere')), /--api/);
  });

  it('names variables with our prefix that mean nothing', () => {
    refuseUnknownVariables({ BERTH_API: 'a:1', BERTH_PROXY_URL: 'http://x', PATH: '/bin' });
    assert.throws(() => refuseUnknownVariables({ BERTH_LEESE: '3' }), /BERTH_LEESE/);
  });
});

describe('the id of a host', () => {
  it('is the same for the same name', () => {
    assert.match(hostIdFor('web-1'), /^[0-9a-f]{32}$/);
    assert.equal(hostIdFor('web-1'), hostIdFor('web-1'));
    assert.notEqual(hostIdFor('web-1'), hostIdFor('web-2'));
    assert.equal(hostIdFor('ab'.repeat(16)), 'ab'.repeat(16));
  });

  it('is claimed once for a data directory', () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-host-'));
    try {
      claimHostId(join(directory, 'agent'), 'ab'.repeat(16));
      claimHostId(join(directory, 'agent'), 'ab'.repeat(16));
      assert.equal(readFileSync(join(directory, 'agent/host-id'), 'utf8').trim(), 'ab'.repeat(16));
      assert.throws(
        () => claimHostId(join(directory, 'agent'), 'cd'.repeat(16)),
        /belongs to host abab/,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
