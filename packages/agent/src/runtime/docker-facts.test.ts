// Answers as recorded from engines of several versions: what newer ones leave out is not read.
import assert from 'node:assert/strict';

import { eventOf, factsOf, imageOf, summaryOf, type InspectedContainer } from './docker-facts.ts';
import { kindOf, pullKindOf } from './docker-errors.ts';

function inspected(state: Partial<InspectedContainer['State']>): InspectedContainer {
  return {
    Id: 'abc',
    Name: '/berth-web',
    State: {
      Status: 'running',
      ExitCode: 0,
      OOMKilled: false,
      Error: '',
      StartedAt: '2026-11-21T07:52:23.141914240Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      ...state,
    },
    Config: { Labels: { a: 'b' }, Tty: false },
    NetworkSettings: {
      Ports: {
        '80/tcp': [
          { HostIp: '0.0.0.0', HostPort: '20001' },
          { HostIp: '::', HostPort: '20001' },
        ],
        '81/tcp': null,
      },
    },
  };
}

describe('factsOf', () => {
  it('reads a running container', () => {
    assert.deepEqual(factsOf(inspected({})), {
      id: 'abc',
      name: 'berth-web',
      labels: { a: 'b' },
      tty: false,
      state: 'running',
      exitCode: undefined,
      oomKilled: false,
      error: undefined,
      startedAt: Date.UTC(2026, 10, 21, 7, 52, 23, 141),
      finishedAt: undefined,
      health: 'UNKNOWN',
      healthOutput: undefined,
      bindings: [{ bindIp: '0.0.0.0', containerPort: 80, hostPort: 20_001, protocol: 'tcp' }],
    });
  });

  it('keeps a container that failed to start apart from one that has run', () => {
    const facts = factsOf(
      inspected({
        Status: 'created',
        ExitCode: 128,
        Error: 'port',
        StartedAt: '0001-01-01T00:00:00Z',
      }),
    );
    assert.deepEqual(
      [facts.state, facts.exitCode, facts.startedAt, facts.error],
      ['created', undefined, undefined, 'port'],
    );
  });

  it('takes a paused or restarting container for one that has not ended, a dead one for one that has', () => {
    const states = ['paused', 'restarting', 'exited', 'dead', 'removing'];
    const found = states.map((Status) => factsOf(inspected({ Status })).state);
    assert.deepEqual(found, ['running', 'running', 'stopped', 'stopped', 'stopped']);
  });

  it('gives the output of the newest check, and only if it failed', () => {
    const failing = { ExitCode: 1, Output: ' refused\n' };
    const passing = { ExitCode: 0, Output: 'fine' };
    const of = (Status: string, Log: (typeof failing)[]): unknown[] => {
      const { health, healthOutput } = factsOf(inspected({ Health: { Status, Log } }));
      return [health, healthOutput];
    };
    assert.deepEqual(of('unhealthy', [passing, failing]), ['UNHEALTHY', 'refused']);
    assert.deepEqual(of('starting', [failing]), ['UNKNOWN', 'refused']);
    assert.deepEqual(of('healthy', [failing, passing]), ['HEALTHY', undefined]);
    assert.deepEqual(of('healthy', []), ['HEALTHY', undefined]);
    const long = factsOf(
      inspected({
        Health: { Status: 'unhealthy', Log: [{ ExitCode: 1, Output: 'x'.repeat(5000) }] },
      }),
    );
    assert.equal(long.healthOutput?.length, 1024);
  });
});

describe('summaryOf', () => {
  const cases = [
    ['running', 'Up 3 minutes (healthy)', 'running', 'HEALTHY'],
    ['running', 'Up 3 minutes (unhealthy)', 'running', 'UNHEALTHY'],
    ['running', 'Up 1 second (health: starting)', 'running', 'UNKNOWN'],
    ['exited', 'Exited (137) 2 hours ago', 'stopped', 'UNKNOWN'],
    ['created', 'Created', 'created', 'UNKNOWN'],
  ] as const;
  for (const [State, Status, state, health] of cases) {
    it(`reads ${Status}`, () => {
      assert.deepEqual(summaryOf({ Id: 'a', Labels: null, State, Status }), {
        id: 'a',
        labels: {},
        state,
        health,
      });
    });
  }
});

describe('eventOf', () => {
  it('reads events of old and new engines alike', () => {
    const Actor = { ID: 'abc', Attributes: { a: 'b' } };
    const expected = { containerId: 'abc', labels: { a: 'b' }, action: 'health_status: unhealthy' };
    const old = { status: 'x', id: 'abc', from: 'img', Action: 'health_status: unhealthy', Actor };
    assert.deepEqual(eventOf(old), expected);
    assert.deepEqual(eventOf({ Action: 'health_status: unhealthy', Actor }), expected);
    assert.equal(eventOf({}), undefined);
  });
});

describe('imageOf', () => {
  it('knows the registry’s digest, where there is one', () => {
    assert.equal(imageOf({ Id: 'i', RepoDigests: ['a@sha256:1'] }).digest, 'sha256:1');
    assert.equal(imageOf({ Id: 'i', RepoDigests: [] }).digest, undefined);
    assert.equal(imageOf({ Id: 'i', RepoDigests: null }).digest, undefined);
  });
});

describe('the kinds of failure', () => {
  const answers = [
    [404, 'No such container: abc', 'gone'],
    [409, 'Conflict. The container name "/x" is already in use by container "y"', 'conflict'],
    [409, 'removal of container abc is already in progress', 'conflict'],
    [400, 'OCI runtime create failed: exec: "nope": executable file not found in $PATH', 'invalid'],
    [
      500,
      'driver failed programming external connectivity on endpoint x: Bind for 0.0.0.0:80 failed: port is already allocated',
      'port-taken',
    ],
    [
      500,
      'Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use',
      'port-taken',
    ],
    [500, 'no space left on device', 'server'],
    [429, 'toomanyrequests', 'busy'],
    [503, 'unavailable', 'busy'],
  ] as const;
  for (const [status, message, kind] of answers) {
    it(`${String(status)} ${message.slice(0, 40)}: ${kind}`, () =>
      assert.equal(kindOf(status, message), kind));
  }

  it('knows what a pull’s own words mean', () => {
    assert.equal(pullKindOf('manifest for a:b not found: manifest unknown'), 'gone');
    assert.equal(pullKindOf('no matching manifest for linux/arm64'), 'invalid');
    assert.equal(pullKindOf('unexpected EOF'), 'server');
  });
});
