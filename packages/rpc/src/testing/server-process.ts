// A gRPC server in a process of its own, for tests that freeze it. Reads its identity from stdin, writes
// its address to stdout.
import { text } from 'node:stream/consumers';

import { BerthError } from '@berth/model/errors.ts';

import type { TlsIdentity } from '../api.ts';
import { serve } from '../server.ts';
import { testLogger } from './fixtures.ts';

const refuse = (): never => {
  throw new BerthError('Internal', 'not part of this test');
};
const server = await serve({
  address: '127.0.0.1:0',
  tls: JSON.parse(await text(process.stdin)) as TlsIdentity,
  services: {
    Operations: {
      GetInfo: () => Promise.resolve({ version: 'child' }),
      WatchEvents: refuse,
      WatchService: refuse,
      StreamLogs: refuse,
      Exec: refuse,
      GetState: refuse,
      ListState: refuse,
      CountTraffic: refuse,
      CountTargets: refuse,
      GetDeploymentCertificate: refuse,
      CreateEventSink: refuse,
      DescribeEventSinks: refuse,
      DeleteEventSink: refuse,
      RedriveEventSink: refuse,
      SetAlarmStates: refuse,
      DescribeAlarms: refuse,
      DeleteAlarm: refuse,
      WatchRequests: refuse,
      ExplainRequest: refuse,
      ExplainPlacement: refuse,
      PredictPlacement: refuse,
      ReplayPlacement: refuse,
    },
  },
  logger: testLogger(),
});
process.stdout.write(`${server.address}\n`);
