#!/usr/bin/env bash
# The pages show what the commands really print.
#
# A block ```console begins with "$ nptsim ..." and goes on with the output. A block behind a line "`NAME`:" is
# a file that the page's commands use. By hand, in the project's folder, `tests/docs/transcripts_test.sh --update`
# writes the output of today into the pages: read the difference as part of a review.
set -euo pipefail

root=$PWD
export NPTSIM_ROOT=$root
pages="docs/design-changes.md"
nptsim=${NPTSIM:-$root/sim/cli/nptsim}
work=${TEST_TMPDIR:-$(mktemp -d)}

# page_again PAGE: the page with the output of its commands as it is now.
page_again() {
  local line name="" file="" folder=$work/$(basename "$1")
  mkdir -p "$folder"
  ln -sfn "$root/scenarios" "$folder/scenarios"
  local state=text
  while IFS= read -r line; do
    case $state in
      text)
        printf '%s\n' "$line"
        if [[ $line =~ ^\`([A-Za-z0-9._-]+)\`:$ ]]; then name=${BASH_REMATCH[1]}
        elif [[ $line == '```console' ]]; then state=command
        elif [[ $line == '```'* && -n $name ]]; then state=file; : >"$folder/$name"; fi ;;
      file)
        printf '%s\n' "$line"
        if [[ $line == '```' ]]; then state=text name=""
        else printf '%s\n' "$line" >>"$folder/$name"; fi ;;
      command)
        printf '%s\n' "$line"
        [[ $line == '$ nptsim '* ]] || { echo "FAIL: $1: no command: $line" >&2; exit 1; }
        (cd "$folder" && eval "'$nptsim' ${line#'$ nptsim '}" 2>&1) || [[ $? -le 3 ]] || exit 1
        state=output ;;
      output)
        if [[ $line == '```' ]]; then printf '%s\n' "$line"; state=text; fi ;;
    esac
  done <"$1"
}

for page in $pages; do
  page_again "$page" >"$work/new.md"
  if [[ ${1:-} == --update ]]; then cp "$work/new.md" "$page"
  elif ! diff -u "$page" "$work/new.md"; then
    echo "FAIL: $page says otherwise; tests/docs/transcripts_test.sh --update mends it"
    exit 1
  fi
done
echo "PASS"
