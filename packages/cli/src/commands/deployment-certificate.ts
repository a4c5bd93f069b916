import { type Context, type Handlers, argument, printedAsJson } from '../context.ts';
import { say } from '../output/terminal.ts';
import { certificateLines } from './deployment-certificate-view.ts';

export const handlers: Handlers = {
  'deployment certificate': async (context) => {
    const { operations } = await context.api();
    const certificate = await operations.GetDeploymentCertificate(asked(context));
    if (printedAsJson(context, certificate)) return undefined;
    for (const line of certificateLines(certificate, context)) say(context.terminal, line);
    return undefined;
  },
};

function asked(context: Context): { cluster: string; service: string; deployment?: string } {
  const named = argument(context, 0).replace(/^arn:.*:service-deployment\//, '');
  const [cluster = '', service, deployment] = named.split('/');
  if (service !== undefined && deployment !== undefined) return { cluster, service, deployment };
  const [, given] = context.positionals;
  return {
    cluster: context.cluster,
    service: argument(context, 0),
    ...(given === undefined ? {} : { deployment: given }),
  };
}
