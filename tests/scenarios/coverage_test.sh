#!/usr/bin/env bash
# docs/coverage.md has each row of the newest models that no scenario reaches, and no row that one
# reaches. (`model `row`, `row` | ...`: a row's name stands behind the name of its model.)
set -euo pipefail

export NPTSIM_ROOT=$PWD
cd "$TEST_TMPDIR"
page=$NPTSIM_ROOT/docs/coverage.md

# "kvm vmexit.enter" for each row of these that was never reached.
"$NPTSIM_ROOT/sim/cli/nptsim" run --coverage "$NPTSIM_ROOT/scenarios" | awk '
  /^(kernel|vmm|guest) [^ ]*: [0-9]+ of/ {
    model = ""
    if ($2 == "kvm-7.0:") model = "kvm"
    if ($2 == "qemu-10.2:") model = "qemu"
    if ($2 == "bare:") model = "bare"
    if ($2 == "ovmf-202605:") model = "ovmf"
    if ($2 == "linux-6.18:") model = "linux"
    if ($2 == "svsm-2026:") model = "svsm"
  }
  $1 == "never" && model != "" { print model, $2 }
' | sort -u >never.txt

# What the tables say: in the first cell, words and names in backquotes; a word names the models of
# the rows behind it.
awk -F'|' '/^\| [a-z]/ && $2 ~ /`/ {
  n = split($2, part, /[ ,]+/)
  models = ""
  fresh = 1
  for (i = 1; i <= n; ++i) {
    if (part[i] == "") continue
    if (part[i] ~ /^`[a-z0-9-]+\.[a-z0-9-]+`$/) {
      gsub(/`/, "", part[i])
      m = split(models, name, " ")
      for (j = 1; j <= m; ++j) print name[j], part[i]
      fresh = 1
    } else {
      models = fresh ? part[i] : models " " part[i]
      fresh = 0
    }
  }
}' "$page" | sort -u >told.txt

[ -s never.txt ] && [ -s told.txt ] || { echo "FAIL: nothing to compare"; exit 1; }
if ! diff never.txt told.txt >difference.txt; then
  sed -n 's/^< /not in docs\/coverage.md: /p; s/^> /reached, or no row at all: /p' difference.txt
  echo "FAIL: docs/coverage.md"
  exit 1
fi
echo "PASS"
