import assert from 'node:assert/strict';

import { BerthError } from '@berth/model/errors.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realClock } from '@berth/process/real-clock.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';

import { type AwsOptions, startAws } from '../start.ts';
import { REGION, send } from '../testing/endpoint.ts';

describe('a signature that can not be checked', () => {
  it('tells its caller nothing of the store, and the log of the process all', async () => {
    const logger = testLogger();
    const services = {
      Ecs: {},
      LoadBalancing: {},
      Scaling: {},
      Access: {},
      LogGroups: {},
      Operations: {},
    };
    const role = await startAws(
      {
        listen: '127.0.0.1:0',
        tls: undefined,
        realm: { region: REGION, account: '000000000000' },
        handlers: services as unknown as AwsOptions['handlers'],
        access: {
          credentials: () =>
            Promise.reject(new BerthError('Unavailable', 'etcd at 10.9.8.7:2379 does not answer')),
          check: () => Promise.resolve(),
          record: () => Promise.resolve(),
        },
      },
      { clock: realClock, random: () => 0, logger, metrics: createRegistry({ defaults: false }) },
    );
    try {
      const url = `http://${role.address}`;
      const target = 'AmazonEC2ContainerServiceV20141113.ListClusters';
      const json = await send({ url }, { service: 'ecs', target, body: '{}' });
      const body = 'Action=GetCallerIdentity&Version=2011-06-15';
      const query = await send({ url }, { service: 'sts', body });
      for (const { status, text } of [json, query]) {
        assert.equal(status, 500);
        assert.match(text, /could not be checked at present/);
        assert.doesNotMatch(text, /etcd|10\.9/);
      }
      assert.match(json.text, /"__type":"ServerException"/);
      const said = logger.lines.filter(({ level }) => level === 'error');
      assert.equal(said.length, 2);
    } finally {
      await role.stop(1_000);
    }
  });
});
