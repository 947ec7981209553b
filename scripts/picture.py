"""Draws docs/picture.svg: intervals around exact values, and the width of the factor along a circuit; and docs/tail.svg:
errors against time with a sampled tail and by trajectories, from benches/results/tail.json.

    bash scripts/picture.sh

runs the jobs with the release build and draws what their result files hold.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib import ticker  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
BUDGETS = [("5e-2", "#9ecae1"), ("2e-2", "#4292c6"), ("5e-3", "#08306b")]
CIRCUIT = "lret/random_n8_d13_s42.qasm"


def run(folder: Path, program: str, budget: str, names: list[str]) -> Path:
    """Runs the circuit with a budget and gives the result file."""
    job = folder / f"{budget}.toml"
    job.write_text(
        f'job = "circuit"\n[circuit]\nfile = "{ROOT / "tests/data" / CIRCUIT}"\n'
        f"[engine]\nbudget = {budget}\n[observe]\nexpectations = {json.dumps(names)}\n"
    )
    subprocess.run([program, "run", "--quiet", str(job)], check=True)
    return job.with_suffix(".h5")


def tail() -> None:
    """Errors against time, one frame a circuit."""
    cases = json.loads((ROOT / "benches/results/tail.json").read_text())["cases"]
    shown = [case for case in cases if case["scale"] in (None, 1, 10) and case["points"]][:6]
    figure, frames = plt.subplots(2, 3, figsize=(10, 5.4), layout="constrained")
    for axes, case in zip(frames.flat, shown):
        points, sampled = case["points"], case["trajectories"]
        for blocks, colour in ((8, "#2171b5"), (32, "#6baed6")):
            own = sorted((point["seconds"], point["stderr"]) for point in points if point["blocks"] == blocks)
            axes.plot(*zip(*own), "o-", color=colour, ms=3, lw=1, label=f"core and tail, {blocks} blocks") if own else None
        times = [min(point["seconds"] for point in points), max(point["seconds"] for point in points)]
        line = [sampled["stderr"] * (sampled["seconds"] / time) ** 0.5 for time in times]
        axes.plot(times, line, color="#d94801", lw=1, label="trajectories")
        if "aer_over_ours" in case:
            axes.plot(times, [error * case["aer_over_ours"] ** 0.5 for error in line], "--", color="#d94801", lw=1, label="trajectories, Aer")
        noise = "" if case["scale"] is None else f", noise × {case['scale']}"
        axes.set(xscale="log", yscale="log", title=case["case"] + noise)
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(10)
    for axes in frames[1]:
        axes.set_xlabel("seconds")
    for axes in frames[:, 0]:
        axes.set_ylabel("standard error")
    handles, labels = frames[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(ROOT / "docs/tail.svg", metadata={"Date": None, "Creator": None})


def main() -> None:
    tail()
    recorded = json.loads((ROOT / "tests/data/lret_exact.json").read_text())["circuits"]
    exact = next(entry for entry in recorded if entry["file"] == CIRCUIT)["expectations"]
    names = [f"Z{qubit}" for qubit in range(8)]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    with tempfile.TemporaryDirectory() as folder:
        for place, (budget, colour) in enumerate(BUDGETS):
            with h5py.File(run(Path(folder), sys.argv[1], budget, names)) as result:
                values = result["results/expectations"]
                middle = (values["lower"][:] + values["upper"][:]) / 2
                half = (values["upper"][:] - values["lower"][:]) / 2
                places = [qubit + 0.22 * (place - 1) for qubit in range(8)]
                left.errorbar(places, middle, half, fmt="none", color=colour, capsize=3, lw=2, label=f"budget {float(budget):g}")
                right.plot(result["trace/width"][:], color=colour, lw=1, label=f"budget {float(budget):g}")
    left.plot(range(8), [exact[name] for name in names], "k_", ms=18, mew=1, label="exact (density matrix)")
    left.set(xlabel="qubit", ylabel="expectation of Z", title="Certified intervals")
    right.set(xlabel="step", ylabel="columns of L", title="Width along the circuit (256 would be a full density matrix)")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(10)
    figure.savefig(ROOT / "docs/picture.svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
