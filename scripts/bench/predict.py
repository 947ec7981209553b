#!/usr/bin/env python3
"""Compares the times that `rhoshard plan` predicts with those that runs take.

    .venv/bin/python scripts/bench/predict.py [--program target/release/rhoshard] [--qubits 12 14 16 18]
                                              [--ranks 1] [--output benches/results/predict.json]

Measures the machine, runs the noisy random circuits of tests/data/lret at a fixed cut, and predicts the same runs
from their own widths. A ratio within 1.5 either way is what the model aims at. The environment is made by
scripts/python-env.sh.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import h5py

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Cuts that leave a certified error of a few per cent, as the budgets in README.md do.
CUTS = {12: 3e-4, 14: 4e-4, 16: 5e-4, 18: 6e-4}
AIM = 1.5
# Runs of each circuit, unless they take so many seconds in sum.
REPEATS = 5
LONG_ENOUGH = 20


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        machine = folder / "machine.toml"
        run(options, ["bench", "machine", "--output", str(machine)])
        rows = [compare(options, folder, machine, qubits) for qubits in options.qubits]
        report = {
            "machine": {"host": platform.node(), "cores": os.cpu_count(), "file": machine.read_text()},
            "ranks": options.ranks,
            "aim": AIM,
            "circuits": rows,
        }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    show(rows)
    print(f"written to {options.output}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/rhoshard")
    parser.add_argument("--qubits", type=int, nargs="+", default=sorted(CUTS), choices=sorted(CUTS))
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/results/predict.json")
    options = parser.parse_args()
    if not options.program.exists():
        sys.exit(f"predict.py: {options.program} is missing; run `cargo build --release` or give --program")
    return options


def run(options, words):
    """Runs the program on the ranks asked for; gives its output."""
    command = [str(options.program.resolve()), *words]
    if options.ranks > 1:
        launcher = os.environ.get("MPIRUN", "mpirun").split()
        command = [*launcher, "-n", str(options.ranks), *command]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"predict.py: {' '.join(command)} ended with {finished.returncode}\n{finished.stderr}")
    return finished.stdout


def compare(options, folder, machine, qubits):
    """One circuit: the run, and the plan with the run's widths."""
    job, result = folder / f"n{qubits}.toml", folder / f"n{qubits}.h5"
    circuit = ROOT / f"tests/data/lret/random_n{qubits}_d13_s42.qasm"
    job.write_text(
        f'job = "circuit"\n[circuit]\nfile = "{circuit}"\n'
        f'[engine]\ncut = {CUTS[qubits]}\n[output]\nfile = "{result.name}"\n'
    )
    times = measured_times(options, job, result)
    with h5py.File(result) as file:
        widths = [int(width) for width in file["trace/width"]]
        error = float(file["results/state"].attrs["error"])
    plan = json.loads(run(options, ["plan", str(job), "--machine", str(machine), "--profile", str(result), "--json"]))
    seconds = plan["predicted"]["seconds"]
    measured = statistics.median(times)
    return {
        "qubits": qubits,
        "cut": CUTS[qubits],
        "error": error,
        "most_columns": max(widths),
        "measured_seconds": measured,
        "all_measured_seconds": times,
        "predicted_seconds": seconds,
        "ratio": seconds["total"] / measured,
    }


def measured_times(options, job, result):
    """Engine seconds of a few runs: short ones are repeated, as a busy machine is not the model's fault."""
    times = []
    while len(times) < REPEATS and sum(times) < LONG_ENOUGH:
        run(options, ["--quiet", "run", str(job)])
        with h5py.File(result) as file:
            times.append(float(file["provenance/engine_seconds"][()]))
    return times


def show(rows):
    print(f"{'qubits':>6} {'columns':>8} {'measured':>10} {'predicted':>10} {'ratio':>7}   gates, compression, communication")
    for row in rows:
        parts = row["predicted_seconds"]
        note = "" if 1 / AIM <= row["ratio"] <= AIM else f"   beyond {AIM}"
        print(
            f"{row['qubits']:>6} {row['most_columns']:>8} {row['measured_seconds']:>8.2f} s {parts['total']:>8.2f} s"
            f" {row['ratio']:>7.2f}   {parts['gates']:.2f}, {parts['compression']:.2f}, {parts['communication']:.2f}{note}"
        )


if __name__ == "__main__":
    main()
