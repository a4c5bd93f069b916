// The labels that make Docker the agent's second memory: a container is found again by them, and only
// containers that carry them are ever touched.

export const LABEL = {
  cluster: 'berth.cluster',
  host: 'berth.host',
  task: 'berth.task',
  container: 'berth.container',
  attempt: 'berth.attempt',
  definition: 'berth.task-definition',
  epoch: 'berth.epoch',
  specHash: 'berth.spec-hash',
  volume: 'berth.volume',
} as const;

export type Labels = Readonly<Record<string, string>>;

/** The labels that everything of one host has in common. */
export function hostLabels(cluster: string, hostId: string): Labels {
  return { [LABEL.cluster]: cluster, [LABEL.host]: hostId };
}

/** The labels that everything of one task has in common. */
export function taskLabels(cluster: string, hostId: string, taskId: string): Labels {
  return { ...hostLabels(cluster, hostId), [LABEL.task]: taskId };
}
