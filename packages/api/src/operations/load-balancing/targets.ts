// Targets that people register by hand, and the health of all targets. The api writes down what is wanted; the controller makes
// targets of it. Source: ALB reference, sections 1.4, 1.5 and 3.4.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeregisterTargetsRequest,
  DeregisterTargetsResponse,
  DescribeTargetHealthRequest,
  DescribeTargetHealthResponse,
  RegisterTargetsRequest,
  RegisterTargetsResponse,
  TargetDescription,
  TargetGroupRecord,
  TargetReference,
  TargetRegistrationRecord,
} from '@berth/model/generated/messages.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { isTargetAddress } from '@berth/model/validation/target-address.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import { balancersUsing, groupsOfBalancer } from '../../views/group-references.ts';
import { targetHealthViews, unregisteredView } from '../../views/target-health-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { touch, write } from '../write.ts';
import { requireTargetGroup } from './find.ts';
import { refuseTooManyOfGroup, refuseTooManyTargets } from './target-quotas.ts';

/** Of one transaction, which may have 128 operations. */
const AT_ONCE = 100;
const MOST_TARGETS_A_CALL = 1000;
const PORT = { least: 1, most: 65_535 };

/** Those that are registered already stay as they are. Nothing is registered unless all can be. */
export async function registerTargets(
  on: OperationContext,
  request: RegisterTargetsRequest,
  { signal }: CallContext,
): Promise<RegisterTargetsResponse> {
  checkReferences(request.targets);
  const attempted = `register targets with target group ${request.targetGroup}`;
  for (let from = 0; from < request.targets.length; from += AT_ONCE) {
    await write(on, { signal, attempted, turn: request.targetGroup }, (state) => {
      const place = { state, realm: on.realm };
      const group = requireTargetGroup(place, request.targetGroup);
      const all = wantedOf(state, group.value, request.targets);
      refuseTooMany(place, group.value, all);
      const missing = all
        .slice(from, from + AT_ONCE)
        .filter((each) => !registrationOf(state, group.value.name, each));
      if (missing.length === 0) return { result: () => undefined };
      const touched = touch(collections.targetGroups, group);
      const records = missing.map((each): TargetRegistrationRecord => ({
        ...each,
        group: group.value.name,
        registeredAt: on.clock.now(),
        registrationId: drawHexId(on.random, 16),
      }));
      return {
        guards: [
          touched.guard,
          ...records.map((record) =>
            guardAbsent(collections.targetRegistrations, ...keyParts(record)),
          ),
        ],
        puts: [
          touched.put,
          ...records.map((record) =>
            putRecord(collections.targetRegistrations, keyParts(record), record),
          ),
        ],
        result: () => undefined,
      };
    });
  }
  return {};
}

type Wanted = Pick<TargetRegistrationRecord, 'id' | 'port' | 'availabilityZone'>;

function keyParts({ group, id, port }: TargetRegistrationRecord): [string, string] {
  return [group, `${id}:${port}`];
}

function registrationOf(state: State, group: string, { id, port }: Wanted): boolean {
  return state.get(collections.targetRegistrations, group, `${id}:${port}`) !== undefined;
}

function checkReferences(targets: readonly TargetReference[]): void {
  const check = new Checker('ValidationError');
  if (targets.length === 0) check.refuse('targets is empty; expected at least one target.');
  check.atMost('targets', targets.length, MOST_TARGETS_A_CALL, 'targets');
  for (const [index, { id, port, availabilityZone }] of targets.entries()) {
    check.text(
      `targets[${index}].id`,
      id,
      /^[!-.0-~]{1,255}$/,
      "a host's id or name, or an address",
    );
    check.integer(`targets[${index}].port`, port, PORT);
    if (availabilityZone) {
      check.text(
        `targets[${index}].availabilityZone`,
        availabilityZone,
        /^[a-z0-9-]{1,64}$/,
        'the name of a zone, or all',
      );
    }
  }
}

/** Each once, in the form in which they are stored. @throws BerthError InvalidTarget */
function wantedOf(
  state: State,
  group: TargetGroupRecord,
  targets: readonly TargetReference[],
): Wanted[] {
  const hosts = hostIds(state);
  const wanted = targets.map(({ id, port = group.port, availabilityZone }): Wanted => ({
    id: group.targetType === 'instance' ? requireHostId(hosts, id) : requireAddress(hosts, id),
    port,
    availabilityZone: availabilityZone || undefined,
  }));
  return [...new Map(wanted.map((each) => [`${each.id}:${each.port}`, each])).values()];
}

interface HostIds {
  /** Ids, each by itself and by its host's name; undefined where several hosts have the name. */
  readonly ids: ReadonlyMap<string, string | undefined>;
  readonly addresses: ReadonlySet<string>;
}

function hostIds(state: State): HostIds {
  const ids = new Map<string, string | undefined>();
  const addresses = new Set<string>();
  const hosts = Array.from(state.list(collections.hosts), ({ value }) => value);
  for (const { id, name, address } of hosts) {
    ids.set(name, ids.has(name) ? undefined : id);
    addresses.add(address);
  }
  for (const { id } of hosts) ids.set(id, id);
  return { ids, addresses };
}

function requireHostId({ ids }: HostIds, text: string): string {
  const id = ids.get(text);
  if (id !== undefined) return id;
  throw new BerthError(
    'InvalidTarget',
    `The target '${text}' is not valid: ${ids.has(text) ? 'several hosts have that name' : 'there is no such host'}; expected the id of a registered host, or the name of one.`,
  );
}

function requireAddress({ addresses }: HostIds, text: string): string {
  const address = text.toLowerCase();
  if (isTargetAddress(address) || addresses.has(text)) return address;
  throw new BerthError(
    'InvalidTarget',
    `The target '${text}' is not valid; expected an address in 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 or fc00::/7, or that of a registered host.`,
  );
}

function refuseTooMany(place: Place, group: TargetGroupRecord, wanted: readonly Wanted[]): void {
  const { state } = place;
  const more = wanted.filter((each) => !registrationOf(state, group.name, each)).length;
  if (more === 0) return;
  refuseTooManyOfGroup(state, group, more);
  for (const balancer of balancersUsing(state, group.name)) {
    refuseTooManyTargets(place, balancer, groupsOfBalancer(state, balancer), more);
  }
}

/** Without a port: all ports of that id. What is not registered is deregistered already. */
export async function deregisterTargets(
  on: OperationContext,
  request: DeregisterTargetsRequest,
  { signal }: CallContext,
): Promise<DeregisterTargetsResponse> {
  checkReferences(request.targets);
  const attempted = `deregister targets of target group ${request.targetGroup}`;
  const place = { state: on.cache, realm: on.realm };
  const { name } = requireTargetGroup(place, request.targetGroup).value;
  const { ids } = hostIds(on.cache);
  const meant = new Set(
    request.targets.map(({ id, port }) => `${ids.get(id) ?? id.toLowerCase()}:${port ?? ''}`),
  );
  const all = Array.from(on.cache.list(collections.targetRegistrations, name))
    .filter(({ value: { id, port } }) => meant.has(`${id}:${port}`) || meant.has(`${id}:`))
    .map(({ key }) => key);
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const deletes = all.slice(from, from + AT_ONCE);
    await write(on, { signal, attempted }, () => ({ deletes, result: () => undefined }));
  }
  return {};
}

/** Forget what was registered with a group that is gone. */
export async function sweepRegistrations(
  on: OperationContext,
  group: string,
  signal: AbortSignal,
): Promise<void> {
  const guards = [guardAbsent(collections.targetGroups, group)];
  for (;;) {
    const some = [...on.cache.list(collections.targetRegistrations, group)].slice(0, AT_ONCE);
    if (some.length === 0) return;
    const deletes = some.map(({ key }) => key);
    const outcome = await on.store.commit({ guards, puts: [], deletes }, signal);
    await on.cache.reached(outcome.revision, signal);
    if (!outcome.committed) return;
  }
}

/** Registered and draining targets, by id, with what the proxies have counted of the group's traffic. */
export async function describeTargetHealth(
  on: OperationContext,
  request: DescribeTargetHealthRequest,
  { signal }: CallContext,
): Promise<DescribeTargetHealthResponse> {
  const place = { state: on.cache, realm: on.realm };
  const { value: group } = requireTargetGroup(place, request.targetGroup);
  const all = targetHealthViews(on.cache, group);
  const asked =
    request.targets.length === 0 ? all : askedFor(on.cache, group, all, request.targets);
  const targets = request.includeAnomalyDetection
    ? asked
    : asked.map((each) => ({ ...each, anomaly: undefined, mitigationInEffect: undefined }));
  return { targets, traffic: await on.traffic.counters([group.name], signal) };
}

function askedFor(
  state: State,
  group: TargetGroupRecord,
  all: readonly TargetDescription[],
  targets: readonly TargetReference[],
): TargetDescription[] {
  checkReferences(targets);
  const { ids } = hostIds(state);
  const byId = new Map<string, TargetDescription[]>();
  for (const each of all) {
    const known = byId.get(each.targetId);
    if (known) known.push(each);
    else byId.set(each.targetId, [each]);
  }
  const shown = targets.flatMap((target) => {
    const id = ids.get(target.id) ?? target.id.toLowerCase();
    const found = (byId.get(id) ?? []).filter(
      ({ port }) => target.port === undefined || target.port === port,
    );
    return found.length > 0 ? found : [unregisteredView(target.id, target.port ?? group.port)];
  });
  return [...new Set(shown)];
}
