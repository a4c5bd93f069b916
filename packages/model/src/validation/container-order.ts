// Which container waits for which. Pure. Source: ECS reference, section 3.8.
import type { ContainerDefinition } from '../generated/messages.ts';
import type { Checker } from './check.ts';

const CONDITIONS = ['START', 'COMPLETE', 'SUCCESS', 'HEALTHY'];

export function checkDependencies(all: Checker, containers: readonly ContainerDefinition[]): void {
  const byName = new Map(containers.map((container) => [container.name, container]));
  for (const container of containers) {
    const check: Checker = all.within(`Container '${container.name}'`);
    for (const [index, { containerName, condition }] of container.dependsOn.entries()) {
      const field = `dependsOn[${index}]`;
      const other = byName.get(containerName);
      if (!other || other === container) {
        check.expected(
          `${field}.containerName`,
          containerName,
          'the name of another container of the task',
        );
      }
      check.word(`${field}.condition`, condition, CONDITIONS);
      checkCondition(check, field, condition, other);
    }
    check.unique(
      'dependsOn: containerName',
      container.dependsOn.map((dependency) => dependency.containerName),
    );
  }
  const cycle = findCycle(byName);
  if (cycle) all.refuse(`dependsOn goes in a circle: ${cycle.join(' -> ')}; expected an order.`);
}

function checkCondition(
  check: Checker,
  field: string,
  condition: string,
  other: ContainerDefinition,
): void {
  const waitsForExit = condition === 'COMPLETE' || condition === 'SUCCESS';
  if (waitsForExit && other.essential !== false) {
    check.expected(
      `${field}.condition`,
      condition,
      `START or HEALTHY for '${other.name}', which is essential: when it exits the task stops`,
    );
  }
  const checked = other.healthCheck !== undefined && other.healthCheck.command[0] !== 'NONE';
  if (condition === 'HEALTHY' && !checked) {
    check.expected(
      `${field}.condition`,
      condition,
      `START for '${other.name}', which has no healthCheck`,
    );
  }
}

/** The names along one circle, the first repeated at the end. */
function findCycle(byName: ReadonlyMap<string, ContainerDefinition>): string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const { containerName } of byName.get(name)?.dependsOn ?? []) {
      const cycle = visit(containerName, [...path, name]);
      if (cycle) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of byName.keys()) {
    const cycle = visit(name, []);
    if (cycle) return cycle;
  }
  return undefined;
}
