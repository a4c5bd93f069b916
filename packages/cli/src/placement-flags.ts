// --strategy and --constraint, as ECS's JSON has them.
import type { PlacementConstraint, PlacementStrategy } from '@berth/model/generated/messages.ts';

import type { Flags } from './flags.ts';

const STRATEGIES = ['random', 'spread', 'binpack'] as const;

/** Only the members whose flags are given. @throws UsageError */
export function placementOf(flags: Flags): {
  readonly placementStrategy?: readonly PlacementStrategy[];
  readonly placementConstraints?: readonly PlacementConstraint[];
} {
  const strategies = flags.texts('strategy').map((text): PlacementStrategy => {
    const [word = '', ...rest] = text.split(/[:=]/);
    const type = STRATEGIES.find((known) => known === word);
    if (!type) {
      throw flags.wrong(
        `--strategy must be spread:FIELD, binpack:cpu, binpack:memory or random, found "${text}"`,
      );
    }
    return rest.length > 0 ? { type, field: rest.join(':') } : { type };
  });
  const constraints = flags
    .texts('constraint')
    .map((expression): PlacementConstraint =>
      expression === 'distinctInstance'
        ? { type: 'distinctInstance' }
        : { type: 'memberOf', expression },
    );
  return {
    ...(strategies.length > 0 ? { placementStrategy: strategies } : {}),
    ...(constraints.length > 0 ? { placementConstraints: constraints } : {}),
  };
}
