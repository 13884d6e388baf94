#!/usr/bin/env bash
# Tells the launcher's promises as stories, in a scratch project whose Bazel, dpkg-query and apt-get
# are stand-ins that note each call in $T/calls.
set -uo pipefail

here=$PWD  # the runfiles
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
project="$T/project with space"
failures=0

check() { # check WHAT ACTUAL EXPECTED
  if [[ $2 == "$3" ]]; then echo "ok: $1"
  else
    echo "FAILED: $1: got '$2', expected '$3'"
    failures=$((failures + 1))
  fi
}
builds() { grep -c '^bazel build' "$T/calls"; }

mkdir -p "$project/bazel" "$project/sim/cli" "$project/models/kernel" "$T/tools" "$T/elsewhere" "$T/out"
cp -L "$here/nptsim" "$project/nptsim"
cp -L "$here/bazel/setup.sh" "$here/bazel/packages.txt" "$project/bazel/"
chmod -R u+w "$project"
touch "$project"/{WORKSPACE,BUILD,.bazelrc} "$project/sim/cli/main.cc" "$project/models/kernel/facts.cc"
touch "$project/models/kernel/rows.yaml" "$T/calls" "$T/installed"

cat >"$T/tools/bazel" <<'TOOL'
#!/usr/bin/env bash
echo "bazel $*" >>"$T/calls"
case $1 in
  info) echo "$T/out" ;;
  build)
    if [[ -e $T/broken ]]; then echo "main.cc:1: error: no" >&2; exit 1; fi
    sleep 0.3
    mkdir -p "$T/out/sim/cli"
    cat >"$T/out/sim/cli/nptsim" <<'BINARY'
#!/usr/bin/env bash
case ${1:-} in
  --root) echo "$NPTSIM_ROOT" ;;
  --folder) pwd ;;
  --exit) exit "$2" ;;
  *) printf '<%s>' "$@" ;;
esac
BINARY
    chmod 555 "$T/out/sim/cli/nptsim" ;;
esac
TOOL
cat >"$T/tools/dpkg-query" <<'TOOL'
#!/usr/bin/env bash
for name in "${@:3}"; do
  [[ -e $T/bare ]] && ! grep -qx -- "$name" "$T/installed" || echo "installed $name"
done
TOOL
cat >"$T/tools/apt-get" <<'TOOL'
#!/usr/bin/env bash
echo "apt-get $*" >>"$T/calls"
[[ " $* " == *" install "* ]] && printf '%s\n' "$@" >>"$T/installed"
exit 0
TOOL
chmod +x "$T"/tools/*
export T PATH="$T/tools:$PATH"
nptsim() { "$project/nptsim" "$@"; }

echo "--- The first launch builds, the second one does not start Bazel"
check "arguments arrive as they are" "$(nptsim a 'b c' '' 2>"$T/err")" "<a><b c><>"
check "one line says why it takes long" "$(wc -l <"$T/err")" 1
check "one build" "$(builds)" 1
: >"$T/calls"
check "nothing on standard error" "$(nptsim a 2>&1)" "<a>"
check "no tool was started" "$(cat "$T/calls")" ""

echo "--- Status, folder and root are the caller's"
nptsim --exit 3
check "exit status" $? 3
cd "$T/elsewhere" || exit 1
check "working folder" "$(nptsim --folder)" "$T/elsewhere"
ln -s "$project/nptsim" "$T/elsewhere/link"
check "through a symlink, the project's root" "$(./link --root)" "$project"

echo "--- What changes the binary makes a build, what is read at run time does not"
rebuilds() { # rebuilds WHAT EXPECTED
  : >"$T/calls"
  nptsim >/dev/null 2>&1
  check "$1" "$(builds)" "$2"
}
echo "int x;" >>"$project/sim/cli/main.cc";        rebuilds "an edited source" 1
touch "$project/sim/cli/new.cc";                   rebuilds "a new source" 1
rm "$project/sim/cli/new.cc";                      rebuilds "a deleted source" 1
touch -d 2001-01-01 "$project/sim/cli/main.cc";    rebuilds "a source that became older" 1
echo "build -c dbg" >>"$project/.bazelrc";         rebuilds "another build setting" 1
echo "int y;" >>"$project/models/kernel/facts.cc"; rebuilds "a model's code" 1
echo "# row" >>"$project/models/kernel/rows.yaml"; rebuilds "a model's rows" 0

echo "--- A build that fails is told and tried again; no old binary answers in its place"
echo "int z;" >>"$project/sim/cli/main.cc"
touch "$T/broken"
output=$(nptsim a 2>&1)
check "exit status" $? 2
check "the compiler's words are shown" "$(grep -c 'error: no' <<<"$output")" 1
check "and ours" "$(grep -c 'nptsim: the build has failed' <<<"$output")" 1
rm "$T/broken"
check "mended" "$(nptsim a 2>/dev/null)" "<a>"

echo "--- Eight launches at once: one builds, all answer"
rm -rf "$project/.cache"
: >"$T/calls"
for i in 1 2 3 4 5 6 7 8; do nptsim "$i" >"$T/answer$i" 2>/dev/null & done
wait
check "answers" "$(cat "$T"/answer[1-8])" "<1><2><3><4><5><6><7><8>"
check "builds" "$(builds)" 1

echo "--- Missing packages"
touch "$T/bare"
rm -rf "$project/.cache"
: >"$T/calls"
if [[ $EUID -eq 0 ]]; then
  nptsim >/dev/null 2>"$T/err"
  check "are installed" "$(grep -c 'apt-get .*install .*libzydis-dev' "$T/calls")" 1
  check "those for tests are not" "$(grep -c 'doctest-dev' "$T/calls")" 0
  check "one line says so" "$(grep -c 'installing Debian packages' "$T/err")" 1
  rm -rf "$project/.cache"
  : >"$T/calls"
  nptsim >/dev/null 2>"$T/err"
  check "once" "$(grep -c 'apt-get' "$T/calls")" 0
else
  nptsim >/dev/null 2>"$T/err"
  check "without root" $? 2
  check "says what to install" "$(grep -c 'apt-get install .*libzydis-dev' "$T/err")" 1
fi
rm "$T/bare"

echo "--- A checkout where nothing can be written"
rm -rf "$project/.cache"
touch "$project/.cache"  # a file where the folder should be stops root too
nptsim >/dev/null 2>"$T/err"
check "exit status" $? 2
check "says so" "$(grep -c 'cannot be written' "$T/err")" 1

[[ $failures -eq 0 ]]
