// What needs a proxy that runs: the waiters for targets, and what ends with targets that are gone. Source: ALB reference, sections 1.3,
// 1.5 and 3.4.
import {
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeTargetHealthCommand,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
  waitUntilLoadBalancerExists,
  waitUntilTargetDeregistered,
  waitUntilTargetInService,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { freePort } from '@berth/store/testing/etcd.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { conformance, type Ground } from './cases.ts';
import { balancer, group, kept, listener } from './elbv2-kit.ts';

/** Of the scripted host and of the targets on it. */
const HERE = '127.0.0.1';
const PROXY = '127.0.0.77';

const waiting = ({ elbv2 }: Ground) => ({
  client: elbv2,
  maxWaitTime: 30,
  minDelay: 1,
  maxDelay: 1,
});

const healthOf = async (on: Ground) => {
  const { TargetHealthDescriptions = [] } = await on.elbv2.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: kept(on, 'group') }),
  );
  return TargetHealthDescriptions.map(({ TargetHealth }) => TargetHealth);
};

describe('ELBv2 over the SDK: targets that serve', () => {
  let target: Server;

  before(async () => {
    target = createServer((_request, response) => response.end('served'));
    target.listen(0, HERE);
    await once(target, 'listening');
  });

  after(() => target.close());

  const targets = () => [{ Id: HERE, Port: (target.address() as AddressInfo).port }];

  conformance('waiters', [
    {
      name: 'waitUntilLoadBalancerExists ends, though it is asked for before it is there',
      call: async (on) => {
        const existing = waitUntilLoadBalancerExists(waiting(on), { Names: ['web'] });
        await balancer(on, 'web');
        return existing;
      },
      gives: { state: 'SUCCESS' },
    },
    {
      name: 'a target is initial as long as no proxy has checked it',
      call: async (on) => {
        await on.plane.host();
        const arn = await group(on, 'group', {
          HealthCheckIntervalSeconds: 5,
          HealthCheckTimeoutSeconds: 2,
        });
        on.kept['port'] = String(await freePort());
        await listener(on, kept(on, 'web'), Number(kept(on, 'port')), {
          DefaultActions: [{ Type: 'forward', TargetGroupArn: arn }],
        });
        const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '0' }];
        await on.elbv2.send(
          new ModifyTargetGroupAttributesCommand({ TargetGroupArn: arn, Attributes }),
        );
        await on.elbv2.send(
          new RegisterTargetsCommand({ TargetGroupArn: arn, Targets: targets() }),
        );
        return healthOf(on);
      },
      gives: [{ State: 'initial', Reason: 'Elb.RegistrationInProgress' }],
    },
    {
      name: 'waitUntilTargetInService ends once a proxy has found it healthy',
      call: async (on) => {
        await on.plane.proxy(PROXY);
        const input = { TargetGroupArn: kept(on, 'group'), Targets: targets() };
        return waitUntilTargetInService(waiting(on), input);
      },
      gives: { state: 'SUCCESS' },
    },
    {
      name: 'a healthy target has no reason, and serves',
      call: async (on) => {
        const [health] = await healthOf(on);
        assert.equal(health?.Reason, undefined);
        const answer = await fetch(`http://${PROXY}:${kept(on, 'port')}/`);
        return { state: health?.State, text: await answer.text() };
      },
      gives: { state: 'healthy', text: 'served' },
    },
    {
      name: 'waitUntilTargetDeregistered ends',
      call: async (on) => {
        const input = { TargetGroupArn: kept(on, 'group'), Targets: targets() };
        await on.elbv2.send(new DeregisterTargetsCommand(input));
        return waitUntilTargetDeregistered(waiting(on), input);
      },
      gives: { state: 'SUCCESS' },
    },
    {
      name: 'its load balancer and its group can go',
      call: async (on) => {
        await on.elbv2.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: kept(on, 'web') }));
        await on.elbv2.send(new DeleteTargetGroupCommand({ TargetGroupArn: kept(on, 'group') }));
        return healthOf(on);
      },
      fails: 'TargetGroupNotFoundException',
    },
  ]);
});
