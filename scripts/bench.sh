#!/usr/bin/env bash
# Measures the program against other simulators and itself, and writes the tables of README.md: kernels, noiseless
# circuits, noisy circuits, the sampled tail, the choice of the engine, ranks. Under 30 minutes on two cores; nothing else should run meanwhile.
#
#   ./scripts/bench.sh                    # all of it; results go to benches/results, tables to README.md
#   ./scripts/bench.sh --quick            # small sizes, to see that all works (under 3 minutes); README.md stays as it is
#   ./scripts/bench.sh low_rank scaling   # only these parts of: kernels pure_state low_rank tail auto scaling
#   MPI=mpich ./scripts/bench.sh          # another MPI, as for the other scripts
#
# A failed part does not stop the ones after it. The exit code is 0 only if nothing failed. benches/README.md says what is
# measured.
set -euo pipefail
exec </dev/null

# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"

quick=() results=$root/benches/results parts=() failures=()
for argument in "$@"; do
    case $argument in
        --quick) quick=(--quick) ;;
        kernels | pure_state | low_rank | tail | auto | scaling) parts+=("$argument") ;;
        *)
            echo "bench.sh: unknown argument '$argument'; allowed: --quick, kernels, pure_state, low_rank, tail, auto, scaling" >&2
            exit 2
            ;;
    esac
done
[[ ${#parts[@]} -gt 0 ]] || parts=(kernels pure_state low_rank tail auto scaling)

part() {
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    if "$@"; then
        echo "-- $name: $((SECONDS - start)) s"
    else
        failures+=("$name")
        echo "-- $name: FAILED after $((SECONDS - start)) s"
    fi
}

# One pass over memory each, against scaling the same memory, and matrix products; cargo builds and runs them.
kernels() {
    if [[ ${#quick[@]} -gt 0 ]]; then
        echo "left out of --quick"
    else
        rm -f "$results/kernels.json" "$results/products.json"
        cargo bench "${features[@]}" --bench kernels --bench products
    fi
}

# One of scripts/bench. An older result must not pass for that of a part that failed.
measure() {
    rm -f "$results/$1.json"
    .venv/bin/python "scripts/bench/$1.py" "${quick[@]}" --results "$results"
}

load=$(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo 0)
if [[ ${load%.*} -ge 1 ]]; then
    echo "bench.sh: the load is $load already: other programs are running, and the times will not be worth much" >&2
fi

setup
allow_oversubscription
export MPI
if [[ ${#quick[@]} -gt 0 ]]; then
    results=$CARGO_TARGET_DIR/bench-quick
    mkdir -p "$results"
fi

echo "== build"
cargo build --release --quiet "${features[@]}"
bash scripts/python-env.sh --bench

for name in "${parts[@]}"; do
    case $name in
        kernels) part kernels kernels ;;
        *) part "$name" measure "$name" ;;
    esac
done

render=(.venv/bin/python scripts/bench/render.py --results "$results")
[[ ${#quick[@]} -eq 0 ]] || render+=(--print)
part tables "${render[@]}"

echo
if [[ ${#failures[@]} -gt 0 ]]; then
    printf 'failed: %s\n' "${failures[@]}"
    exit 1
fi
echo "all parts done in $SECONDS s"
