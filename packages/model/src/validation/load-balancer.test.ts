import assert from 'node:assert/strict';

import type { CreateLoadBalancerRequest } from '../generated/messages.ts';
import { isTargetAddress } from './target-address.ts';
import { acceptCreateLoadBalancer, acceptSubnets } from './load-balancer.ts';
import { describeRules, type Rule } from './refusals.test.ts';

const balancer = (fields: Partial<CreateLoadBalancerRequest> = {}): CreateLoadBalancerRequest => ({
  name: 'main',
  subnets: [],
  securityGroups: [],
  tags: [],
  ...fields,
});
const subnets = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `subnet-${String(index).padStart(8, '0')}`);

describe('a load balancer is refused', () => {
  const rules: Record<string, Rule<CreateLoadBalancerRequest>> = {
    'without a name': {
      accepts: balancer(),
      refuses: balancer({ name: '' }),
      message:
        'name is ""; expected 1 to 32 letters, digits and hyphens, with no hyphen at either end.',
    },
    'with a name that looks internal': {
      accepts: balancer({ name: 'internals' }),
      refuses: balancer({ name: 'internal-web' }),
      message: `name is "internal-web"; expected a name that does not begin with 'internal-'.`,
    },
    'of a kind that proxies are not': {
      accepts: balancer({ type: 'network' }),
      refuses: balancer({ type: 'gateway' }),
      code: 'InvalidConfigurationRequest',
      message:
        "Load balancers of type 'gateway' are not supported; expected application or network.",
    },
    'with a subnet that is none': {
      accepts: balancer({ subnets: subnets(1) }),
      refuses: balancer({ subnets: ['mine'] }),
      code: 'InvalidSubnet',
      message:
        "The subnet ID 'mine' is not valid; expected subnet- and 8 or 17 hexadecimal digits.",
    },
    'with a subnet twice': {
      accepts: balancer({ subnets: subnets(20) }),
      refuses: balancer({ subnets: [...subnets(1), ...subnets(1)] }),
      code: 'InvalidConfigurationRequest',
      message:
        'There are 2 subnets, some of them maybe more than once; expected at most 20, each once.',
    },
    'with a security group that is none': {
      accepts: balancer({ securityGroups: ['sg-01234567'] }),
      refuses: balancer({ securityGroups: ['all'] }),
      code: 'InvalidSecurityGroup',
      message:
        "The security group ID 'all' is not valid; expected sg- and 8 or 17 hexadecimal digits.",
    },
    'internal and of both families': {
      accepts: balancer({ ipAddressType: 'dualstack' }),
      refuses: balancer({ scheme: 'internal', ipAddressType: 'dualstack' }),
      code: 'InvalidConfigurationRequest',
      message:
        "The IP address type 'dualstack' is not possible: internal load balancers must be ipv4.",
    },
  };
  describeRules('ValidationError', rules, (request) => acceptCreateLoadBalancer(request, 'local'));
});

describe('a load balancer in normal form', () => {
  it('has the defaults of ALB, and a subnet in each zone', () => {
    const order = acceptCreateLoadBalancer(balancer(), 'local');
    assert.deepEqual(
      [order.type, order.scheme, order.ipAddressType],
      ['application', 'internet-facing', 'ipv4'],
    );
    assert.deepEqual(
      order.availabilityZones.map(({ zoneName }) => zoneName),
      ['locala', 'localb', 'localc'],
    );
    assert.equal(order.securityGroups.length, 1);
  });

  it('has the zone of each subnet, always the same', () => {
    const [one] = acceptSubnets(['subnet-0a1b2c3d'], 'local');
    const [other, again] = acceptSubnets(['subnet-00000001', 'subnet-0a1b2c3d'], 'local');
    assert.match(other?.zoneName ?? '', /^local[abc]$/);
    assert.deepEqual(again, one);
  });
});

describe('the address of a target', () => {
  it('is a private one', () => {
    for (const text of ['10.1.2.3', '100.64.0.1', '172.31.0.1', '192.168.1.1', 'fd00::1']) {
      assert.ok(isTargetAddress(text), text);
    }
    const others = ['8.8.8.8', '172.32.0.1', '127.0.0.1', '10.1.2', 'fe80::1%eth0', 'x', ''];
    for (const text of others) assert.ok(!isTargetAddress(text), text);
  });
});
