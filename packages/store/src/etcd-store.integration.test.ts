import { setTimeout as delay } from 'node:timers/promises';

import { type ContractSubject, storeContract } from './store-contract.ts';
import { startTestEtcd, type TestEtcd } from './testing/etcd.ts';
import { realClock } from './testing/time.ts';
import { FaultProxy } from './testing/fault-proxy.ts';
import { EtcdLink } from './etcd-link.ts';

describe('the store on etcd', function () {
  this.timeout(60_000);
  let server: TestEtcd;
  let proxy: FaultProxy;
  let subject: ContractSubject;

  before(async () => {
    server = await startTestEtcd();
    proxy = await FaultProxy.start(server.etcd.endpoint);
  });
  after(async () => {
    await server.close();
    await proxy.close();
  });
  beforeEach(() => {
    subject = {
      store: server.open({ endpoints: [proxy.address] }),
      peer: server.open(),
      compact: () => compact(server),
      expire: () => delay(0),
      loseReply: () => {
        proxy.pause('to client');
        void delay(300).then(() => {
          proxy.cut();
          proxy.resume();
        });
      },
    };
  });
  afterEach(async () => {
    await subject.store.close();
    await subject.peer.close();
  });

  storeContract('etcd', () => subject);
});

async function compact(server: TestEtcd): Promise<void> {
  const options = { endpoints: [server.etcd.endpoint], tls: server.tls };
  const link = new EtcdLink({ ...options, clock: realClock, random: () => 0 });
  const { member } = link;
  const { header } = await member.range({ key: Buffer.from('x') }, {});
  await member.kv.compact({ revision: header.revision });
  link.close();
}
