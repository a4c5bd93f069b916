// What a lab consists of, worked out before anything is made: nodes, addresses, and the commands that run on each, which are
// those of docs/running.md. Pure.
import { ETCD_CLIENT_NAME } from '@berth/store/etcd-client-name.ts';

export const KINDS = ['etcd', 'server', 'proxy', 'host'] as const;
export type NodeKind = (typeof KINDS)[number];

export interface LabOptions {
  /** Of the lab: a letter and up to seven letters or digits. */
  readonly name: string;
  readonly hosts: number;
  readonly servers: number;
  readonly etcd: number;
  readonly proxies: number;
  /** Size of each host's own file system. */
  readonly diskMib: number;
  /** Containers outlive their Docker Engine. */
  readonly liveRestore: boolean;
  /** Processes of each proxy that requests pass through. */
  readonly proxyWorkers: number;
  /** More flags for every server: "--host-lost-after=10s". */
  readonly serverFlags: readonly string[];
}

export const DEFAULT_OPTIONS: LabOptions = {
  name: 'lab',
  hosts: 5,
  servers: 3,
  etcd: 3,
  proxies: 2,
  diskMib: 2048,
  liveRestore: true,
  proxyWorkers: 1,
  serverFlags: [],
};

/** How many of each kind the addresses suffice for. */
export const MOST: Readonly<Record<NodeKind, number>> = { etcd: 9, server: 9, proxy: 9, host: 99 };

export interface Programs {
  readonly node: string;
  /** The launcher of the `berth` command. */
  readonly berth: string;
  readonly dockerd: string;
  readonly etcd: string;
}

export interface Places {
  /** Everything of this lab: the plan, logs, certificates, disks. */
  readonly directory: string;
  /** In memory: sockets, process records, the data of etcd. */
  readonly run: string;
}

export type ProcessName = 'etcd' | 'server' | 'proxy' | 'engine' | 'agent';

export interface ProcessPlan {
  readonly name: ProcessName;
  readonly command: readonly string[];
  readonly logFile: string;
  /** How it says that it is ready: a URL that answers 200, for etcd with a certificate, or a Docker Engine that answers. */
  readonly ready: { readonly url: string; readonly tls?: string } | { readonly dockerHost: string };
  /** Directories that it needs. */
  readonly directories: readonly string[];
  /** Files that one which was killed leaves, and that keep the next from starting. */
  readonly stale: readonly string[];
}

export interface NodePlan {
  /** e1, s2, p1, h5. */
  readonly name: string;
  readonly kind: NodeKind;
  readonly address: string;
  /** As `ip netns` names it. */
  readonly namespace: string;
  /** Its port of the bridge. */
  readonly port: string;
  readonly zone: string;
  /** Of a host. */
  readonly instanceType?: string;
  readonly dockerHost?: string;
  /** Mount point of a host's file system, and the file that it is in. */
  readonly disk?: { readonly mount: string; readonly image: string };
  /** Below each hierarchy of cgroups; of a host's containers. */
  readonly cgroup?: string;
  /** HOST:PORT of /metrics and /readyz; etcd has none of ours. */
  readonly admin?: string;
  /** Its certificate, and what it names. */
  readonly certificate: {
    readonly role: 'control' | 'host' | 'proxy';
    readonly name: string;
    readonly sans: readonly string[];
    /** File name without extension; others share the directory of a node. */
    readonly directory: string;
  };
  /** In the order in which they start. */
  readonly processes: readonly ProcessPlan[];
}

export interface LabPlan extends Places {
  readonly options: LabOptions;
  /** Second byte of all addresses: 10.X.0.0/16 is the lab's. */
  readonly net: number;
  /** 10.X.0.0/24: where the nodes are. */
  readonly subnet: string;
  /** The namespace of the bridge that connects the nodes. */
  readonly bridgeNamespace: string;
  /** This machine's own link to the bridge, and its address there. */
  readonly rootLink: string;
  readonly rootAddress: string;
  /** Of all containers, below each hierarchy. */
  readonly cgroup: string;
  readonly cluster: string;
  /** The authority, the admin's certificate and the key for secrets. */
  readonly tls: string;
  readonly httpPort: number;
  /** HOST:PORT of every api, of every AWS endpoint, and the URL of every proxy. */
  readonly api: readonly string[];
  readonly aws: readonly string[];
  readonly proxyUrls: readonly string[];
  readonly nodes: readonly NodePlan[];
}

export const BRIDGE = 'lan';
/** A node's link to the bridge, as it sees it. */
export const LINK = 'eth0';
export const CLUSTER = 'default';
export const HTTP_PORT = 8080;
const API_PORT = 7400;
const SCHEDULER_PORT = 7401;
const ETCD_PORT = 7402;
const ETCD_PEER_PORT = 7403;
const ADMIN_PORT = 7404;
const AWS_PORT = 7406;
const ZONES = ['a', 'b', 'c'] as const;
const INSTANCE_TYPES = ['m7i.large', 'c7i.large', 'r7i.large', 'm7i.xlarge'] as const;
/** Last byte of the address of the first node of a kind, less one. */
const FIRST: Readonly<Record<NodeKind, number>> = { etcd: 10, server: 20, proxy: 30, host: 100 };
/** Third byte of the addresses of a host's containers, and of the networks that people make on it, less its number. */
const BRIDGES = 0;
const POOLS = 100;
const NAME = /^[a-z][a-z0-9]{0,7}$/;

/** @returns what is wrong with the options, in words; undefined for nothing */
export function refusal(options: LabOptions): string | undefined {
  if (!NAME.test(options.name)) {
    return `a lab's name is a small letter and up to seven small letters or digits, found "${options.name}"`;
  }
  const counts: readonly (readonly [string, number, number, number])[] = [
    ['hosts', options.hosts, 0, MOST.host],
    ['servers', options.servers, 1, MOST.server],
    ['etcd', options.etcd, 1, MOST.etcd],
    ['proxies', options.proxies, 0, MOST.proxy],
    ['host disk in MiB', options.diskMib, 512, 1024 * 1024],
    ['proxy workers', options.proxyWorkers, 1, 64],
  ];
  for (const [what, count, min, max] of counts) {
    if (!Number.isSafeInteger(count) || count < min || count > max) {
      return `${what} must be a whole number from ${min} to ${max}, found ${count}`;
    }
  }
  if (options.etcd % 2 === 0) {
    return `etcd needs an odd number of members, found ${options.etcd}: an even one survives no more failures and splits in halves`;
  }
  return undefined;
}

/** @param net free second byte: 10.NET.0.0/16 */
export function planLab(
  options: LabOptions,
  net: number,
  places: Places,
  programs: Programs,
): LabPlan {
  const prefix = `berth-${options.name}`;
  const ground: Ground = {
    options,
    net,
    programs,
    prefix,
    ...places,
    tls: `${places.directory}/tls`,
    cgroup: prefix,
    etcd: addressesOf('etcd', options.etcd, net),
    api: addressesOf('server', options.servers, net).map((address) => `${address}:${API_PORT}`),
  };
  const nodes = [
    ...count(options.etcd).map((number) => etcdNode(ground, number)),
    ...count(options.servers).map((number) => serverNode(ground, number)),
    ...count(options.proxies).map((number) => proxyNode(ground, number)),
    ...count(options.hosts).map((number) => hostNode(ground, number)),
  ];
  const of = (kind: NodeKind): readonly NodePlan[] => nodes.filter((node) => node.kind === kind);
  return {
    ...places,
    options,
    net,
    subnet: `10.${net}.0.0/24`,
    bridgeNamespace: `${prefix}-net`,
    rootLink: prefix,
    rootAddress: `10.${net}.0.1`,
    cgroup: prefix,
    cluster: CLUSTER,
    tls: ground.tls,
    httpPort: HTTP_PORT,
    api: ground.api,
    aws: of('server').map(({ address }) => `${address}:${AWS_PORT}`),
    proxyUrls: of('proxy').map(({ address }) => `http://${address}:${HTTP_PORT}`),
    nodes,
  };
}

interface Ground extends Places {
  readonly options: LabOptions;
  readonly net: number;
  readonly programs: Programs;
  readonly prefix: string;
  readonly tls: string;
  readonly cgroup: string;
  readonly etcd: readonly string[];
  readonly api: readonly string[];
}

function etcdNode(ground: Ground, number: number): NodePlan {
  const node = nodeOf(ground, 'etcd', number);
  const { directory: tls } = node.certificate;
  const data = `${ground.run}/${node.name}/etcd`;
  const client = `https://${node.address}:${ETCD_PORT}`;
  const peer = `https://${node.address}:${ETCD_PEER_PORT}`;
  const members = ground.etcd.map((one, at) => `e${at + 1}=https://${one}:${ETCD_PEER_PORT}`);
  const pair = (prefix: string): string[] => [
    ...[`--${prefix}cert-file`, `${tls}/control.crt`, `--${prefix}key-file`, `${tls}/control.key`],
    ...[`--${prefix}trusted-ca-file`, `${tls}/ca.crt`, `--${prefix}client-cert-auth`],
  ];
  const command = [
    ground.programs.etcd,
    ...['--name', node.name, '--data-dir', data, '--pre-vote'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', members.join(','), '--initial-cluster-token', ground.prefix],
    ...['--initial-cluster-state', 'new'],
    ...[...pair(''), '--client-cert-allowed-hostname', ETCD_CLIENT_NAME],
    ...[...pair('peer-'), '--peer-cert-allowed-hostname', ETCD_CLIENT_NAME],
    ...['--auto-compaction-mode', 'periodic', '--auto-compaction-retention', '1h'],
    ...['--logger', 'zap'],
  ];
  return {
    ...node,
    processes: [
      {
        name: 'etcd',
        command,
        logFile: logFile(ground, node.name, 'etcd'),
        ready: { url: `${client}/health`, tls: `${tls}/control` },
        directories: [data],
        stale: [],
      },
    ],
  };
}

function serverNode(ground: Ground, number: number): NodePlan {
  const node = nodeOf(ground, 'server', number);
  const at = (port: number): string => `${node.address}:${port}`;
  const flags = [
    ...['--listen', at(API_PORT), '--scheduler-listen', at(SCHEDULER_PORT)],
    ...['--etcd', ground.etcd.map((address) => `${address}:${ETCD_PORT}`).join(',')],
    ...['--aws-listen', at(AWS_PORT), '--secrets-key', `${ground.tls}/secrets.key`],
    ...['--audit-log', `${ground.directory}/logs/${node.name}.audit.log`],
    ...ground.options.serverFlags,
  ];
  return { ...node, ...roleOf(ground, node, 'server', flags, []) };
}

function proxyNode(ground: Ground, number: number): NodePlan {
  const node = nodeOf(ground, 'proxy', number);
  const data = `${ground.run}/${node.name}/proxy`;
  const flags = [
    ...['--api', ground.api.join(','), '--id', node.name, '--data-dir', data],
    ...['--workers', String(ground.options.proxyWorkers), '--availability-zone', node.zone],
  ];
  return { ...node, ...roleOf(ground, node, 'proxy', flags, [data]) };
}

function hostNode(ground: Ground, number: number): NodePlan {
  const node = nodeOf(ground, 'host', number);
  const { directory, run, net, programs } = ground;
  const mount = `${directory}/hosts/${node.name}`;
  const own = `${run}/${node.name}`;
  const socket = `${own}/docker.sock`;
  const cgroup = `${ground.cgroup}/${node.name}`;
  const instanceType = inTurn(INSTANCE_TYPES, number);
  const engine: ProcessPlan = {
    name: 'engine',
    command: [
      programs.dockerd,
      ...['--data-root', `${mount}/docker`, '--exec-root', `${own}/exec`],
      ...['--pidfile', `${own}/docker.pid`, '--host', `unix://${socket}`],
      ...['--config-file', `${own}/daemon.json`],
      ...['--bip', `10.${net}.${BRIDGES + number}.1/24`],
      ...['--default-address-pool', `base=10.${net}.${POOLS + number}.0/24,size=28`],
      // One driver on every machine, so that the containers' cgroups are where we look for them.
      ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${cgroup}`],
      `--live-restore=${ground.options.liveRestore}`,
    ],
    logFile: logFile(ground, node.name, 'engine'),
    ready: { dockerHost: `unix://${socket}` },
    directories: [own],
    // Another process may have the number by now, or nobody may have asked yet how the killed one ended.
    stale: [`${own}/docker.pid`, `${own}/exec/containerd/containerd.pid`],
  };
  const data = `${mount}/agent`;
  const flags = [
    ...['--api', ground.api.join(','), '--name', node.name, '--address', node.address],
    ...['--cluster', CLUSTER, '--docker', `unix://${socket}`, '--data-dir', data],
    ...['--attribute', `ecs.availability-zone=${node.zone}`],
    ...['--attribute', `ecs.instance-type=${instanceType}`],
  ];
  const { admin, processes } = roleOf(ground, node, 'agent', flags, [data]);
  return {
    ...node,
    instanceType,
    dockerHost: `unix://${socket}`,
    disk: { mount, image: `${directory}/hosts/${node.name}.img` },
    cgroup,
    admin,
    processes: [engine, ...processes],
  };
}

type BareNode = Omit<NodePlan, 'processes'>;

function nodeOf(ground: Ground, kind: NodeKind, number: number): BareNode {
  const name = `${kind[0] ?? ''}${number}`;
  const address = addressOf(kind, number, ground.net);
  const role = kind === 'etcd' || kind === 'server' ? 'control' : kind;
  return {
    name,
    kind,
    address,
    namespace: `${ground.prefix}-${name}`,
    port: name,
    zone: inTurn(ZONES, number),
    certificate: {
      role,
      name,
      sans: role === 'control' ? [address] : [],
      directory: `${ground.tls}/${name}`,
    },
  };
}

/** A process that the `berth` command starts. */
function roleOf(
  ground: Ground,
  node: BareNode,
  name: 'server' | 'proxy' | 'agent',
  flags: readonly string[],
  directories: readonly string[],
): { readonly admin: string; readonly processes: readonly ProcessPlan[] } {
  const { node: program, berth } = ground.programs;
  const admin = `${node.address}:${ADMIN_PORT}`;
  return {
    admin,
    processes: [
      {
        name,
        command: [
          ...[program, '--disable-warning=ExperimentalWarning', berth, name, ...flags],
          ...['--admin', admin, '--tls-dir', node.certificate.directory],
        ],
        logFile: logFile(ground, node.name, name),
        ready: { url: `http://${admin}/readyz` },
        directories,
        stale: [],
      },
    ],
  };
}

function logFile({ directory }: Places, node: string, process: ProcessName): string {
  return `${directory}/logs/${node}.${process}.log`;
}

function addressOf(kind: NodeKind, number: number, net: number): string {
  return `10.${net}.0.${FIRST[kind] + number}`;
}

function addressesOf(kind: NodeKind, many: number, net: number): string[] {
  return count(many).map((number) => addressOf(kind, number, net));
}

/** 1, 2, ... many. */
function count(many: number): number[] {
  return Array.from({ length: many }, (_, index) => index + 1);
}

function inTurn<T>(values: readonly [T, ...T[]], number: number): T {
  return values[(number - 1) % values.length] ?? values[0];
}

/** Words for several nodes at once. */
const GROUPS: Readonly<Record<string, NodeKind>> = {
  hosts: 'host',
  servers: 'server',
  proxies: 'proxy',
  etcd: 'etcd',
};

/**
 * The nodes that a text names: "h1", "s1,s2", "hosts", "zone:a", "all", in any mixture.
 * @returns undefined where a word names none
 */
export function selectNodes(
  nodes: readonly NodePlan[],
  text: string,
): readonly NodePlan[] | undefined {
  const words = text.split(',').filter(Boolean);
  const chosen = words.map((word) => {
    const kind = GROUPS[word];
    const zone = /^zone:(.+)$/.exec(word)?.[1];
    return nodes.filter(
      (node) =>
        word === 'all' || node.name === word || node.kind === kind || (zone && node.zone === zone),
    );
  });
  if (chosen.length === 0 || chosen.some((some) => some.length === 0)) return undefined;
  const names = new Set(chosen.flat().map(({ name }) => name));
  return nodes.filter(({ name }) => names.has(name));
}
