#!/usr/bin/env bash
# Every scenario comes out as expected, and the output is the same to the byte whatever the number
# of threads, the locale and the folder.
set -euo pipefail

root=$PWD
export NPTSIM_ROOT=$root
nptsim=$root/sim/cli/nptsim
fail() { echo "FAIL: $1"; exit 1; }

# With sanitizers once is enough: bytes are compared without them.
if [[ ${1:-} == once ]]; then
  "$nptsim" run scenarios --jobs 2 >"$TEST_TMPDIR/suite.txt" || {
    grep -v '^pass' "$TEST_TMPDIR/suite.txt" || true
    fail "a scenario"
  }
  echo "PASS"
  exit 0
fi

"$nptsim" run scenarios --jobs 1 --format json >"$TEST_TMPDIR/home.json" || {
  "$nptsim" run scenarios | grep -v '^pass' || true
  fail "a scenario"
}

# On four threads, in another locale, from another folder: only the names of the files may differ.
cd "$TEST_TMPDIR"
LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 "$nptsim" run "$root/scenarios" --jobs 4 --format json |
  sed "s#$root/##g" >away.json
cmp home.json away.json || fail "threads, locale or folder change what is printed"

# What the story of a scenario says does not change from one run to the next either.
for scenario in "$root"/scenarios/pflash/write-in-romd.yaml "$root"/scenarios/mmio/sev-es-hole.yaml; do
  "$nptsim" explain "$scenario" >first.txt
  "$nptsim" explain "$scenario" >second.txt
  cmp first.txt second.txt || fail "two stories of $scenario"
done
echo "PASS"
