import { type ClusterFile, dataDirectory, readClusterFile } from '../cluster-file.ts';
import { type Handlers, printedAsJson } from '../context.ts';
import { type DevKey, readDevKey } from '../dev/user.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { say } from '../output/terminal.ts';

export const handlers: Handlers = {
  env: async (context) => {
    const directory = dataDirectory(context.environment);
    const file = readClusterFile(directory);
    if (!file) {
      throw new CommandError(
        exitCodes.unavailable,
        `no berth dev runs on ${directory}, so that there is nothing to export`,
        { next: 'npx berth dev --keep' },
      );
    }
    const variables = {
      BERTH_API: file.api,
      BERTH_TLS_DIR: file.tlsDirectory,
      BERTH_CLUSTER: file.cluster,
      BERTH_PROXY_URL: file.proxyUrl,
      DOCKER_HOST: file.dockerHost,
      ...awsVariables(file, readDevKey(directory)),
    };
    if (printedAsJson(context, variables)) return undefined;
    for (const [name, value] of Object.entries(variables)) {
      say(context.terminal, `export ${name}=${quoted(value)}`);
    }
    say(context.terminal, 'unset AWS_SESSION_TOKEN');
    await context.terminal.drained();
    return undefined;
  },
};

/** What the AWS CLI and the SDKs read, of the endpoint of `berth dev`. */
export function awsVariables(
  { awsUrl, region }: Pick<ClusterFile, 'awsUrl' | 'region'>,
  key: DevKey | undefined,
): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: awsUrl,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    ...(key && {
      AWS_ACCESS_KEY_ID: key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    }),
  };
}

/** As one word of a POSIX shell. */
export function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
