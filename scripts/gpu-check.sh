#!/usr/bin/env bash
# Checks and measures the program on a machine with an NVIDIA GPU, in one command that builds nothing but the kernels:
# what is there, conformance, whole jobs on the CPU and on the GPU, several ranks that share the GPU, memory that
# does not suffice, benchmarks. Runs in an unpacked bundle (scripts/gpu-bundle.sh) and in the repository after
# `cargo build --release`.
#
#   ./gpu-check.sh                  # all of it; JSON to benches/results (the repository) or results (the bundle)
#   ./gpu-check.sh --quick          # without the larger jobs and the benchmarks
#   ./gpu-check.sh --benchmarks     # nothing but the benchmarks
#   ./gpu-check.sh --rehearse       # on the CPU in the place of the GPU: checks this script where there is none
#   PROGRAM=target/ci/rhoshard ...  # another build
#
# Exit code 0: all passed; 1: something failed; 77: no GPU found.
set -euo pipefail
exec </dev/null

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
device=cuda quick= only=
for argument in "$@"; do
    case $argument in
        --quick) quick=1 ;;
        --benchmarks) only=1 ;;
        --rehearse) device=cpu ;;
        *)
            echo "gpu-check: unknown option $argument; allowed: --quick, --benchmarks, --rehearse" >&2
            exit 2
            ;;
    esac
done

if [[ -f $here/env.sh ]]; then
    program=${PROGRAM:-$here/bin/rhoshard} mpirun=$here/bin/mpirun fixtures=$here/fixtures results=$here/results
    commit=$(cat "$here/commit")
else
    here=$(dirname "$here")
    program=${PROGRAM:-${CARGO_TARGET_DIR:-$here/target}/release/rhoshard}
    mpirun=${MPIRUN:-mpirun} fixtures=$here/tests/data/lret results=$here/benches/results
    commit=$(git -C "$here" describe --always --dirty)
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
fi
program=$(realpath "$program")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 missed=0 skipped=0 lines=()

# --- Counting and recording --------------------------------------------------------------------------------------------

# json TEXT: as a JSON string.
json() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\t'/ }
    printf '"%s"' "${text//$'\n'/\\n}"
}

# record NAME STATE SECONDS DETAIL
record() {
    case $2 in
        pass) ((passed += 1)) ;;
        fail) ((failed += 1)) ;;
        miss) ((missed += 1)) ;;
        skip) ((skipped += 1)) ;;
    esac
    printf '%-5s %-58s %8s s  %s\n' "$2" "$1" "$3" "$(head -n1 <<<"$4")"
    [[ $2 != fail ]] || printf '      %s\n' "${4//$'\n'/$'\n'      }"
    lines+=("{\"name\": $(json "$1"), \"state\": \"$2\", \"seconds\": $3, \"detail\": $(json "$4")}")
}

# bar NAME MEASURED SIGN LIMIT: whether a figure is what it should be; a miss is no failure of the program.
bar() {
    local state=miss
    [[ -z $2 ]] || ! awk "BEGIN { exit !($2 $3 $4) }" || state=pass
    record "$1" "$state" 0 "${2:-not measured}, asked $3 $4"
}

# figure NAME FILE: the numbers of that name in a JSON file, a line each.
figure() {
    [[ ! -f $2 ]] || sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p" "$2"
}

# try NAME COMMAND...: passes if the command does; its last line is the detail.
try() {
    local name=$1 begin=$EPOCHREALTIME code=0
    shift
    timeout --kill-after=10 600 "$@" >"$work/log" 2>&1 || code=$?
    if ((code == 0)); then
        record "$name" pass "$(seconds "$begin")" "$(tail -n1 "$work/log")"
    else
        record "$name" fail "$(seconds "$begin")" "exit code $code: $(tail -n12 "$work/log")"
    fi
    return 0
}

seconds() {
    awk -v begin="$1" -v end="$EPOCHREALTIME" 'BEGIN { printf "%.3f", end - begin }'
}

# --- Jobs --------------------------------------------------------------------------------------------------------------

# job NAME DEVICE QUBITS ENGINE_LINES...: writes $work/NAME.toml.
job() {
    local name=$1 on=$2 qubits=$3
    shift 3
    {
        printf 'job = "circuit"\nseed = 7\n[circuit]\nfile = "%s"\n' "$fixtures/random_n${qubits}_d13_s42.qasm"
        printf '[engine]\ndevice = "%s"\n' "$on"
        printf '%s\n' "$@"
        printf '[observe]\nexpectations = ["Z0", "X1 X2", "Y0 Z3", "0.5*Z1 Z2 - X0"]\nprobabilities = [[0, 1, 2], [5, 3]]\n'
    } >"$work/$name.toml"
}

# agree NAME TOLERANCE RANKS QUBITS ENGINE_LINES...: the job on the CPU and on the GPU gives the same numbers.
agree() {
    local name=$1 tolerance=$2 ranks=$3 qubits=$4 launch=()
    shift 4
    ((ranks == 1)) || launch=("$mpirun" --bind-to none -n "$ranks")
    job one cpu "$qubits" "$@"
    job other "$device" "$qubits" "$@"
    compare_jobs() {
        "$program" run --quiet "$work/one.toml"
        "${launch[@]}" "$program" run --quiet "$work/other.toml"
        "$program" compare "$work/one.h5" "$work/other.h5" --tolerance "$tolerance"
    }
    export -f compare_jobs
    export program work tolerance
    try "$name" bash -c "set -e; launch=(${launch[*]@Q}); compare_jobs"
}

whole_jobs() {
    local precision tolerance
    for precision in double single; do
        tolerance=1e-10
        [[ $precision == double ]] || tolerance=1e-5
        local common=("precision = \"$precision\"")
        agree "low rank, 8 qubits, $precision" $tolerance 1 8 "${common[@]}" 'budget = 0.02'
        agree "low rank, 12 qubits, $precision" $tolerance 1 12 "${common[@]}" 'budget = 0.02'
        # What a tail draws depends on eigenvectors of nearly equal eigenvalues, which rounding turns.
        agree "low rank with a tail, 8 qubits, $precision" "${tolerance/e-10/e-9}" 1 8 "${common[@]}" 'cut = 1e-4' 'tail = {}'
        agree "density, 8 qubits, $precision" $tolerance 1 8 "${common[@]}" 'kind = "density"' 'budget = 0.02'
        agree "trajectories, 10 qubits, $precision" $tolerance 1 10 "${common[@]}" 'kind = "trajectories"' 'trajectories = 64'
    done
    [[ -z $quick ]] || return 0
    agree "low rank, 16 qubits, double" 1e-10 1 16 'budget = 0.0217'
}

# Several ranks on one GPU, which NCCL refuses: through the host.
shared_gpu() {
    local ranks
    if [[ ! -x $(command -v "$mpirun") ]]; then
        record "ranks that share the GPU" skip 0 "there is no mpirun"
        return
    fi
    export RHOSHARD_TRANSPORT=staged
    for ranks in 2 4; do
        agree "low rank, 10 qubits, $ranks ranks through the host" 1e-10 "$ranks" 10 'budget = 0.02'
        agree "low rank, 14 qubits, $ranks ranks through the host" 1e-10 "$ranks" 14 'budget = 0.02'
        agree "density, 8 qubits, $ranks ranks through the host" 1e-10 "$ranks" 8 'kind = "density"' 'budget = 0.02'
        [[ $device == cuda ]] || continue
        try "messages, $ranks ranks through the host" "$mpirun" --bind-to none -n "$ranks" "$program" bench exchange \
            --device cuda --output "$results/$stem-exchange-staged-$ranks.json"
        cat "$work/log"
    done
    unset RHOSHARD_TRANSPORT
}

# NCCL between a GPU and itself, its collectives and its messages checked byte by byte; jobs on one rank exchange nothing.
# Where there are several GPUs, jobs and messages over NCCL between them.
exchanges() {
    local gpus
    if [[ $device == cpu ]]; then
        record "NCCL" skip 0 "rehearsal"
        return
    fi
    export RHOSHARD_TRANSPORT=nccl
    try "NCCL, one rank" "$program" bench exchange --device cuda --output "$results/$stem-exchange-nccl-1.json"
    cat "$work/log"
    gpus=$(grep -cE '^GPU +[0-9]+: ' <<<"$info")
    if ((gpus > 1)) && [[ -x $(command -v "$mpirun") ]]; then
        agree "low rank, 14 qubits, 2 ranks over NCCL" 1e-10 2 14 'budget = 0.02'
        try "NCCL, 2 ranks" "$mpirun" --bind-to none -n 2 "$program" bench exchange \
            --device cuda --output "$results/$stem-exchange-nccl-2.json"
        cat "$work/log"
    else
        record "jobs over NCCL" skip 0 "there is one GPU"
    fi
    unset RHOSHARD_TRANSPORT
}

# A state that no GPU holds must be refused in words, without a crash.
out_of_memory() {
    local code=0 begin=$EPOCHREALTIME text limit="" name="a state larger than the GPU is refused"
    # So that it is not refused before the GPU is asked. On the CPU it might be granted, and never be there.
    [[ $device == cpu ]] || limit='memory = "2 TiB"'
    {
        printf 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[36] q;\n'
        printf 'h q[%d];\n' {0..35}
    } >"$work/large.qasm"
    cat >"$work/large.toml" <<JOB
job = "circuit"
[circuit]
file = "large.qasm"
[engine]
kind = "statevector"
device = "$device"
$limit
[observe]
expectations = ["Z0"]
JOB
    text=$(timeout 120 "$program" run "$work/large.toml" 2>&1) || code=$?
    if ((code == 1 || code == 2)) && grep -qiE 'memory|bytes' <<<"$text" && ! grep -q panicked <<<"$text"; then
        record "$name" pass "$(seconds "$begin")" "$(grep -m1 error <<<"$text")"
    else
        record "$name" fail "$(seconds "$begin")" "exit code $code: $text"
    fi
}

# --- Measurements ------------------------------------------------------------------------------------------------------

benchmarks() {
    if [[ -n $quick || $device == cpu ]]; then
        record "benchmarks" skip 0 "$([[ -n $quick ]] && echo --quick || echo rehearsal)"
        return
    fi
    local file=$results/$stem-bench.json
    try "kernels against the memory" "$program" bench gpu --device cuda --output "$file"
    cat "$work/log"
    bar "the slowest gate over the device's copy" "$(figure of_copy "$file" | sort -g | head -n1)" ">=" 0.85
    bar "Gram matrix and rotation over the library's product" \
        "$(paste <(figure rate "$file") <(figure library "$file") | awk '{ print $1 / $2 }' | sort -g | head -n1)" ">=" 0.70
    timed_jobs
    large_state
    try "machine file of the GPU" "$program" bench machine --device cuda --output "$results/$stem-machine.toml"
    cat "$work/log"
    job planned cpu 20 'budget = 0.05'
    try "prediction from it" "$program" plan "$work/planned.toml" --machine "$results/$stem-machine.toml" --width 256
    cat "$work/log"
}

# The engine's seconds, and in another run, with every kernel timed, the gaps between kernels.
timed_jobs() {
    local size budget most times
    for size in 18:0.03:1 20:0.05:4; do
        IFS=: read -r size budget most <<<"$size"
        agree "low rank, $size qubits, budget $budget" 1e-10 1 "$size" "budget = $budget"
        try "low rank, $size qubits, budget $budget, timed" "$program" run "$work/other.toml"
        bar "seconds in the engine, $size qubits" "$(sed -n 's/^time  *\([0-9.]*\) s in the engine.*/\1/p' "$work/log")" "<=" "$most"
        times=$results/$stem-kernels-$size
        RHOSHARD_KERNEL_TIMES=$times try "low rank, $size qubits, every kernel timed" "$program" run --quiet "$work/other.toml"
        bar "gaps between kernels, $size qubits" "$(figure gaps "$times.0.json")" "<" 0.10
    done
}

# 24 qubits and 256 columns: 64 GiB of state.
large_state() {
    local layer qubit
    {
        printf 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[24];\n'
        for layer in 0 1 2; do
            for qubit in {0..23}; do printf 'ry(0.%d) q[%d];\n' $((qubit + layer + 3)) "$qubit"; done
            for qubit in {0..22}; do printf 'cx q[%d],q[%d];\n' "$qubit" $((qubit + 1)); done
        done
    } >"$work/wide.qasm"
    cat >"$work/wide.toml" <<JOB
job = "circuit"
[circuit]
file = "wide.qasm"
[noise]
depolarizing = { one_qubit = 1e-3, two_qubit = 1e-2 }
[engine]
kind = "low-rank"
device = "cuda"
cut = 1e-9
max_rank = 256
[observe]
expectations = ["Z0", "X1 X2", "Z23"]
JOB
    try "24 qubits, rank 256" "$program" run "$work/wide.toml"
    cat "$work/log"
    bar "rank of the state of 24 qubits" "$(sed -n 's/.*rank \([0-9]*\).*/\1/p' "$work/log" | sort -g | tail -n1)" ">=" 256
}

conformance() {
    local tests=$here/bin/conformance name="conformance of the backend"
    if [[ ! -x $tests ]]; then
        record "$name" skip 0 "the bundle has no tests; in the repository: RHOSHARD_TEST_GPU=cuda cargo test backend::cuda"
    else
        [[ $device == cpu ]] || export RHOSHARD_TEST_GPU=$device RHOSHARD_REQUIRE_GPU=1
        try "$name" "$tests" --test-threads=1 backend::cuda
    fi
    try "circuits with known results" "$program" validate --device "$device"
}

write_json() {
    local file=$results/$stem.json separator=
    mkdir -p "$results"
    {
        printf '{\n  "commit": %s,\n  "device": "%s",\n  "started": "%s",\n' "$(json "$commit")" "$device" "$started"
        printf '  "info": %s,\n  "checks": [' "$(json "$info")"
        for line in "${lines[@]}"; do
            printf '%s\n    %s' "$separator" "$line"
            separator=,
        done
        printf '\n  ]\n}\n'
    } >"$file"
    echo "written to $file"
}

# --- The run -----------------------------------------------------------------------------------------------------------

[[ -x $program ]] || { echo "gpu-check: $program is missing; next: cargo build --release, or set PROGRAM" >&2 && exit 2; }
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
stem=gpu-check-$(uname -n)-$(date -u +%Y%m%d-%H%M%S)
info=$("$program" info -v)
echo "$info"
echo
if [[ $device == cuda ]] && ! grep -qE '^GPU +[0-9]+: ' <<<"$info"; then
    echo "no GPU found: $(sed -n 's/^GPU *//p' <<<"$info")"
    exit 77
fi
# What a rehearsal finds says nothing about a GPU.
[[ $device == cuda ]] || results=$work
mkdir -p "$results"
if [[ -z $only ]]; then
    conformance
    whole_jobs
    shared_gpu
    exchanges
    out_of_memory
fi
benchmarks
echo
write_json
echo "$passed passed, $failed failed, $missed bars missed, $skipped skipped"
((failed == 0))
