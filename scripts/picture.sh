#!/usr/bin/env bash
# Draws docs/picture.svg anew from runs of the release build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --release --quiet
bash scripts/python-env.sh
.venv/bin/pip install --quiet matplotlib==3.10.7
.venv/bin/python scripts/picture.py "${CARGO_TARGET_DIR:-target}/release/rhoshard"
