import { dataDirectory, readClusterFile } from '../cluster-file.ts';
import { type Handlers, printedAsJson } from '../context.ts';
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
    };
    if (printedAsJson(context, variables)) return undefined;
    for (const [name, value] of Object.entries(variables)) {
      say(context.terminal, `export ${name}=${quoted(value)}`);
    }
    await context.terminal.drained();
    return undefined;
  },
};

/** As one word of a POSIX shell. */
function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
