"""The sampled tail against trajectories: root-mean-square standard error of all <Z_q> and <Z_q Z_q+1> at equal time.

Writes tail.json. The standard errors are those the runs state, which tests/all/tail.rs checks against the exact values; trajectories'
errors are scaled to the tail's time by the square root of the times' ratio. Aer samples the same trajectories at its own rate.
"""

import json
import math
import tempfile
from pathlib import Path

import common
import h5py
import low_rank

QASMBENCH = common.ROOT / "tests" / "data" / "qasmbench"
# Depolarizing after gates on one qubit and on two, times the scale.
NOISE = (1e-4, 1e-3)
SCALES = [1, 10, 100]
# Where the core counts, more blocks and finer cuts gain more, until the time is up; large circuits get the few that matter.
CUTS = {False: [0.3, 1e-2, 1e-3, 1e-4, 6e-5, 3e-5, 1e-5, 1e-6], True: [0.3, 1e-4, 5e-5]}
TAILS = [{"blocks": 8, "columns": 16}, {"blocks": 32, "columns": 16}, {"blocks": 16, "columns": 64}]
# A run that takes longer ends the series of cuts, and one of this many times as long is given up; seconds of one case.
LONGEST = {False: 3.0, True: 26.0}
CASE = {False: 18.0, True: 140.0}
# Trajectories of a run, for large circuits and for small ones.
TRAJECTORIES = {True: 400, False: 3200}
# A core that holds less than this at the first cut only gets dearer with finer ones.
HOPELESS = 0.1
# From this part of the trace on the core is what counts.
CORE = 0.9


def cases(quick):
    """Name, circuit, scale of the noise (None: that of the circuit)."""
    lret = [(f"random, {qubits} qubits", common.CIRCUITS / f"random_n{qubits}_d13_s42.qasm", None) for qubits in (12, 16)]
    names = ["adder_n10", "ising_n10", "dnn_n16"]
    named = [(name, QASMBENCH / f"{name}.qasm", scale) for name in names for scale in SCALES]
    return lret[:1] + named[:1] if quick else lret + named


def job_text(circuit, scale, engine, qubits):
    """A job that asks for what is compared."""
    wanted = [f"Z{qubit}" for qubit in range(qubits)] + [f"Z{qubit} Z{qubit + 1}" for qubit in range(qubits - 1)]
    noise = "" if scale is None else "[noise]\ndepolarizing = {{ one_qubit = {}, two_qubit = {} }}\n".format(*(scale * p for p in NOISE))
    return f'job = "circuit"\n[circuit]\nfile = {json.dumps(str(circuit))}\n{noise}[engine]\n{engine}\n[observe]\nexpectations = {json.dumps(wanted)}\n'


def run(folder, case, engine, timeout):
    """Seconds, standard error, and trace of the core."""
    name, circuit, scale = case
    qubits = int("".join(letter for letter in name if letter.isdigit()))
    job = Path(folder) / "job.toml"
    job.write_text(job_text(circuit, scale, engine, qubits))
    code, output = common.outcome([str(common.PROGRAM), "run", "--quiet", str(job)], timeout)
    if code != 0:
        raise RuntimeError(f"exit code {code}: {output.strip()[-500:]}")
    with h5py.File(job.with_suffix(".h5")) as file:
        stderr = file["results/expectations/stderr"][:]
        return {
            "seconds": float(file["provenance/engine_seconds"][()]),
            "stderr": math.sqrt(float((stderr**2).mean())),
            "trace": float(file["results/state"].attrs["trace"]),
            "rank": int(file["results/state"].attrs["rank"]),
        }


def is_large(case):
    return "16" in case[0]


def compare(folder, case):
    """Trajectories once, the tail at falling cuts; with each the error of trajectories over the tail's at equal time."""
    large = is_large(case)
    sampled = run(folder, case, f'kind = "trajectories"\ntrajectories = {TRAJECTORIES[large]}', 120)
    points = []
    for tail in TAILS:
        clock = common.Clock(CASE[large] / len(TAILS) / 60)
        for cut in CUTS[large]:
            if clock.left() < 1:
                break
            engine = f"cut = {cut}\ntail = {{ blocks = {tail['blocks']}, columns = {tail['columns']} }}"
            try:
                point = {**tail, "cut": cut, **run(folder, case, engine, 3 * LONGEST[large])}
            except Exception as error:
                if "TimeoutExpired" in type(error).__name__:
                    break
                raise
            if point["stderr"] > 0:
                equal = sampled["stderr"] * math.sqrt(sampled["seconds"] / point["seconds"])
                point["times_smaller"] = equal / point["stderr"]
                points.append(point)
            if point["seconds"] > LONGEST[large] or point["stderr"] == 0 or point["trace"] < HOPELESS:
                break
    return {"case": case[0], "scale": case[2], "trajectories": sampled, "points": points}


def aer_rates(found):
    """Seconds of one of Aer's trajectories over one of ours, for the circuits that both read."""
    for entry in found:
        if not entry["case"].startswith("random"):
            continue
        count = 200
        qubits = int(entry["case"].split()[1])
        circuit = low_rank.aer_circuit(low_rank.circuit_file(qubits).read_text(), sampled=True)
        seconds = min(low_rank.aer_run(circuit, variant["fusion"], "statevector", count)["seconds"] for variant in low_rank.AER_VARIANTS)
        ours = entry["trajectories"]["seconds"] / TRAJECTORIES[qubits == 16]
        entry["aer_over_ours"] = seconds / count / ours


def best(entry, least, most):
    """The point with the core's trace in this range at which the tail gains most."""
    points = [point for point in entry["points"] if least <= point["trace"] < most]
    return max(points, key=lambda point: point["times_smaller"], default=None)


def main():
    options = common.arguments(__doc__.splitlines()[0])
    described = common.machine()
    clock = common.Clock(options.minutes or (1 if options.quick else 14))
    found, failures = [], []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(options.quick):
            try:
                if clock.left() < CASE[is_large(case)]:
                    raise RuntimeError("no time left")
                entry = compare(folder, case)
            except Exception as error:  # one case must not hide the others
                failures.append(f"{case[0]}: {type(error).__name__}: {str(error)[:300]}")
                continue
            entry["best_with_core"], entry["best_without"] = best(entry, CORE, 2), best(entry, -1, CORE)
            found.append(entry)
            shown = [f"{point['times_smaller']:.1f} at {point['seconds']:.2g} s (core {point['trace']:.3f})" for point in (entry["best_with_core"], entry["best_without"]) if point]
            common.say(f"  {case[0]}{'' if case[2] is None else f', noise x {case[2]}'}: error times smaller {'; '.join(shown)}")
        try:
            aer_rates(found)
        except Exception as error:  # the peer's are of many kinds
            failures.append(f"Aer: {type(error).__name__}: {error}")
    common.write(options, "tail", {"machine": described, "core": CORE, "noise": NOISE, "cases": found, "failures": failures})


if __name__ == "__main__":
    main()
