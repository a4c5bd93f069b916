// Commands of the lab: a cluster of many hosts on one machine, and what can be done to it.
import { JSON_FLAG, command, flag } from './build.mjs';

const NAME = flag('name', 'NAME', 'of the lab (default: lab)', { env: 'BERTH_LAB' });
const PARTS = ['agent', 'engine', 'containers', 'server', 'proxy', 'etcd'];
const PART = flag(
  'process',
  'NAME',
  'only that of the node: agent, engine, containers, server, proxy or etcd (default: all)',
  { complete: PARTS },
);
const FOR = flag('for', 'DURATION', 'undo it after this long, or at Ctrl-C');

const lab = (usage, summary, { flags = [], ...more } = {}) =>
  command(`lab ${usage}`, summary, { flags: [...flags, NAME], local: true, ...more });

export const labCommands = [
  lab('up', 'Build a cluster of many hosts on this machine', {
    module: 'lab-up',
    flags: [
      flag('hosts', 'N', 'with a Docker Engine and an agent each (default 5)'),
      flag('servers', 'N', 'control planes: api, scheduler, controller (default 3)'),
      flag('etcd', 'N', 'members, an odd number (default 3)'),
      flag('proxies', 'N', 'default 2'),
      flag('detach', '', 'leave it running and return when it is up', { short: 'd' }),
      flag('image', 'FILE.tar', 'an archive of docker save for every host; may be repeated', {
        multiple: true,
        complete: 'file',
      }),
      flag('no-sample', '', 'do not deploy the sample service'),
      flag('host-disk', 'MIB', 'size of each host’s file system (default 2048)'),
      flag('proxy-workers', 'N', 'processes of each proxy (default 1)'),
      flag('no-live-restore', '', 'containers end with their Docker Engine'),
      flag('server-flag', 'FLAG', 'for every berth server; may be repeated', { multiple: true }),
    ],
    details:
      'Needs root and Linux. Each node is a network namespace with an address of its own; each host has a Docker Engine and a file system of its own. Without --detach it runs until Ctrl-C, which takes it down. What an earlier one of the name left behind is removed first.',
    examples: [
      'berth lab up --hosts 5 --servers 3 --etcd 3 --proxies 2',
      'berth lab up --detach && eval "$(berth lab env)" && berth host list',
      'berth lab up --server-flag=--host-lost-after=10s',
    ],
  }),
  lab('ps', 'Show the nodes, their processes and what is wrong with them', { flags: [JSON_FLAG] }),
  lab('shell NODE -- [COMMAND...]', 'Run a shell, or a command, in the network of a node', {
    details: 'On a host DOCKER_HOST names its Docker Engine.',
    examples: ['berth lab shell h1', 'berth lab shell h1 -- docker ps'],
  }),
  lab('logs NODE', 'Show what the processes of a node logged', {
    flags: [
      flag('follow', '', 'go on with what is new', { short: 'f' }),
      flag('process', 'NAME', 'only that of the node: agent, engine, server, proxy or etcd', {
        complete: PARTS.filter((name) => name !== 'containers'),
      }),
      flag('tail', 'N', 'how many past lines (default 50)', { short: 'n' }),
    ],
  }),
  lab('kill NODES', 'Kill everything on nodes, or one process of each, with SIGKILL', {
    module: 'lab-faults',
    flags: [PART],
    details:
      'NODES are names and groups, separated by commas: h1,h2, hosts, servers, etcd, proxies, zone:a, all. Nothing is started again by itself: berth lab restart does that.',
    examples: ['berth lab kill h2', 'berth lab kill s1,p1', 'berth lab kill h3 --process engine'],
  }),
  lab('pause NODES', 'Stop everything on nodes with SIGSTOP', {
    module: 'lab-faults',
    flags: [PART, FOR],
  }),
  lab('resume NODES', 'Let paused processes go on', { module: 'lab-faults', flags: [PART] }),
  lab('restart NODES', 'End the processes of nodes, and start them again', {
    module: 'lab-faults',
    flags: [
      flag('process', 'NAME', 'only that of the node: agent, engine, server, proxy or etcd', {
        complete: PARTS.filter((name) => name !== 'containers'),
      }),
    ],
    details: 'Also starts what was killed. Waits until it is ready.',
  }),
  lab('partition A B', 'Lose every packet between two sets of nodes', {
    module: 'lab-faults',
    flags: [flag('one-way', '', 'only what A sends to B'), FOR],
    details: 'A and B are names and groups as of berth lab kill. Neither side is told.',
    examples: [
      'berth lab partition h1 servers',
      'berth lab partition s1,e1 s2,s3,e2,e3 --for 30s',
      'berth lab partition p1 hosts --one-way',
    ],
  }),
  lab('slow NODES', 'Delay and lose packets that nodes send', {
    module: 'lab-faults',
    flags: [
      flag('delay', 'DURATION', 'of each packet, also in milliseconds: 100ms'),
      flag('jitter', 'DURATION', 'by which the delay varies both ways'),
      flag('loss', 'PERCENT', 'of packets: 2%'),
      FOR,
    ],
    examples: ['berth lab slow h1 --delay 100ms --loss 2%'],
  }),
  lab('heal', 'Undo every partition and every slow link', { module: 'lab-faults' }),
  lab('fill-disk HOSTS', 'Take all that is left of hosts’ file systems', {
    module: 'lab-faults',
    flags: [FOR],
  }),
  lab('free-disk HOSTS', 'Give back what fill-disk took', { module: 'lab-faults' }),
  lab('env', 'Print what sets up a shell for the lab', {
    flags: [JSON_FLAG],
    examples: ['eval "$(berth lab env)"'],
  }),
  lab('down', 'Take the lab down and leave nothing behind', {
    details: 'Also what a lab up or a lab down that was killed left.',
  }),
];
