/** The DNS name that must stand in the certificate of a client of etcd, besides its identity: only the control plane's bear it. */
export const ETCD_CLIENT_NAME = 'etcd-client.berth';
