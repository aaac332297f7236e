# Sourced by the launchers beside it, with $self (a path of the launcher, links resolved) and $program set.
#
# Suites start a server hundreds of times, so the usual way forks nothing: the shell turns into the Node
# that runs the bundle, and the pid that was started is the server's.

package=${self%/*}/..
bundle=$package/dist/$program.js
wanted='24.20 or newer in the 24 line, or 26.6 or newer'
found=

# Whether a version ("24.21.0") of Node can hand a socket to a thread. Same rule: scripts/runtime.mjs.
is_supported() {
  major=${1%%.*}
  minor=${1#*.}
  minor=${minor%%.*}
  case $major$minor in
    '' | *[!0-9]*) return 1 ;;
  esac
  case $major in
    24) [ "$minor" -ge 20 ] ;;
    26) [ "$minor" -ge 6 ] ;;
    *) [ "$major" -gt 26 ] ;;
  esac
}

# Uses the program $1 if it is a Node that will do.
try_node() {
  [ -x "$1" ] || return 1
  version=$("$1" --version 2>/dev/null) || version='v? (does not run)'
  if is_supported "${version#v}"; then
    node=$1
    return 0
  fi
  found="$found ${version#v} at $1;"
  return 1
}

find_node() {
  # The pinned Node of a clone needs no look at its version.
  node=$package/node_modules/.bin/node
  [ -x "$node" ] && [ -e "$package/tools/node-runtime" ] && return 0
  for candidate in "$package"/node_modules/.bin/node "$package"/../.bin/node \
    "$package"/../node-*-*/bin/node "$(command -v node)"; do
    try_node "$candidate" && return 0
  done
  return 1
}

fail() {
  printf '%s: %s\n' "$program" "$1" >&2
  exit 1
}

# Any Node from 18 on will do for the set-up, which brings the right one.
set_up() {
  [ -e "$package/scripts/setup.mjs" ] || fail "$bundle is missing: the package is incomplete"
  for candidate in "${SABLE_NODE:-}" "$(command -v node)" "$package/node_modules/.bin/node"; do
    [ -x "$candidate" ] || continue
    "$candidate" "$package/scripts/setup.mjs" >&2 || fail 'the set-up failed, see above'
    return
  done
  fail 'the set-up needs Node and npm; found none on PATH'
}

[ -e "$bundle" ] || set_up
[ -e "$bundle" ] || fail "$bundle is missing"
if [ -n "${SABLE_NODE:-}" ]; then
  try_node "$SABLE_NODE" ||
    fail "SABLE_NODE must name a Node $wanted; found:${found:- nothing at $SABLE_NODE}"
else
  find_node || fail "needs Node $wanted; found:${found:- none} (SABLE_NODE can name another one)"
fi

exec "$node" ${node_flags:-} "$bundle" "$@"
