// Figures that processes of the lab serve.
import type { Lab } from '@berth/cli/lab/lab.ts';

/** The sum of a metric's samples with all of these labels; 0 where there are none. @throws Error when it can't be had in 5 s */
export async function metric(
  lab: Lab,
  node: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const url = `http://${lab.node(node).admin ?? ''}/metrics`;
  const text = await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text();
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
