#!/usr/bin/env bash
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Links a small hand-written model as the compiler links a compiled one, and uses the program and the library.
#   link.sh FOLDER FAKE_PAYLOAD FAKE_OBJECT SOURCE_DIR
# FOLDER: what compiled models are linked from; FAKE_PAYLOAD: writes payloads; FAKE_OBJECT: the model's code.
set -euo pipefail
folder=$1 fake_payload=$2 object=$3 source=$4
work=$(mktemp -d "${TMPDIR:-/tmp}/attune link XXXXXX")
trap 'rm -rf "$work"' EXIT

tool() { command -v "$1-22" || command -v "$1" || echo "/usr/lib/llvm-22/bin/$1"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
# expect CODE PATTERN COMMAND...: the exit code, and that what it prints (both streams) has the pattern.
expect() {
  local code=$1 pattern=$2 got=0
  shift 2
  "$@" >"$work/printed" 2>&1 </dev/null || got=$?
  [ "$got" = "$code" ] || { cat "$work/printed"; fail "'$*' gave $got, expected $code"; }
  grep -q -- "$pattern" "$work/printed" || { cat "$work/printed"; fail "'$*' does not print '$pattern'"; }
}
embed() { # PROGRAM PAYLOAD RESULT
  "$(tool llvm-objcopy)" --add-section ".attune.payload=$2" "$1" "$3.unaligned"
  "$(tool llvm-objcopy)" --set-section-alignment .attune.payload=4096 "$3.unaligned" "$3"
}

kind=$(sed 's/.*"kind": "\([a-z]*\)".*/\1/' "$folder/link.json")
linker=$(sed 's/.*"program": "\([^"]*\)".*/\1/' "$folder/link.json")
[ "$kind" = lld ] && linker=$(tool ld.lld)
"$fake_payload" "$work"

# An executable.
"$linker" -L "$folder" "@$folder/exe.rsp" "$object" -o "$work/bare"
if [ "$kind" = lld ]; then
  size=$(stat -c %s "$work/bare")
  echo "program: $size bytes"
  [ "$size" -lt 3400000 ] || fail "the program has $size bytes"
  # Nothing is needed at run time but what every Linux system with glibc has.
  needed=$("$(tool llvm-readelf)" -d "$work/bare" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
  echo "needs:" $needed
  [ -n "$needed" ] || fail "no library is named"
  for library in $needed; do
    case $library in
    libc.so.6 | libm.so.6 | ld-linux-x86-64.so.2) ;;
    *) fail "the program needs $library" ;;
    esac
  done
fi
expect 0 "generate" "$work/bare" --help
expect 0 "temperature" "$work/bare" generate --help
expect 1 "carries no model" "$work/bare" info
embed "$work/bare" "$work/payload.bin" "$work/program"
embed "$work/bare" "$work/other-cpu.bin" "$work/other"
expect 1 "warp-drive" "$work/other" info
expect 0 "vocabulary  *50" "$work/program" info
expect 2 "Try 'program --help'" "$work/program"
expect 2 "" "$work/program" frobnicate
expect 2 "threads" "$work/program" info --threads 0
expect 2 "" "$work/program" run
expect 1 "cannot open" "$work/program" run "$work/none" -o "$work/out"
: >"$work/empty"
expect 1 "0 bytes are too few" "$work/program" run "$work/empty" -o "$work/out"
[ ! -e "$work/out" ] || fail "a failed run left its output"
expect 0 "launches: step" "$work/program" run "$work/in.safetensors" -o "$work/out" --greedy 3 --attentions --threads 2 --stats
[ "$(ls "$work" | grep -c '^out')" = 1 ] || fail "the run left more than its output"
expect 0 "" "$work/program" generate "the cat" -n 5 --threads 1
expect 0 "" "$work/program" generate "the cat" -n 5 --temperature 1 --top-k 3 --seed 4
expect 0 "" "$work/program" chat "hello" -n 5
expect 0 "decode_tps" "$work/program" bench --json --repeats 1
printf 'a cat' >"$work/text"
expect 0 "5 tokens scored" "$work/program" score "$work/text"
got=$(printf '"a cat"\n"\\u0064"\n' | "$work/program" tokenize --jsonl)
[ "$got" = "[1,3,29,5,3,22]
[1,6]" ] || fail "tokenize --jsonl gave $got"
got=$(printf '"a"\n' | "$work/program" tokenize --jsonl --no-special)
[ "$got" = "[3]" ] || fail "tokenize --no-special gave $got"
got=$(printf '[1,3,29,5]\n' | "$work/program" tokenize --jsonl --decode)
[ "$got" = '"<s>a c"' ] || fail "tokenize --decode gave $got"
got=$(printf '[1,3,29,5]\n' | "$work/program" tokenize --jsonl --decode --skip-special)
[ "$got" = '"a c"' ] || fail "tokenize --skip-special gave $got"
echo '{"a":1}' | "$work/program" tokenize --jsonl 2>/dev/null && fail "a line that is no string was taken"

# The payload outlives strip (of binutils: LLVM's wants it in a segment, which objcopy does not make), and a program is found
# wherever it is.
strip "$work/program" -o "$work/stripped ü"
expect 0 "50" "$work/stripped ü" info
(cd / && PATH="$work:$PATH" expect 0 "50" program info)

# A shared library with a program in C.
if [ "$kind" = lld ]; then
  "$linker" -L "$folder" "@$folder/shared.rsp" "$object" -o "$work/libbare.so"
  embed "$work/libbare.so" "$work/payload.bin" "$work/libmodel.so"
  "$(tool llvm-nm)" -D --defined-only "$work/libmodel.so" | grep -v ' attune_' && fail "the library exports more than its interface"
  clang-22 -std=c99 -Wall -Wextra -Werror -pedantic -I "$source/runtime/include" "$source/examples/c/generate.c" "$work/libmodel.so" \
    -Wl,-rpath,"$work" -o "$work/generate"
  expect 0 "tokens by fake" "$work/generate" "the cat"

  # Programs start on any processor: no instruction beyond the baseline in our own code.
  for archive in libattune_runtime.a libattune_main.a; do
    "$(tool llvm-objdump)" -d --no-show-raw-insn "$folder/$archive" >"$work/code"
    grep -q 'movaps' "$work/code" || fail "$archive has no code"
    if grep -m 3 -E '%[yz]mm|[[:space:]]v[a-z0-9]+[[:space:]]+.*%xmm' "$work/code"; then
      fail "$archive has vector instructions beyond the baseline"
    fi
  done
fi
echo "passed"
