#!/usr/bin/env bash
# Installs what is missing, builds the program and runs the main job, a noisy adder, on 4 ranks.
# MPI=mpich, MPI=none, MPICC=cc and HDF5_DIR=... work as in scripts/setup.sh; RANKS=N starts another number of ranks.
set -euo pipefail

# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
setup
allow_oversubscription
cd "$root"

job=configs/adder.toml
result=configs/adder.h5
program=$CARGO_TARGET_DIR/release/rhoshard

echo "quickstart: building (a few minutes the first time)"
cargo build --release --quiet "${features[@]}"

set_launch "${RANKS:-4}"
echo "quickstart: ${launch[*]} $program run $job"
"${launch[@]}" "$program" run "$job"

echo
echo "quickstart: the result is $root/$result (HDF5; read it with h5py, h5ls or h5dump)"
echo "quickstart: now edit $job, or write your own:  ${launch[*]} $program run my_job.toml"
