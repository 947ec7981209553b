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
# The sanitizer's memory allocator must come before all others.
runtime=$(g++ -print-file-name=libasan.so)
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="env LD_PRELOAD=$runtime"
exec cargo test --profile ci --features emulated-gpu --lib -- "${arguments[@]}"
