#!/usr/bin/env bash
# Draws docs/picture.svg and docs/report.png anew from runs of the release build. The report takes Chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --release --quiet
bash scripts/python-env.sh
.venv/bin/pip install --quiet matplotlib==3.10.7
program=$(realpath "${CARGO_TARGET_DIR:-target}/release/rhoshard")
.venv/bin/python scripts/picture.py "$program"

# The quick start's report, as a browser shows its first screens.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp configs/adder* "$folder"
sed -i 's/^file = "adder.h5"/state = true\n&/' "$folder/adder.toml"
"$program" run --quiet "$folder/adder.toml"
"$program" report "$folder/adder.h5"
chromium --headless --no-sandbox --hide-scrollbars --window-size=1280,1500 --user-data-dir="$folder/profile" \
    --screenshot="$folder/report.png" "file://$folder/adder.html" 2>/dev/null
.venv/bin/python - "$folder/report.png" docs/report.png <<'PYTHON'
import sys
from PIL import Image

picture = Image.open(sys.argv[1]).convert("RGB")
picture.quantize(256, dither=Image.Dither.NONE).save(sys.argv[2], optimize=True)
PYTHON
