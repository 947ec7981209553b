#!/usr/bin/env bash
# Makes the Python environment of the checks in .venv (numpy, h5py); with --reference also what makes the reference
# numbers (qiskit, qiskit-aer), with --bench also the other simulators of the benchmark, with --kernels also the compiler
# of GPU kernels. Does nothing when it is there already.
#
#   scripts/python-env.sh [--reference | --bench | --kernels]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
environment=$root/.venv
requirements=("$root/scripts/requirements.txt")
peers=
case ${1:-} in
    "") ;;
    --reference) requirements+=("$root/scripts/requirements-reference.txt") ;;
    --kernels) requirements+=("$root/scripts/requirements-kernels.txt") ;;
    --bench)
        requirements+=("$root/scripts/requirements-reference.txt")
        peers=$root/scripts/requirements-bench.txt
        ;;
    *)
        echo "python-env.sh: unknown argument '$1'; allowed: --reference, --bench, --kernels" >&2
        exit 2
        ;;
esac

# The stamp holds what was installed last, so that a changed requirement is noticed.
stamp=$environment/installed.txt
wanted=$(cat "${requirements[@]}" ${peers:+"$peers"})
if [[ -x $environment/bin/python && -f $stamp ]]; then
    installed=$(cat "$stamp")
    if [[ $installed == "$wanted"* ]]; then
        exit 0
    fi
fi

if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    # shellcheck source=scripts/setup.sh
    source "$root/scripts/setup.sh"
    install_packages "Python with venv" python3 python3-venv
fi

[[ -x $environment/bin/python ]] || python3 -m venv --clear "$environment"
arguments=()
for file in "${requirements[@]}"; do
    arguments+=(--requirement "$file")
done
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check "${arguments[@]}"
if [[ -n $peers ]]; then
    # One by one, and built ones only: a peer that is not to be had here must not keep the others out, nor take an hour.
    while read -r peer; do
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
            --constraint "$peers" "$peer" </dev/null || echo "python-env.sh: $peer cannot be installed here" >&2
    done < <(grep -v '^#' "$peers")
fi
echo "$wanted" >"$stamp"
