#!/bin/sh
# Provisions one machine of the Vagrantfile: its certificate, then deploy/install.sh. The first server makes the authority; the
# others find it in /cluster. On real machines the authority's key stays where nobody else reads it.
#   provision.sh NAME ADDRESS ROLE [NAME=VALUE]...
set -eu
name=$1 address=$2 role=$3
shift 3
tls=/etc/berth/tls
authority=/cluster/tls

case $role in
  etcd | server) identity=control ;;
  agent) identity=host ;;
  proxy) identity=proxy ;;
  *) echo "provision.sh: there is no role \"$role\"" >&2; exit 2 ;;
esac
# The program first: it makes certificates. What runs etcd here runs a server too.
if ! command -v berth >/dev/null; then
  case $role in
    etcd) sh /berth/deploy/install.sh server ;;
    *) sh /berth/deploy/install.sh "$role" ;;
  esac
fi

mkdir -p "$tls" "$authority"
if [ ! -e "$authority/ca.key" ]; then
  berth certificate create-authority --tls-dir "$authority"
  berth certificate issue admin vagrant --tls-dir "$authority"
  berth secrets init --secrets-key "$authority/secrets.key"
fi
cp "$authority/ca.crt" "$tls/"
if [ "$identity" = control ]; then
  cp "$authority/secrets.key" "$authority/admin.crt" "$authority/admin.key" "$tls/"
fi
if [ ! -e "$tls/$identity.crt" ]; then
  san=''
  if [ "$identity" = control ]; then san="--san $address"; fi
  # shellcheck disable=SC2086 # two words
  berth certificate issue "$identity" "$name" --tls-dir "$authority" --out "$tls/$identity" $san
fi
sh /berth/deploy/install.sh "$role" "$@" --start

# `sudo -i berth ...` on a server talks to the cluster.
if [ "$role" = server ]; then
  printf 'export BERTH_API=%s:7400\n' "$address" >/etc/profile.d/berth.sh
fi
