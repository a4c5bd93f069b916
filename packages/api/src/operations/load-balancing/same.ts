// Whether what is asked for is what there is, however its members are ordered. Pure.
import type {
  ListenerRecord,
  LoadBalancerRecord,
  Tag,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { codec } from '@berth/rpc/codec.ts';

type Comparable = {
  readonly LoadBalancerRecord: LoadBalancerRecord;
  readonly TargetGroupRecord: TargetGroupRecord;
  readonly ListenerRecord: ListenerRecord;
};

/** Created, named and tagged alike. Of attributes only those that are asked for count: others may have been changed since. */
export function isSameSetup<N extends keyof Comparable>(
  message: N,
  existing: Comparable[N],
  asked: Omit<Comparable[N], 'id' | 'createdAt'>,
): boolean {
  const core = (record: object): Buffer =>
    codec<keyof Comparable>(message).encode({
      ...(record as Comparable[N]),
      id: '',
      createdAt: 0,
      attributes: {},
      tags: [],
    });
  return (
    core(existing).equals(core(asked)) &&
    tagsOf(existing.tags) === tagsOf(asked.tags) &&
    Object.entries(asked.attributes).every(([key, value]) => existing.attributes[key] === value)
  );
}

function tagsOf(tags: readonly Tag[]): string {
  return JSON.stringify(tags.map(({ key, value }) => [key, value]).sort());
}
