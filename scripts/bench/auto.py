"""`kind = "auto"` against every engine that meets the budget: how far the choice is from the best one.

Writes auto.json. The circuits are those of tests/data; their noise is that of the file and a depolarizing rule after every gate.
Engine seconds do not hold what choosing takes (plans, prices); with the preparation of the run they do, for auto and for the
engine it is compared with, which also reads and plans.
"""

import subprocess
import tempfile

import common

# The bar, for preparation and engine together, and for the engine alone where it takes longer than this: below, reading the
# circuit and planning take longer than the simulation.
MOST_TIMES = 2.0
SHORT = 0.02
# An engine that takes so many times as long as auto, and so many seconds, is not the best; none takes longer than the last.
HOPELESS, PATIENCE, LONGEST = 4.0, 3.0, 20.0
# Runs are not repeated when auto takes longer.
LONG = 8.0
WEAK, MEDIUM, STRONG = (1e-5, 1e-4), (1e-4, 1e-3), (1e-3, 1e-2)
NAMES = {WEAK: "weak", MEDIUM: "medium", STRONG: "strong", None: "as in the file"}
# Circuit, noise added, budget.
CASES = [
    *(("lret/random_n8_d13_s42", noise, 0.01) for noise in (None, STRONG)),
    *(("lret/random_n10_d13_s42", noise, 0.01) for noise in (None, STRONG)),
    *(("lret/random_n12_d13_s42", noise, 0.01) for noise in (None, STRONG)),
    ("lret/random_n10_d13_s43", None, 0.003),
    ("lret/random_n12_d13_s42", None, 0.005),
    ("lret/random_n14_d13_s42", None, 0.0154),
    *(("qasmbench/dnn_n8", noise, 0.01) for noise in (WEAK, MEDIUM, STRONG)),
    *(("qasmbench/adder_n10", noise, 0.01) for noise in (WEAK, MEDIUM, STRONG)),
    *(("qasmbench/ising_n10", noise, 0.01) for noise in (WEAK, MEDIUM, STRONG)),
    ("qasmbench/bv_n19", WEAK, 0.01),
    ("qasmbench/qft_n18", None, 0.01),
]
QUICK = [CASES[0], CASES[9], CASES[19]]
ENGINES = ["low-rank", "density", "statevector"]


def measured(folder, circuit, engine, noise, limit):
    """One run, or why there is none within `limit` seconds."""
    try:
        run = common.run_rhoshard(folder, circuit, engine, timeout=limit + 0.5, noise=noise)
    except subprocess.TimeoutExpired:
        return {"skipped": f"over {limit:.0f} s"}
    except RuntimeError as error:
        return {"skipped": f"failed: {str(error)[-200:]}" if engine["kind"] == "auto" else "cannot run it"}
    if not run["budget_met"]:
        return {"skipped": "missed the budget"}
    return {
        "seconds": run["seconds"],
        "whole_seconds": run["seconds"] + run["prepare_seconds"],
        "engine": run["engine"],
        "choice": run["choice"],
        "z0": [run["z0_lower"], run["z0_upper"]],
    }


def in_turns(folder, circuit, noise, budget, repeats, clock):
    """The fastest of some runs of each engine, which take turns, as a busy machine is not equally busy all the time."""
    runs, limit, turns = {}, LONGEST, 0
    while turns < repeats and (turns == 0 or clock.left() > 0 and runs["auto"].get("seconds", LONGEST) < LONG):
        for kind in ["auto", *ENGINES]:
            if "skipped" in runs.get(kind, {}):
                continue
            run = measured(folder, circuit, {"kind": kind, "budget": budget}, noise, limit)
            if kind not in runs or run.get("whole_seconds", LONGEST) < runs[kind]["whole_seconds"]:
                runs[kind] = run
            if kind == "auto" and "seconds" in run:
                limit = min(LONGEST, max(PATIENCE, HOPELESS * run["seconds"]))
        turns += 1
    return runs


def case(folder, name, noise, budget, repeats, clock, failures):
    """One circuit by every engine and by auto, whose interval must meet those of the others."""
    circuit = common.ROOT / "tests" / "data" / f"{name}.qasm"
    runs = in_turns(folder, circuit, noise, budget, repeats, clock)
    auto, others = runs["auto"], {kind: runs[kind] for kind in ENGINES if "seconds" in runs[kind]}
    label = f"{name.split('/')[1]}, {NAMES[noise]}, {budget}"
    if "seconds" not in auto:
        failures.append(f"{label}: auto {auto['skipped']}")
        return {"circuit": name, "noise": NAMES[noise], "budget": budget, "runs": runs}
    for kind, run in others.items():
        if auto["z0"][0] > run["z0"][1] + 1e-9 or auto["z0"][1] < run["z0"][0] - 1e-9:
            failures.append(f"{label}: the interval of auto, {auto['z0']}, misses that of {kind}, {run['z0']}")
    best = min(others, key=lambda kind: others[kind]["seconds"])
    ratio = auto["seconds"] / others[best]["seconds"]
    whole = auto["whole_seconds"] / min(run["whole_seconds"] for run in others.values())
    if whole > MOST_TIMES or ratio > MOST_TIMES and others[best]["seconds"] >= SHORT:
        failures.append(f"{label}: auto takes {ratio:.2f} times as long as {best} ({whole:.2f} with preparation)")
    common.say(
        f"  {label}: auto {auto['seconds']:.4f} s ({auto['engine']}), best {others[best]['seconds']:.4f} s ({best}), "
        f"{ratio:.2f} times, with preparation {whole:.2f}; "
        + ", ".join(f"{kind} {run['seconds']:.4f}" if "seconds" in run else f"{kind} {run['skipped']}" for kind, run in runs.items())
    )
    return {
        "circuit": name,
        "noise": NAMES[noise],
        "budget": budget,
        "runs": runs,
        "best": best,
        "auto_over_best": ratio,
        "whole_auto_over_best": whole,
        "handed_over": "handed over" in auto["choice"],
    }


def main():
    options = common.arguments(__doc__.splitlines()[0])
    described = common.machine()
    clock = common.Clock(options.minutes or (0.5 if options.quick else 3.5))
    rows, failures = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, noise, budget in QUICK if options.quick else CASES:
            rows.append(case(folder, name, noise, budget, 1 if options.quick else 3, clock, failures))
    content = {"machine": described, "most_times": MOST_TIMES, "short": SHORT, "rows": rows, "failures": failures}
    common.write(options, "auto", content)


if __name__ == "__main__":
    main()
