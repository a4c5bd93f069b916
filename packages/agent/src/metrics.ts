// The agent's metrics. Labels from closed sets only; known series start at zero.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { CallObserver } from './runtime/docker-transport.ts';
import type { TaskStage } from './task-memory.ts';

export interface AgentMetrics {
  readonly dockerCall: CallObserver;
  readonly pull: (outcome: 'ok' | 'failed') => void;
  readonly stream: (kind: 'logs' | 'exec') => void;
}

/** What is read at each scrape. */
export interface AgentGauges {
  tasks(): ReadonlyMap<TaskStage, number>;
  heldPorts(): number;
  sessionUp(): boolean;
  sessions(): number;
  engineUp(): boolean;
}

const STAGES: readonly TaskStage[] = ['PENDING', 'RUNNING', 'STOPPING', 'STOPPED'];

export function agentMetrics(registry: Registry): AgentMetrics {
  const registers = [registry];
  const calls = new Histogram({
    name: 'berth_agent_docker_call_duration_seconds',
    help: 'How long calls to the container engine took; for streams, until they opened',
    labelNames: ['operation', 'outcome'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30, 120],
    registers,
  });
  const pulls = new Counter({
    name: 'berth_agent_image_pulls_total',
    help: 'Image pulls that ended',
    labelNames: ['outcome'],
    registers,
  });
  const streams = new Counter({
    name: 'berth_agent_streams_total',
    help: 'Log and exec streams that were opened',
    labelNames: ['kind'],
    registers,
  });
  for (const outcome of ['ok', 'failed']) pulls.inc({ outcome }, 0);
  for (const kind of ['logs', 'exec']) streams.inc({ kind }, 0);
  return {
    dockerCall: (operation, outcome, seconds) => {
      calls.observe({ operation, outcome }, seconds);
    },
    pull: (outcome) => {
      pulls.inc({ outcome });
    },
    stream: (kind) => {
      streams.inc({ kind });
    },
  };
}

export function agentGauges(registry: Registry, read: AgentGauges): void {
  const registers = [registry];
  new Gauge({
    name: 'berth_agent_tasks',
    help: 'Tasks of this host by last status',
    labelNames: ['status'],
    registers,
    collect() {
      const counts = read.tasks();
      for (const status of STAGES) this.set({ status }, counts.get(status) ?? 0);
    },
  });
  const simple: readonly (readonly [string, string, () => number])[] = [
    ['berth_agent_held_ports', 'Host ports that belong to tasks', () => read.heldPorts()],
    ['berth_agent_session_up', '1 while connected to the api', () => Number(read.sessionUp())],
    ['berth_agent_sessions', 'Sessions established since the start', () => read.sessions()],
    ['berth_agent_engine_up', '1 while the engine answers', () => Number(read.engineUp())],
  ];
  for (const [name, help, value] of simple) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  }
}
