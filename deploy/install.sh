#!/bin/sh
# Installs one role of Berth on a Debian machine, from a checkout: program, settings, systemd unit. Run it again to update the
# program or to change settings; it touches no state and no certificate.
set -eu

usage() {
  cat <<'TEXT'
Usage: deploy/install.sh ROLE [NAME=VALUE]... [--start]

ROLE is etcd, server, agent or proxy. A machine may have several: run it once for each.
NAME=VALUE are settings: what `berth help environment` lists (BERTH_API=10.0.0.10:7400), for etcd
what etcd reads (ETCD_NAME=s1). They go to /etc/berth/ROLE.env; those that are there stay.
--start starts the role, or restarts it, where its certificate is in /etc/berth/tls.

Put ca.crt and the certificate and key of the role (control, host or proxy; see docs/running.md)
into /etc/berth/tls first, and on servers secrets.key.
TEXT
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

SOURCE=$(cd "$(dirname "$0")/.." && pwd)
PROGRAM=/opt/berth
SETTINGS=/etc/berth

role=${1:-}
case $role in
  etcd) identity=control packages='etcd-server' ;;
  server) identity=control packages='' ;;
  agent) identity=host packages='docker.io iptables' ;;
  proxy) identity=proxy packages='' ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
shift

start=no
for word in "$@"; do
  case $word in
    --start) start=yes ;;
    [A-Z]*=*) ;;
    *) usage >&2; fail "what is \"$word\"?" 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || fail 'needs root: the same command with sudo'
[ -e /etc/debian_version ] || fail 'installs on Debian only; docs/running.md says what to run elsewhere'

# --- Debian's packages. etcd's own service stays off: ours is berth-etcd. ---
missing=''
command -v node >/dev/null 2>&1 || missing="$missing nodejs npm"
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "installing$missing"
  if [ "$role" = etcd ] && command -v systemctl >/dev/null; then systemctl mask --quiet etcd.service; fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # words on purpose
  apt-get install -y -qq --no-install-recommends $missing
fi

# --- The user that roles run as which need not be root. ---
getent group berth >/dev/null || groupadd --system berth
getent passwd berth >/dev/null ||
  useradd --system --gid berth --home-dir /var/lib/berth --no-create-home --shell /usr/sbin/nologin berth
mkdir -p /var/lib/berth
install -d -m 0755 "$SETTINGS"
install -d -m 0750 -g berth "$SETTINGS/tls"
for file in "$SETTINGS"/tls/*; do
  [ -f "$file" ] || continue
  chgrp berth "$file"
  case $file in
    */ca.key) chmod 0600 "$file" ;;
    *.key) chmod 0640 "$file" ;;
    *) chmod 0644 "$file" ;;
  esac
done

# --- The program: a new copy beside the old one, then one takes the other's place. Roles that run keep theirs until they are restarted. ---
if [ "$role" != etcd ]; then
  staged=$PROGRAM.new
  rm -rf "$staged"
  mkdir -p "$staged"
  tar -C "$SOURCE" --exclude=node_modules --exclude=.cluster --exclude=.vagrant -cf "$PROGRAM.tar" \
    package.json package-lock.json .npmrc LICENSE packages proto scripts deploy docs
  tar -C "$staged" --no-same-owner -xf "$PROGRAM.tar"
  rm "$PROGRAM.tar"
  # What is the same as before need not be fetched again.
  if cmp -s "$PROGRAM/package-lock.json" "$staged/package-lock.json"; then
    for part in node_modules .node24; do
      if [ -e "$PROGRAM/$part" ]; then cp -a "$PROGRAM/$part" "$staged/$part"; fi
    done
  fi
  echo "preparing $PROGRAM"
  node "$staged/deploy/prepare.mjs" >/dev/null
  if [ ! -e "$staged/.node24/bin/node" ]; then
    mkdir -p "$staged/.node24/bin"
    ln -s "$(command -v node)" "$staged/.node24/bin/node"
  fi
  rm -rf "$PROGRAM.old"
  if [ -e "$PROGRAM" ]; then mv "$PROGRAM" "$PROGRAM.old"; fi
  mv "$staged" "$PROGRAM"
  rm -rf "$PROGRAM.old"
  printf '#!/bin/sh\nexec %s/.node24/bin/node --disable-warning=ExperimentalWarning %s/packages/cli/bin/berth.mjs "$@"\n' \
    "$PROGRAM" "$PROGRAM" >/usr/local/bin/berth.new
  chmod 0755 /usr/local/bin/berth.new
  mv /usr/local/bin/berth.new /usr/local/bin/berth
fi

# --- Settings: given ones replace those of the same name. ---
env=$SETTINGS/$role.env
touch "$env"
chmod 0644 "$env"
for word in "$@"; do
  [ "$word" = --start ] && continue
  name=${word%%=*}
  { grep -v "^$name=" "$env" || true; printf '%s\n' "$word"; } >"$env.new"
  chmod 0644 "$env.new"
  mv "$env.new" "$env"
done

# --- The unit. ---
install -m 0644 "$SOURCE/deploy/systemd/berth-$role.service" /etc/systemd/system/
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable --quiet "berth-$role.service"
  if [ "$start" = yes ]; then
    [ -e "$SETTINGS/tls/$identity.crt" ] || fail "there is no $SETTINGS/tls/$identity.crt; see: berth certificate issue --help"
    # A member that waits for the others is not up yet, and need not be.
    systemctl restart --no-block "berth-$role.service"
  fi
elif [ "$start" = yes ]; then
  fail 'systemd does not run here, so that nothing can be started'
fi
echo "berth $role is installed; its settings are in $env"
