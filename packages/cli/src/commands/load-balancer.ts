import type { ElasticLoadBalancer, Listener } from '@berth/model/generated/messages.ts';

import { describeActions } from '../action-flags.ts';
import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { facts, table } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age } from '../output/text.ts';

async function describe(context: Context, name: string): Promise<ElasticLoadBalancer> {
  const { loadBalancing } = await context.api();
  const { loadBalancers } = await loadBalancing.DescribeLoadBalancers({ loadBalancers: [name] });
  const [balancer] = loadBalancers;
  if (balancer) return balancer;
  throw new CommandError(exitCodes.notFound, `there is no load balancer "${name}"`, {
    next: 'berth load-balancer list',
  });
}

export const handlers: Handlers = {
  'load-balancer create': async (context) => {
    const { flags } = context;
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.CreateLoadBalancer({
      name: argument(context, 0),
      type: flags.word('type', ['application', 'network']),
      scheme: flags.on('internal') ? 'internal' : undefined,
      tags: flags.pairs('tag'),
    });
    const attributes = flags.record('attribute');
    const loadBalancer = answer.loadBalancer?.loadBalancerName ?? '';
    if (Object.keys(attributes).length > 0) {
      await loadBalancing.ModifyLoadBalancerAttributes({ loadBalancer, attributes });
    }
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `created load balancer ${loadBalancer}`);
    }
    return undefined;
  },

  'load-balancer list': async (context) => {
    const { loadBalancing } = await context.api();
    return show(
      context,
      () => loadBalancing.DescribeLoadBalancers({}),
      ({ loadBalancers }) =>
        table<ElasticLoadBalancer>(
          [
            { title: 'LOAD BALANCER', value: (row) => row.loadBalancerName, style: 'accent' },
            { title: 'TYPE', value: ({ type }) => type },
            { title: 'DNS NAME', value: ({ dnsName }) => dnsName, shrinksTo: 16 },
            {
              title: 'AGE',
              value: ({ createdAt }) => age(context.clock.now() - createdAt),
              align: 'right',
            },
          ],
          loadBalancers,
          context.terminal,
        ),
    );
  },

  'load-balancer show': async (context) => {
    const { loadBalancing } = await context.api();
    const balancer = await describe(context, argument(context, 0));
    const loadBalancer = balancer.loadBalancerArn;
    const { attributes } = await loadBalancing.DescribeLoadBalancerAttributes({ loadBalancer });
    if (printedAsJson(context, { loadBalancers: [balancer], attributes })) return undefined;
    const { listeners } = await loadBalancing.DescribeListeners({ loadBalancer });
    const { color, width } = context.terminal;
    const lines = [
      ...facts(
        [
          ['Load balancer', balancer.loadBalancerName],
          ['ARN', balancer.loadBalancerArn],
          ['DNS name', balancer.dnsName],
          ['Type', `${balancer.type}, ${balancer.scheme}`],
        ],
        color,
      ),
      '',
      ...Object.entries(attributes)
        .filter(([, value]) => value !== '')
        .map(([key, value]) => `${key} = ${value}`),
      '',
      ...table<Listener>(
        [
          { title: 'PORT', value: ({ port }) => port, align: 'right' },
          { title: 'LISTENER', value: ({ listenerId }) => listenerId, style: 'accent' },
          { title: 'PROTOCOL', value: ({ protocol }) => protocol },
          {
            title: 'DEFAULT',
            value: ({ defaultActions }) => describeActions(defaultActions),
            shrinksTo: 16,
          },
        ],
        listeners,
        { color, width },
      ),
    ];
    for (const line of lines) say(context.terminal, line);
    return undefined;
  },

  'load-balancer modify': async (context) => {
    const attributes = context.flags.record('attribute');
    if (Object.keys(attributes).length === 0) {
      throw context.flags.wrong('Missing --attribute KEY=VALUE');
    }
    const { loadBalancing } = await context.api();
    const loadBalancer = argument(context, 0);
    const answer = await loadBalancing.ModifyLoadBalancerAttributes({ loadBalancer, attributes });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `modified load balancer ${loadBalancer}`);
    }
    return undefined;
  },

  'load-balancer delete': async (context) => {
    const { loadBalancerName, loadBalancerArn } = await describe(context, argument(context, 0));
    await confirm(context, `Delete load balancer ${loadBalancerName}, its listeners and rules?`);
    const { loadBalancing } = await context.api();
    const answer = await loadBalancing.DeleteLoadBalancer({ loadBalancer: loadBalancerArn });
    if (!printedAsJson(context, answer)) {
      say(context.terminal, `deleted load balancer ${loadBalancerName}`);
    }
    return undefined;
  },
};
