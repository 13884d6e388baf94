#!/usr/bin/env bash
# Every scenario comes out as expected, and the output is the same to the byte whatever the number
# of threads, the locale and the folder.
set -euo pipefail

root=$PWD
export NPTSIM_ROOT=$root
nptsim=$root/sim/cli/nptsim
fail() { echo "FAIL: $1"; exit 1; }

"$nptsim" run scenarios --jobs 1 >"$TEST_TMPDIR/one.txt" || { cat "$TEST_TMPDIR/one.txt"; fail "a scenario"; }
tail -n 1 "$TEST_TMPDIR/one.txt"
"$nptsim" run scenarios --jobs 4 >"$TEST_TMPDIR/four.txt"
cmp "$TEST_TMPDIR/one.txt" "$TEST_TMPDIR/four.txt" || fail "four threads print something else"
LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 "$nptsim" run scenarios --format json >"$TEST_TMPDIR/there.json"
LC_ALL=C "$nptsim" run scenarios --format json >"$TEST_TMPDIR/here.json"
cmp "$TEST_TMPDIR/here.json" "$TEST_TMPDIR/there.json" || fail "another locale prints something else"

# From another folder only the names of the files may differ.
cd "$TEST_TMPDIR"
for topic in walk mmio ghcb pflash maxphyaddr; do
  "$nptsim" run "$root/scenarios/$topic" --format json | sed "s#$root/##g" >away.json
  (cd "$root" && "$nptsim" run "scenarios/$topic" --format json) >home.json
  cmp away.json home.json || fail "another folder prints something else for $topic"
done

# What the story of a scenario says does not change from one run to the next either.
for scenario in "$root"/scenarios/pflash/write-in-romd.yaml "$root"/scenarios/mmio/sev-es-hole.yaml; do
  "$nptsim" explain "$scenario" >first.txt
  "$nptsim" explain "$scenario" >second.txt
  cmp first.txt second.txt || fail "two stories of $scenario"
done
echo "PASS"
