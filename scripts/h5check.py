#!/usr/bin/env python3
"""Checks result files against docs/result-format.md and against themselves; prints what they hold.

    python3 scripts/h5check.py result.h5 ...

Needs h5py and numpy. Exit code 0: all is well; 1: something is not, and every finding is printed.
"""

import pathlib
import re
import sys

import h5py
import numpy

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "result-format.md"
TYPES = {
    "float64": numpy.float64,
    "uint64": numpy.uint64,
    "uint32": numpy.uint32,
    "bool": numpy.bool_,
    "complex128": numpy.complex128,
}


def documented():
    """The rows of the table on the page: (path, attribute or None, shape, type, unit, present)."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[0].startswith("`/"):
            names = re.findall(r"`([^`]+)`", cells[0])
            yield names[0], names[1] if len(names) == 2 else None, *cells[2:6]


def expand(file, path):
    """The paths in the file that a documented path with a <placeholder> stands for."""
    head, placeholder, tail = re.match(r"([^<]*)(<[^>]*>)?(.*)", path).groups()
    return [head + name + tail for name in file.get(head, ())] if placeholder else [path]


def has_type(found, expected):
    """Whether an h5py dtype, or the value of an attribute, is of the documented type."""
    if expected == "text":
        return isinstance(found, str) or h5py.check_string_dtype(getattr(found, "dtype", found)) is not None
    return getattr(found, "dtype", found) == TYPES[expected]


def check_attribute(file, path, name, kind):
    if name not in file[path].attrs:
        return [f"{path}: attribute `{name}` is missing"]
    return [] if has_type(file[path].attrs[name], kind) else [f"{path}: attribute `{name}` is not {kind}"]


def check_dataset(file, path, shape, kind, unit):
    if path not in file:
        return [f"{path}: missing"]
    dataset = file[path]
    findings = [] if has_type(dataset.dtype, kind) else [f"{path}: type {dataset.dtype} instead of {kind}"]
    dimensions = 0 if shape == "()" else shape.count(",") + 1
    if dataset.ndim != dimensions:
        findings.append(f"{path}: {dataset.ndim} dimensions instead of {dimensions}")
    if dataset.attrs.get("unit", "") != unit:
        findings.append(f"{path}: unit {dataset.attrs.get('unit')!r} instead of {unit!r}")
    if not dataset.attrs.get("meaning"):
        findings.append(f"{path}: no meaning")
    return findings


def check_paths(file):
    """Everything documented is there with its type, shape and unit, and nothing else is."""
    findings, known = [], set()
    for path, attribute, shape, kind, unit, present in documented():
        for place in expand(file, path):
            known.add((place, attribute))
            if present != "always" and place not in file:
                continue
            if attribute:
                findings += check_attribute(file, place, attribute, kind)
            else:
                findings += check_dataset(file, place, shape, kind, unit)
    found = []
    file.visititems(lambda name, item: found.append("/" + name) if isinstance(item, h5py.Dataset) else None)
    return findings + [f"{path}: not documented" for path in found if (path, None) not in known]


def check_bounds(group):
    """lower <= value <= upper wherever a bound is known (not NaN) and nothing is sampled; columns of one length."""
    name, columns = group.name, {key: group[key][:] for key in group if key != "qubits"}
    if len({len(column) for column in columns.values()}) > 1:
        return [f"{name}: columns differ in length"]
    value, lower, upper = columns["value"], columns["lower"], columns["upper"]
    findings = [] if numpy.isfinite(value).all() else [f"{name}: a value is not finite"]
    proven = numpy.isnan(columns["stderr"]) if "stderr" in columns else True
    if (proven & ((lower > value) | (value > upper))).any():
        findings.append(f"{name}: a value lies outside its bounds")
    return findings


def check_probabilities(group):
    findings = check_bounds(group)
    qubits, value = group["qubits"][:], group["value"][:]
    if group.name.rsplit("/", 1)[1] != "_".join(str(qubit) for qubit in qubits):
        findings.append(f"{group.name}: the name is not its qubits")
    if len(value) != 2 ** len(qubits):
        findings.append(f"{group.name}: {len(value)} probabilities of {len(qubits)} qubits")
    if abs(value.sum() - 1) > 1e-9:
        findings.append(f"{group.name}: probabilities sum to {value.sum()}")
    if (group["lower"][:] < 0).any() or (group["upper"][:] > 1).any():
        findings.append(f"{group.name}: bounds leave [0, 1]")
    return findings


def check_reduced(group):
    value, qubits, findings = group["value"][:], group["qubits"][:], []
    if group.name.rsplit("/", 1)[1] != "_".join(str(qubit) for qubit in qubits):
        findings.append(f"{group.name}: the name is not its qubits")
    if value.shape != (2 ** len(qubits),) * 2:
        findings.append(f"{group.name}: shape {value.shape} for {len(qubits)} qubits")
    elif abs(value.trace() - 1) > 1e-9 or abs(value - value.conj().T).max() > 1e-12:
        findings.append(f"{group.name}: not Hermitian of trace 1")
    return findings


def check_parts(group, kinds):
    findings = []
    for kind in kinds:
        value, lower, upper = (group[kind + bound][:] for bound in ("", "_lower", "_upper"))
        if ((lower > value) | (value > upper)).any():
            findings.append(f"{group.name}: {kind} lies outside its bounds")
    return findings


def check_counts(group):
    names, counts = list(group["bitstring"].asstr()), group["count"][:]
    findings = [] if names == sorted(set(names)) else [f"{group.name}: bit strings are not sorted, or come twice"]
    if len({len(name) for name in names}) > 1 or any(set(name) - {"0", "1"} for name in names):
        findings.append(f"{group.name}: bit strings are not all of one length, of 0 and 1")
    if len(names) != len(counts) or (counts == 0).any() or counts.sum() != group.attrs["shots"]:
        findings.append(f"{group.name}: counts do not add up")
    return findings


def check_state(group):
    state, findings = group.attrs, []
    if abs(1 - state["trace"] - state["discarded"]) > 1e-12:
        findings.append("state: trace + discarded is not 1")
    if abs(state["discarded"] + state["rounding"] - state["error"]) > 1e-12:
        findings.append("state: error is not discarded + rounding")
    if not numpy.isnan(state["budget"]) and state["budget_met"] != (state["error"] <= state["budget"]):
        findings.append("state: budget_met contradicts error and budget")
    if state["trajectories"] > 0:
        known = [name for name in ("error", "rounding", "purity_lower", "purity_upper") if not numpy.isnan(state[name])]
        findings += [f"state: {name} is known although trajectories were sampled" for name in known]
    elif not state["purity_lower"] <= state["purity"] <= state["purity_upper"]:
        findings.append("state: purity lies outside its bounds")
    if "factor" in group:
        findings += check_factor(group["factor"], state)
    return findings


def check_factor(factor, state):
    if factor.shape != (2 ** int(state["qubits"]), state["rank"]):
        return [f"state/factor: shape {factor.shape} does not fit its attributes"]
    rows = max(1, 2**22 // factor.shape[1])
    blocks = (factor[start : start + rows] for start in range(0, factor.shape[0], rows))
    trace = sum(numpy.vdot(block, block).real for block in blocks)
    return [] if abs(trace - state["trace"]) < 1e-9 else [f"state/factor: its trace is {trace}, not {state['trace']}"]


def check_trace(group):
    exchanges = [kind == "exchange" for kind in group["kind"].asstr()]
    predicted = group["bytes_per_column"][:] * group["width"][:]
    wrong = numpy.flatnonzero(exchanges & (predicted != group["bytes"][:]))
    return [f"trace: exchange in row {row} sent other than plan times width" for row in wrong]


def check(file):
    """All findings; what the numbers say is checked only when every path is in order."""
    if file.attrs.get("format") != "rhoshard result":
        return ["not a result file"]
    findings = check_paths(file)
    if findings:
        return findings
    results = file["results"]
    findings += check_bounds(results["expectations"]) + check_state(results["state"]) + check_trace(file["trace"])
    for group in results["probabilities"].values():
        findings += check_probabilities(group)
    for group in results["terms"].values():
        findings += check_bounds(group)
    for name in ("variances", "negativities"):
        findings += check_bounds(results[name])
    for group in results["reduced"].values():
        findings += check_reduced(group)
    findings += check_parts(results["entropies"], ("von_neumann", "renyi_2"))
    findings += check_parts(results["fidelities"], ("fidelity", "trace_distance"))
    if "counts" in results:
        findings += check_counts(results["counts"])
    return findings


def report(file):
    """One paragraph on what the file holds."""
    results, state = file["results"], file["results/state"].attrs
    sampled = state["trajectories"] > 0
    print(f"  {state['qubits']} qubits, " + (f"{state['trajectories']} trajectories, no bound" if sampled else
          f"rank {state['rank']}, error {state['error']:.3g}, "
          f"budget {state['budget']:g} {'met' if state['budget_met'] else 'MISSED'}"))
    print(f"  {len(results['expectations/name'])} expectation values, {len(results['probabilities'])} distributions, "
          f"{results['counts'].attrs['shots'] if 'counts' in results else 0} shots, "
          f"{'a' if 'factor' in results['state'] else 'no'} stored state")
    table = results["expectations"]
    columns = (table[name] for name in ("value", "lower", "upper", "stderr"))
    for name, value, lower, upper, error in list(zip(table["name"].asstr(), *columns))[:5]:
        print(f"  {name}: {value:.9g} " + (f"+- {error:.2g}" if sampled else f"in [{lower:.9g}, {upper:.9g}]"))


def main(names):
    failed = not names
    if failed:
        print(__doc__)
    for name in names:
        try:
            with h5py.File(name) as file:
                findings = check(file)
                print(f"{name}: {'ok' if not findings else 'FAILED'}")
                if not findings:
                    report(file)
        except OSError as error:
            findings = [f"cannot be opened: {error}"]
            print(f"{name}: FAILED")
        for finding in findings:
            print(f"  {finding}")
        failed = failed or bool(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
