#!/usr/bin/env bash
# Runs every GPU kernel on the CPU under the address and the undefined-behaviour sanitizer: the tests of the CUDA backend,
# whose memory is allocated with exactly the size that was asked for, with kernels compiled to notice every access beyond.
# Other arguments go to the test program; without any, the long suite for all backends is left out.
#
#   scripts/kernels-asan.sh [TEST...]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
arguments=("$@")
[[ $# -gt 0 ]] || arguments=(backend::cuda --skip conforms)
# Fibers have stacks of their own, which the sanitizer is told of; what the program itself never frees is none of its business.
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0
export UBSAN_OPTIONS=print_stacktrace=1
export RHOSHARD_SANITIZE=address,undefined
# First a kernel that oversteps its memory: if that goes unnoticed, so would all else.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
g++ -x c++ -std=c++17 -O1 -g -fsanitize="$RHOSHARD_SANITIZE" -Wno-unknown-pragmas -DRHOSHARD_SHIM \
    -DREAL=double -DSUFFIX=_f64 -DKERNELS=kernels_f64 \
    kernels/sums.cu kernels/shim/emulate.cpp kernels/shim/overrun.cpp -o "$folder/overrun"
if "$folder/overrun" 2>"$folder/log" || ! grep -q heap-buffer-overflow "$folder/log" || ! grep -q sums.cu "$folder/log"; then
    cat "$folder/log" >&2
    echo "kernels-asan.sh: the sanitizer did not notice a kernel that writes beyond its memory" >&2
    exit 1
fi
echo "a kernel that writes beyond its memory is noticed"

# The sanitizer's memory allocator must come before all others.
runtime=$(g++ -print-file-name=libasan.so)
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="env LD_PRELOAD=$runtime"
cargo test --profile ci --features emulated-gpu --lib -- "${arguments[@]}"
