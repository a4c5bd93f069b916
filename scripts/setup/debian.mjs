/** Debian's packages that a one-machine cluster needs, and the program that shows that each is there. */
export const RUNTIME_PACKAGES = {
  'etcd-server': 'etcd',
  'docker.io': 'dockerd',
  iptables: 'iptables',
  iproute2: 'ip',
  'busybox-static': 'busybox',
};

/** What a lab of many hosts needs beyond that. */
export const LAB_PACKAGES = { e2fsprogs: 'mkfs.ext4', 'util-linux': 'nsenter', mount: 'mount' };

/** What the benches and tests need beyond that. */
export const BENCH_PACKAGES = {
  haproxy: 'haproxy',
  'nginx-light': 'nginx',
  caddy: 'caddy',
  wrk: 'wrk',
  curl: 'curl',
  'nghttp2-client': 'h2load',
};

/** What tests need besides: a browser, an ACME server, the AWS CLI, a judge of the Vagrantfile, etcdctl, clocks that step. */
export const TEST_PACKAGES = {
  chromium: 'chromium',
  pebble: 'pebble',
  awscli: 'aws',
  vagrant: 'vagrant',
  'etcd-client': 'etcdctl',
  faketime: 'faketime',
  'docker-registry': 'docker-registry',
};
