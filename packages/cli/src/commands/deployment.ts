import { isBerthError } from '@berth/model/errors.ts';
import type { ServiceDeployment, ServiceDeploymentBrief } from '@berth/model/generated/messages.ts';

import { type Context, type Handlers, argument, confirm, printedAsJson, show } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { say } from '../output/terminal.ts';
import { lastOf } from '../output/text.ts';
import { describeService } from '../queries.ts';
import { certificateSection, type MaybeCertificate } from './deployment-certificate-view.ts';
import { deploymentLines, deploymentTable } from './deployment-view.ts';

const PAGE = 100;

/** What SERVICE and DEPLOYMENT name; SERVICE can be CLUSTER/SERVICE/DEPLOYMENT too, or the ARN of a service deployment. */
interface Named {
  readonly cluster: string;
  readonly service: string;
  /** The beginning of its id; absent: the newest. */
  readonly id?: string | undefined;
}

function named(context: Context): Named {
  const text = argument(context, 0).replace(/^arn:.*:service-deployment\//, '');
  const [cluster = '', service, id] = text.split('/');
  if (service !== undefined && id !== undefined) return { cluster, service, id };
  return { cluster: context.cluster, service: argument(context, 0), id: context.positionals[1] };
}

/** Newest first. */
async function listed(
  context: Context,
  { cluster, service }: Named,
): Promise<ServiceDeploymentBrief[]> {
  const { ecs } = await context.api();
  const found: ServiceDeploymentBrief[] = [];
  let nextToken: string | undefined;
  do {
    const request = { cluster, service, maxResults: PAGE, nextToken };
    const page = await ecs.ListServiceDeployments(request);
    found.push(...page.serviceDeployments);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}

/** @throws CommandError when there is none, or more than one begins so */
async function find(context: Context, name: Named): Promise<ServiceDeployment> {
  const { ecs } = await context.api();
  const { service, id = '' } = name;
  const all = await listed(context, name);
  const matching =
    name.id === undefined
      ? all.slice(0, 1)
      : all.filter(({ serviceDeploymentArn }) => lastOf(serviceDeploymentArn).startsWith(id));
  const [brief, ...others] = matching;
  if (!brief || others.length > 0) {
    const what = brief
      ? `${matching.length} deployments of service ${service} begin with "${id}"`
      : `service ${service} has no deployment${id ? ` "${id}"` : ''}`;
    throw new CommandError(exitCodes.refused, what, { next: `berth deployment list ${service}` });
  }
  const { serviceDeploymentArn: arn } = brief;
  const { serviceDeployments } = await ecs.DescribeServiceDeployments({
    serviceDeploymentArns: [arn],
  });
  const [deployment] = serviceDeployments;
  if (deployment) return deployment;
  throw new CommandError(exitCodes.refused, `${arn} is gone`, {
    next: `berth deployment list ${service}`,
  });
}

/** Who may see the deployment sees it also where there is no certificate, or none for him. */
async function certificateOf(
  context: Context,
  { cluster, service }: Named,
  { serviceDeploymentArn: deployment }: ServiceDeployment,
): Promise<MaybeCertificate> {
  const { operations } = await context.api();
  try {
    const asked = { cluster, service, deployment };
    return { certificate: await operations.GetDeploymentCertificate(asked) };
  } catch (error) {
    if (isBerthError(error, 'ServiceDeploymentNotFoundException')) {
      return { withoutCertificate: 'none yet' };
    }
    if (isBerthError(error, 'AccessDeniedException')) return { withoutCertificate: error.message };
    throw error;
  }
}

/** Answer the hook of type PAUSE that waits: --hook, or the only one. */
async function answer(context: Context, action: 'CONTINUE' | 'ROLLBACK'): Promise<undefined> {
  const { ecs } = await context.api();
  const name = named(context);
  const { serviceDeploymentArn, lifecycleHookDetails } = await find(context, name);
  const waiting = lifecycleHookDetails.filter(({ status }) => status === 'AWAITING_ACTION');
  const given = context.flags.text('hook');
  const [only, ...others] = waiting;
  if (given === undefined && (!only || others.length > 0)) {
    const ids = waiting.map(({ hookId, lifecycleStage }) => `${hookId} (${lifecycleStage})`);
    throw new CommandError(
      exitCodes.refused,
      only
        ? `${waiting.length} hooks wait for an answer: ${ids.join(', ')}; --hook says which`
        : `deployment ${lastOf(serviceDeploymentArn)} waits for nobody`,
      { next: `berth deployment show ${name.service}` },
    );
  }
  const hookId = given ?? only?.hookId ?? '';
  const result = await ecs.ContinueServiceDeployment({ serviceDeploymentArn, hookId, action });
  if (printedAsJson(context, result)) return undefined;
  const goes = action === 'CONTINUE' ? 'goes on' : 'goes back';
  say(context.terminal, `${hookId}: ${action}; deployment ${lastOf(serviceDeploymentArn)} ${goes}`);
  return undefined;
}

export const handlers: Handlers = {
  'deployment list': async (context) =>
    show(
      context,
      async () => ({ serviceDeployments: await listed(context, named(context)) }),
      ({ serviceDeployments }) => deploymentTable(serviceDeployments, context),
    ),

  'deployment show': async (context) => {
    const { ecs } = await context.api();
    const name = named(context);
    const read = async () => {
      const deployment = await find(context, name);
      const service = await describeService(ecs, name.cluster, name.service);
      const current = service.currentServiceDeployment === deployment.serviceDeploymentArn;
      const progress = current ? service.deployments[0]?.progress : undefined;
      const certificate = await certificateOf(context, name, deployment);
      return { serviceDeployments: [deployment], progress, ...certificate };
    };
    return show(context, read, ({ serviceDeployments, progress, ...certificate }) => [
      ...serviceDeployments.flatMap((one) => deploymentLines(one, progress, context)),
      ...certificateSection(certificate, context),
    ]);
  },

  'deployment continue': (context) => answer(context, 'CONTINUE'),

  'deployment rollback': (context) => answer(context, 'ROLLBACK'),

  'deployment stop': async (context) => {
    const { ecs } = await context.api();
    const name = named(context);
    const { serviceDeploymentArn } = await find(context, name);
    const id = lastOf(serviceDeploymentArn);
    await confirm(context, `Stop deployment ${id} of ${name.service}, and go back?`);
    const result = await ecs.StopServiceDeployment({ serviceDeploymentArn, stopType: 'ROLLBACK' });
    if (printedAsJson(context, result)) return undefined;
    say(context.terminal, `deployment ${id} of ${name.service} goes back`);
    return undefined;
  },
};
