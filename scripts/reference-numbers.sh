#!/usr/bin/env bash
# Makes the committed reference numbers under tests/data again (about a minute).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/scripts/python-env.sh" --reference
"$root/.venv/bin/python" "$root/scripts/reference_observables.py"
"$root/.venv/bin/python" "$root/scripts/reference_numbers.py"
"$root/.venv/bin/python" "$root/scripts/sampling_numbers.py"
exec "$root/.venv/bin/python" -W ignore "$root/scripts/noise_numbers.py"
