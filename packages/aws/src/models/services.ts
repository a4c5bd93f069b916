// The models of the APIs, and how their patterns read in JavaScript.
import ecsModel from './generated/ecs.json' with { type: 'json' };
import elbv2Model from './generated/elbv2.json' with { type: 'json' };
import scalingModel from './generated/scaling.json' with { type: 'json' };
import stsModel from './generated/sts.json' with { type: 'json' };
import type { Member, ServiceModel, Structure } from './model.ts';

export const ecs = ecsModel as unknown as ServiceModel;
export const elbv2 = elbv2Model as unknown as ServiceModel;
export const scaling = scalingModel as unknown as ServiceModel;
export const sts = stsModel as unknown as ServiceModel;

/** @throws Error when the model has no such structure: a fault of ours */
export function structureOf(model: ServiceModel, name: string): Structure {
  const found = model.structures[name];
  if (!found) throw new Error(`${model.name} has no structure ${name}`);
  return found;
}

/** The name of the structure that a member, its items or its items' items are of. */
export function structureWithin(member: Member): string | undefined {
  return member.structure ?? (member.item && structureWithin(member.item));
}

/** Every structure that is reached from this one, itself included, in the order of the first meeting. */
export function structuresFrom(model: ServiceModel, name: string): Set<string> {
  const met = new Set<string>();
  const visit = (structure: string): void => {
    if (met.has(structure)) return;
    met.add(structure);
    for (const member of Object.values(structureOf(model, structure).members)) {
      const within = structureWithin(member);
      if (within !== undefined) visit(within);
    }
  };
  visit(name);
  return met;
}

const patterns = new Map<string, RegExp>();

/** A pattern of a model, for the whole of a text. */
export function patternOf(pattern: string): RegExp {
  let found = patterns.get(pattern);
  if (!found) {
    found = new RegExp(`^(?:${fromJava(pattern.replace(/^\^|\$$/g, ''))})$`, 'u');
    patterns.set(pattern, found);
  }
  return found;
}

/** Java knows classes that JavaScript does not, and lets more be escaped than need be. */
function fromJava(pattern: string): string {
  return pattern
    .replaceAll('\\p{Print}', '[\\x20-\\x7E]')
    .replace(/\\([:@=,_ #&~"'<>;!%`])/g, '$1');
}
