# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Headings, notes and times for the scripts of this repository. To be sourced.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  heading_on=$'\e[1;36m' note_on=$'\e[2m' error_on=$'\e[1;31m' style_off=$'\e[0m'
else
  heading_on='' note_on='' error_on='' style_off=''
fi

# step TEXT: a heading; the time of the step is printed by `done_in`.
step() {
  printf '\n%s== %s%s\n' "$heading_on" "$*" "$style_off"
  step_start=$SECONDS
}

note() { printf '%s%s%s\n' "$note_on" "$*" "$style_off"; }

done_in() { note "(${1:-done}, $((SECONDS - step_start)) s)"; }

# show COMMAND...: prints a command as a person would type it, then runs it.
show() {
  local word line='$'
  for word; do
    [[ $word == *[[:space:]]* ]] && word="\"$word\""
    line+=" $word"
  done
  printf '%s%s%s\n' "$note_on" "$line" "$style_off"
  "$@"
}

fail() {
  printf '%serror: %s%s\n' "$error_on" "$*" "$style_off" >&2
  exit 1
}
