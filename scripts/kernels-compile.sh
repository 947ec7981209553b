#!/usr/bin/env bash
# Compiles every GPU kernel for sm_80, sm_90 and sm_100 in both precisions; needs no GPU. Prints the registers, the shared
# memory and the spills of each, writes benches/results/kernels_registers.json, and fails on an error or on a spill that
# scripts/kernels_compile.py gives no reason for.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/scripts/python-env.sh" --kernels
exec "$root/.venv/bin/python" "$root/scripts/kernels_compile.py" "$root/benches/results/kernels_registers.json"
