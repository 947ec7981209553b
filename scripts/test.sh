#!/usr/bin/env bash
# Installs what is missing and runs every check: formatting, lints, documentation, unit and integration tests, the
# tests under mpirun and on a SLURM and a Grid Engine of its own, the serial build, the GPU's kernels compiled and under
# sanitizers, and the result files read back with h5py. The last line counts the tests.
#
#   ./scripts/test.sh                          # OpenMPI; mpirun tests on 1, 2, 3 and 4 ranks
#   MPI=mpich ./scripts/test.sh                # MPICH; 1 and 2 ranks (more busy-wait for each other on few cores)
#   MPI=none ./scripts/test.sh                 # serial
#   RHOSHARD_TEST_ALL=1 ./scripts/test.sh      # OpenMPI, then the mpirun tests on MPICH too; CI=true means the same
#
# A failed part does not stop the ones after it. The exit code is 0 only if nothing failed.
set -euo pipefail
exec </dev/null

# Set by this script when it starts itself for MPICH: nothing but the build and the mpirun tests.
only_mpirun=${RHOSHARD_TEST_ONLY_MPIRUN:-}
passed=0 failed=0 skipped=0 failures=()
logs=$(mktemp -d)

finish() {
    local code=$?
    rm -rf "$logs"
    if ((code != 0)); then
        # The set-up, or the user.
        ((failed += 1))
        failures+=("stopped early, so that later parts did not run")
    fi
    echo
    ((failed == 0)) || printf 'failed: %s\n' "${failures[@]}"
    if ((skipped > 0)); then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    ((failed == 0)) && exit 0
    exit 1
}
trap finish EXIT

# run_part NAME MINUTES COMMAND...: shows the output, says how long it took; the exit code is the command's.
run_part() {
    local name=$1 minutes=$2 start=$SECONDS code=0
    shift 2
    echo
    echo "== $name"
    timeout --kill-after=10 "${minutes}m" "$@" 2>&1 | tee "$logs/part" | without_noise || code=${PIPESTATUS[0]}
    ((code != 124)) || echo "-- stopped after $minutes minutes"
    echo "-- $name: $([[ $code -eq 0 ]] && echo ok || echo "FAILED (exit code $code)"), $((SECONDS - start)) s"
    return "$code"
}

# Hides cargo's line for each crate it fetches and compiles.
without_noise() {
    grep --line-buffered -vE '^ *(Compiling|Checking|Downloading|Downloaded|Documenting|Locking|Adding) ' || true
}

# check NAME MINUTES COMMAND...: counts as one test.
check() {
    if run_part "$@"; then
        ((passed += 1))
    else
        ((failed += 1))
        failures+=("$1")
    fi
}

# tests NAME MINUTES CARGO_TEST_COMMAND...: adds up the tests that cargo reports.
tests() {
    local code=0 part_failed
    run_part "$@" || code=$?
    part_failed=$(sum_of failed)
    # A build that fails, a signal or a time limit reports no failed test, yet it is one.
    if ((code != 0 && part_failed == 0)); then
        part_failed=1
    fi
    ((passed += $(sum_of passed), failed += part_failed, skipped += $(sum_of ignored))) || true
    ((part_failed == 0)) || failures+=("$1")
}

# The sum of "N passed", "N failed" or "N ignored" over the result lines of the last part.
sum_of() {
    sed -n "s/^test result:.* \([0-9][0-9]*\) $1;.*/\1/p" "$logs/part" | awk '{ sum += $1 } END { print sum + 0 }'
}

# skip NAME REASON
skip() {
    echo
    echo "== $1"
    echo "-- skipped: $2"
    ((skipped += 1))
}

# --- Set-up ------------------------------------------------------------------------------------------------------------

# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
setup
require_component fmt rustfmt
require_component clippy clippy
allow_oversubscription
cd "$root"
export CARGO_TERM_COLOR=never
# The GPU's kernels run on the CPU in tests, compiled by a C++ compiler.
have g++ || ! can_install || install_packages "a C++ compiler for the kernels of GPUs" g++
! have g++ || features+=(--features emulated-gpu)
cargo_test=(cargo test --profile ci --no-fail-fast "${features[@]}")

machine() {
    local memory mpi=none
    memory=$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo 2>/dev/null || echo "unknown memory")
    [[ $MPI == none ]] || mpi=$(${MPIRUN%% *} --version 2>&1 | grep -m1 -E '[0-9]+\.[0-9]+' | xargs || true)
    echo "machine: $(nproc) cores, $memory, $(rustc --version), MPI: $mpi"
}

# All targets of the package but tests/mpirun.rs, tests/slurm.rs and tests/grid_engine.rs.
targets() {
    local file name
    echo --lib --bins --test all
    for file in tests/*.rs; do
        name=$(basename "$file" .rs)
        [[ $name == mpirun || $name == slurm || $name == grid_engine ]] || echo --test "$name"
    done
}

# The report is opened in a browser where there is one or it can be installed; RHOSHARD_REQUIRE_BROWSER=1 demands one.
find_browser() {
    local found
    for found in chromium chromium-browser google-chrome; do
        ! have "$found" || return 0
    done
    if can_install; then
        install_packages "a browser to open reports in" chromium
    fi
}

# --- Parts -------------------------------------------------------------------------------------------------------------

source_checks() {
    check "formatting" 2 cargo fmt --check
    check "lints" 20 cargo clippy --profile ci --all-targets "${features[@]}" -- -D warnings
    check "documentation" 20 env RUSTDOCFLAGS="-D warnings" cargo doc --profile ci --no-deps "${features[@]}"
}

unit_and_integration_tests() {
    local targets
    mapfile -t targets < <(targets | tr ' ' '\n')
    find_browser
    tests "unit and integration tests" 40 "${cargo_test[@]}" "${targets[@]}"
    tests "examples in the documentation" 20 "${cargo_test[@]}" --doc
}

mpirun_tests() {
    local ranks="1 2 3 4"
    [[ $MPI != mpich ]] || ranks="1 2"
    if [[ $MPI == none ]]; then
        skip "mpirun tests" "MPI=none"
    else
        # One at a time: each starts several ranks.
        tests "mpirun tests on $ranks ranks ($MPIRUN)" 40 env RHOSHARD_TEST_MPIRUN="$MPIRUN" \
            RHOSHARD_TEST_RANKS="$ranks" "${cargo_test[@]}" --test mpirun -- --test-threads=1
    fi
}

# queue_tests SYSTEM NAME ARGUMENT...: jobs in the queue of a real batch system on this machine, with arguments for its test
# program; RHOSHARD_REQUIRE_NAME=1 demands that it starts.
queue_tests() {
    local system=$1 name=$2 required=RHOSHARD_REQUIRE_${2^^} reason
    shift 2
    if ! reason=$(bash "tests/$name/cluster.sh" true 2>&1) && [[ ${!required:-} != 1 ]]; then
        skip "jobs on a real $system" "$(tail -n 1 <<<"$reason")"
        return
    fi
    tests "jobs on a real $system" 20 env "$required=1" bash "tests/$name/cluster.sh" \
        "${cargo_test[@]}" --test "$name" -- "$@"
}

# Without MPI: other code in comm only, so the library and what the program says to wrong input. All dependencies are built
# already, for MPI; cargo shares them from its version 1.91 on.
serial_tests() {
    tests "serial build (--no-default-features)" 20 env CARGO_BUILD_BUILD_DIR="$CARGO_TARGET_DIR" \
        CARGO_TARGET_DIR="$root/target-serial" \
        cargo test --profile ci --no-fail-fast --no-default-features --lib --bins --test bad_inputs
}

# Runs the quick start's job and reads its result file with h5py.
result_file_check() {
    local job=$logs/adder/adder.toml launch
    mkdir "$logs/adder"
    cp configs/adder* "$logs/adder"
    set_launch 2
    check "the quick start's job" 10 "${launch[@]}" "$CARGO_TARGET_DIR/ci/rhoshard" run "$job"
    check "Python environment" 10 bash scripts/python-env.sh
    check "result file read with h5py" 10 .venv/bin/python scripts/h5check.py "${job%.toml}.h5"
}

# The GPU's kernels for real GPUs, and on the CPU under sanitizers.
kernel_checks() {
    check "kernels compiled for GPUs" 10 bash scripts/kernels-compile.sh
    if have g++; then
        tests "kernels under sanitizers" 20 bash scripts/kernels-asan.sh
    else
        skip "kernels under sanitizers" "no C++ compiler"
    fi
}

# The bundle for GPU machines runs from another folder and without the environment that it was made in, with the CPU in
# the place of the GPU.
gpu_bundle_check() {
    local folder=$logs/gpu
    check "the bundle for GPU machines" 5 env PROGRAM="$CARGO_TARGET_DIR/ci/rhoshard" bash scripts/gpu-bundle.sh "$folder"
    mkdir "$logs/elsewhere"
    tar -C "$logs/elsewhere" -xzf "$folder.tar.gz" || true
    rm -rf "$folder"
    check "the bundle's check, rehearsed" 15 env -i PATH=/usr/bin:/bin bash "$logs/elsewhere/gpu/gpu-check.sh" --rehearse --quick
}

# The mpirun tests once more on MPICH, by this script, with its own environment and target folder.
mpich_tests() {
    local code=0
    run_part "MPICH" 50 env -u MPICC -u MPIRUN -u CARGO_TARGET_DIR MPI=mpich RHOSHARD_TEST_ONLY_MPIRUN=1 \
        bash scripts/test.sh || code=$?
    add_counts_of_last_line
    ((code == 0)) || failures+=("MPICH")
}

add_counts_of_last_line() {
    local pattern='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'
    if [[ $(tail -n1 "$logs/part") =~ $pattern ]]; then
        ((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2], skipped += ${BASH_REMATCH[4]:-0})) || true
    else
        ((failed += 1))
    fi
}

# --- The run -----------------------------------------------------------------------------------------------------------

machine
if [[ -n $only_mpirun ]]; then
    mpirun_tests
    exit 0
fi
source_checks
unit_and_integration_tests
mpirun_tests
result_file_check
if [[ $MPI == openmpi ]]; then
    # Debian's SLURM starts the ranks of Open MPI (PMIx), and Open MPI knows Grid Engine.
    queue_tests SLURM slurm
    # Its jobs wait more than they work.
    queue_tests "Grid Engine" grid_engine --test-threads=4
    gpu_bundle_check
fi
if [[ $MPI != none ]]; then
    serial_tests
fi
kernel_checks
if [[ $MPI == openmpi && (${RHOSHARD_TEST_ALL:-} == 1 || ${CI:-} == true) ]]; then
    mpich_tests
fi
