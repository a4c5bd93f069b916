// Names for shell completion that only the api knows. Never complains: without an api there are none.
import { type Api, connectApi, locate } from '../connection.ts';
import { type Environment, Flags } from '../flags.ts';
import { lastOf } from '../output/text.ts';
import {
  listClusters,
  listHosts,
  listServices,
  listTaskDefinitions,
  listTasks,
} from '../queries.ts';
import { findCommand } from '../table/commands.mjs';
import { complete } from '../table/completion.mjs';
import type { Completer } from '../table/types.d.mts';

type Kind = Exclude<Completer, readonly string[]>;

/** Print the names that may stand in place of the last word. */
export async function completeNames(
  words: readonly string[],
  environment: Environment,
  print: (text: string) => void,
): Promise<void> {
  const { kind } = complete(words);
  const command = findCommand(words);
  if (!kind || !command) return;
  let api: Api | undefined;
  try {
    const flags = new Flags({ command, positionals: [], rest: [], flags: {} }, environment);
    api = await connectApi(locate(flags, environment));
    const names = await namesOf(kind, api, environment['BERTH_CLUSTER'] ?? 'default');
    print(names.map((name) => `${name}\n`).join(''));
  } catch {
    // No names.
  } finally {
    api?.close();
  }
}

async function namesOf(kind: Kind, api: Api, cluster: string): Promise<string[]> {
  const { ecs, loadBalancing, access, operations } = api;
  switch (kind) {
    case 'cluster':
      return (await listClusters(ecs)).map(({ clusterName }) => clusterName);
    case 'user':
      return (await access.ListUsers({})).users.map(({ userName }) => userName);
    case 'access-key': {
      const { accessKeys } = await access.ListAccessKeys({ all: true });
      return accessKeys.map(({ accessKeyId }) => accessKeyId);
    }
    case 'policy': {
      const { policies } = await access.ListPolicies({ builtIn: true });
      return policies.map(({ policyName }) => policyName);
    }
    case 'role':
      return (await access.ListRoles({})).roles.map(({ roleName }) => roleName);
    case 'host':
      return (await listHosts(ecs, cluster, {})).map(({ name }) => name);
    case 'task':
      return (await listTasks(ecs, cluster, {})).map(({ taskArn }) => lastOf(taskArn));
    case 'service':
      return (await listServices(ecs, cluster)).map(({ serviceName }) => serviceName);
    case 'task-or-service':
      return [
        ...(await namesOf('service', api, cluster)),
        ...(await namesOf('task', api, cluster)),
      ];
    case 'task-definition':
    case 'family': {
      const found = await listTaskDefinitions(ecs, { status: 'ACTIVE' });
      const names = found.map(({ family, revision }) =>
        kind === 'family' ? family : `${family}:${revision}`,
      );
      return [...new Set(names)];
    }
    case 'target-group': {
      const { targetGroups } = await loadBalancing.DescribeTargetGroups({});
      return targetGroups.map(({ targetGroupName }) => targetGroupName);
    }
    case 'load-balancer': {
      const { loadBalancers } = await loadBalancing.DescribeLoadBalancers({});
      return loadBalancers.map(({ loadBalancerName }) => loadBalancerName);
    }
    case 'tls-certificate': {
      const { certificates } = await loadBalancing.DescribeCertificates({});
      return certificates.map(({ certificateId }) => certificateId);
    }
    case 'trust-store':
      return (await loadBalancing.DescribeTrustStores({})).trustStores.map(({ name }) => name);
    case 'listener':
      return (await loadBalancing.DescribeListeners({})).listeners.map(({ port }) => String(port));
    case 'rule': {
      const names: string[] = [];
      for (const { listenerId } of (await loadBalancing.DescribeListeners({})).listeners) {
        const { rules } = await loadBalancing.DescribeRules({ listener: listenerId });
        names.push(...rules.flatMap(({ isDefault, ruleId }) => (isDefault ? [] : ruleId)));
      }
      return names;
    }
    case 'state':
      return [...(await operations.ListState({ prefix: '/berth/v1/' })).keys];
    case 'file':
      return [];
  }
}
