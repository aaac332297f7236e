#!/usr/bin/env bash
# Brings the programs the broker is compared with into a folder, those that are not there yet:
#
#   scripts/peers.sh <folder>      makes <folder>/nats-server-latest, nats-server-2.10, nats-server-2.9,
#                                  the example programs nats-{sub,pub,req,rply} of the Go client,
#                                  and the tools nk and nsc; with SABLE_TOOLS=all also nats, nats-top
#                                  and prometheus-nats-exporter
#
# Go builds them where it is present; else Debian's packages are unpacked, without root and without a
# change to the system's package sources. What cannot be had is named and left out; exit 1 only if the
# newest nats-server is missing in the end.
set -u

folder=${1:?usage: scripts/peers.sh <folder>}
mkdir -p "$folder" || exit 1
folder=$(cd "$folder" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

say() { printf 'peers: %s\n' "$*" >&2; }

# Moves a program to its place in one step, so that a second run beside this one never sees half of it.
place() { # <program> <name>
  chmod +x "$1" && mv -f "$1" "$folder/$2.new.$$" && mv -f "$folder/$2.new.$$" "$folder/$2"
}

from_go() { # <name> <version>
  command -v go >/dev/null || return 1
  say "$1: go install nats-server/v2@$2"
  mkdir -p "$work/gobin"
  GOBIN=$work/gobin GOFLAGS=-mod=mod go install "github.com/nats-io/nats-server/v2@$2" >&2 || return 1
  place "$work/gobin/nats-server" "$1"
}

# A private apt for one Debian release: own source list, own package lists, own cache.
private_apt() { # <release> <apt-get argument>...
  local root=$work/apt-$1
  shift
  apt-get -qq \
    -o "Dir::State=$root/state" -o "Dir::State::status=/var/lib/dpkg/status" \
    -o "Dir::Cache=$root/cache" -o "Dir::Etc::sourcelist=$root/sources.list" \
    -o "Dir::Etc::sourceparts=/dev/null" -o "APT::Sandbox::User=" "$@"
}

from_debian() { # <name> <release>
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  say "$1: Debian package of $2"
  local root=$work/apt-$2
  mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial" "$root/unpacked" || return 1
  printf 'deb [signed-by=%s] http://deb.debian.org/debian %s main\n' \
    /usr/share/keyrings/debian-archive-keyring.gpg "$2" >"$root/sources.list"
  private_apt "$2" update >&2 || return 1
  (cd "$root" && private_apt "$2" download nats-server >&2) || return 1
  dpkg-deb -x "$root"/nats-server_*.deb "$root/unpacked" || return 1
  place "$root/unpacked/usr/sbin/nats-server" "$1" 2>/dev/null ||
    place "$root/unpacked/usr/bin/nats-server" "$1"
}

bring() { # <name> <Go version> <Debian release>...
  local name=$1 version=$2 release
  shift 2
  [ -x "$folder/$name" ] && return 0
  from_go "$name" "$version" && return 0
  for release in "$@"; do
    from_debian "$name" "$release" && return 0
  done
  say "$name: not to be had here"
  return 1
}

bring_examples() {
  local name missing=()
  for name in sub pub req rply; do
    [ -x "$folder/nats-$name" ] || missing+=("github.com/nats-io/nats.go/examples/nats-$name@latest")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  command -v go >/dev/null || return 0
  say "examples of nats.go: go install"
  mkdir -p "$work/gobin"
  for name in "${missing[@]}"; do
    GOBIN=$work/gobin GOFLAGS=-mod=mod go install "$name" >&2 || return 0
  done
  for name in "$work/gobin"/nats-{sub,pub,req,rply}; do
    [ -x "$name" ] && place "$name" "$(basename "$name")"
  done
  return 0
}

# Builds a program as part of a module of its own, in a version that is named: not every proxy has a
# list of its versions, which `go install <path>@latest` would ask for.
from_module() { # <name> <module> <version> [<package>]
  [ -x "$folder/$1" ] && return 0
  say "$1: go install"
  mkdir -p "$work/gobin" "$work/$1"
  printf 'module %s\nrequire %s %s\n' "$1" "$2" "$3" >"$work/$1/go.mod"
  (cd "$work/$1" && GOBIN=$work/gobin GOFLAGS=-mod=mod GONOSUMDB=$2 go install "${4:-$2}" >&2) &&
    place "$work/gobin/$1" "$1"
}

# The tools for keys and JWTs, and, if asked for, those that look at a running server.
bring_tools() {
  command -v go >/dev/null || return 0
  from_module nk github.com/nats-io/nkeys v0.4.17 github.com/nats-io/nkeys/nk
  from_module nsc github.com/nats-io/nsc/v2 v2.12.2
  [ "${SABLE_TOOLS:-}" = all ] || return 0
  from_module nats-top github.com/nats-io/nats-top v0.6.4
  from_module prometheus-nats-exporter github.com/nats-io/prometheus-nats-exporter v0.20.1
  from_module nats github.com/nats-io/natscli v0.5.1 github.com/nats-io/natscli/nats
  return 0
}

bring_examples
bring_tools
bring nats-server-2.9 v2.9.10 bookworm
bring nats-server-2.10 v2.10.27 trixie
bring nats-server-latest latest sid
