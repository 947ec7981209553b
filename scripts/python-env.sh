#!/usr/bin/env bash
# Makes the Python environment of the checks in .venv (numpy, h5py); with --reference also what makes the reference
# numbers (qiskit, qiskit-aer). Does nothing when it is there already.
#
#   scripts/python-env.sh [--reference]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
environment=$root/.venv
requirements=("$root/scripts/requirements.txt")
if [[ ${1:-} == --reference ]]; then
    requirements+=("$root/scripts/requirements-reference.txt")
elif [[ $# -gt 0 ]]; then
    echo "python-env.sh: unknown argument '$1'; allowed: --reference" >&2
    exit 2
fi

# The stamp holds what was installed last, so that a changed requirement is noticed.
stamp=$environment/installed.txt
wanted=$(cat "${requirements[@]}")
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
echo "$wanted" >"$stamp"
