# Sourced by ./nptsim and ./run-tests; $program and $root are set by them.

say() { printf '%s: %s\n' "$program" "$*" >&2; }
die() { say "$*"; exit 2; }

# needed_packages build|test: the packages that packages.txt lists for it; `test` includes `build`.
needed_packages() {
  local name who
  while read -r name who; do
    case $name in ''|'#'*) continue ;; esac
    if [[ ${who:-build} == build || $1 == test ]]; then echo "$name"; fi
  done <"$root/bazel/packages.txt"
}

# install_packages build|test: installs what is missing, which needs root; returns at once if nothing is.
install_packages() {
  local name missing=() log
  local -A installed=()
  command -v dpkg-query >/dev/null || die "needs Debian 12: dpkg-query is not here to look for $(needed_packages "$1" | xargs)"
  while read -r name; do installed[${name%%:*}]=1; done < <(
    needed_packages "$1" | xargs dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null |
      sed -n 's/^installed //p')
  for name in $(needed_packages "$1"); do
    [[ -n ${installed[$name]:-} ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0

  [[ $EUID -eq 0 ]] || die "needs Debian packages; install them as root: apt-get install ${missing[*]}"
  say "installing Debian packages (once): ${missing[*]}"
  log=$(mktemp) || die "cannot write a log to ${TMPDIR:-/tmp}"
  if ! { apt-get -q update && apt-get -qy --no-install-recommends install "${missing[@]}"; } \
      >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "apt-get could not install them"
  fi
  rm -f "$log"
}

# run_bazel ARGUMENT...: Bazel in the project. It keeps its outputs below $HOME, so there must be one.
run_bazel() {
  (cd "$root" && exec env HOME="${HOME:-$(getent passwd "$EUID" | cut -d: -f6)}" bazel "$@")
}
