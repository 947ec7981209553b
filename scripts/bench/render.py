"""Writes the tables of README.md between its bench markers from the result files, or prints them.

    python scripts/bench/render.py [--results FOLDER] [--print]
"""

import argparse
import json
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
PEERS = ["Aer", "qulacs", "Lightning"]
KERNELS = {
    "dense1": "1 qubit",
    "dense2": "2 qubits",
    "dense3": "3 qubits",
    "diagonal": "diagonal",
    "permute": "permutation",
    "controlled": "controlled",
}
FAMILIES = {"qft": "QFT", "random": "random, depth 20", "qaoa": "QAOA, 2 layers"}


def seconds(value):
    """Two or three digits."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def size(count):
    """Bytes as people write them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB" if count < 1e7 else f"{count / 1e6:.0f} MB"


def table(heads, rows):
    """A table in Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine_text(machine):
    """One sentence."""
    processor = machine["processor"]
    known = processor["vector_instructions"]
    vector = "AVX-512" if "avx512f" in known else "AVX2" if "avx2" in known else "no AVX2"
    return (
        f"{machine['cores']} cores of {processor['model']} (family/model {processor['family_and_model']}, {vector}"
        f"{', virtual' if processor['virtual'] else ''}), {machine['memory_bytes'] / 2**30:.0f} GiB"
    )


def stamp(part):
    """When and of what."""
    machine = part["machine"]
    text = f"{machine['date'][:10]}, commit {machine['commit'][:8]}{' with changes' if machine['uncommitted_changes'] else ''}"
    if (busy := machine.get("busy_cores_before") or 0.0) >= 0.5:
        text += f", **beside other programs ({busy:.1f} cores busy): not to be quoted**"
    if part["quick"]:
        text += ", **smoke test: not to be quoted**"
    return text


def cell(program):
    """Median and spread of one program on one circuit."""
    if program is None or "seconds" not in program:
        return "failed" if program and "failed" in program else "–"
    spread = program["seconds"]
    text = seconds(spread["median"])
    return text if spread["repeats"] == 1 else f"{text} ({seconds(spread['least'])}–{seconds(spread['most'])})"


def setting(variant):
    """A variant in words."""
    if "fusion" in variant:
        return "no fusion" if variant["fusion"] is None else f"fusion {variant['fusion']}"
    if "block" in variant:
        block = variant["block"]
        return "plain" if block is None else "optimize_light" if block == "light" else f"optimize({block})"
    return variant["device"]


def pure_state(part):
    """Noiseless circuits."""
    rows, single = [], []
    for entry in part["circuits"]:
        programs = entry["programs"]
        name = FAMILIES[entry["circuit"]]
        ratio = entry["ratios"].get("double")
        peer = ratio and programs[ratio["fastest_peer"]]
        against = f"{ratio['ours_over_fastest_peer']:.2f} × {ratio['fastest_peer']} ({setting(peer['best_variant'])})" if ratio else "–"
        rows.append([name, str(entry["qubits"]), cell(programs.get("rhoshard")), *(cell(programs.get(peer)) for peer in PEERS), against])
        if "single" in entry["ratios"]:
            single.append(entry["ratios"]["single"]["ours_over_fastest_peer"])
    versions = part["machine"]["packages"]
    text = f"**Noiseless circuits**, double precision, {part['threads']} threads for every program (Lightning's gates use one), "
    text += f"seconds as median (least–most); Aer {versions['qiskit-aer']}, qulacs {versions['qulacs']}, "
    text += f"Lightning {versions['pennylane-lightning']}, each at the best of its settings. Ratio: ours over the fastest peer's, "
    text += f"below 1 ours is faster. {stamp(part)}.\n\n"
    text += table(["Circuit", "Qubits", "rhoshard", *PEERS, "Ratio"], rows)
    if single:
        text += f"\n\nIn single precision ours takes {min(single):.2f} to {max(single):.2f} times the seconds of qsim {versions['qsimcirq']}."
    return text


def low_rank(part):
    """Noisy circuits."""
    rows = []
    for row in part["rows"]:
        published = row["published_lret_seconds"]
        rows.append([
            str(row["qubits"]),
            f"{row['budget']:.4f}",
            f"{row['error']:.4f}",
            f"{row['rank']} ({row['peak_width']})",
            f"{seconds(row['seconds']['median'])} ({seconds(row['last_pass_seconds']['median'])})",
            f"{size(row['peak_memory_bytes'])} ({row['memory_over_compressed']:.1f})",
            f"{published:,}" if published else "not in 7,200",
            f"{row['lret_over_ours']:.0f}" if published else "–",
        ])
    text = "**Noisy circuits**: dense random circuits of depth 13, depolarizing p = 1e-3 on every qubit after every layer, seed 42. "
    text += "LRET is a published low-rank code that compresses after every channel: up to 12 qubits the budget is the error of that "
    text += "method at its published cut of 1e-4; beyond, a comparison value. Its seconds are those its authors print, on all cores of "
    text += "their machine. Columns: at the end (most on the way). Engine seconds: all passes of the search for the cut (the last "
    text += f"one). Memory: peak of the rank (over the final factor's size). {stamp(part)}.\n\n"
    heads = ["Qubits", "Budget", "Certified error", "Columns", "Engine seconds", "Peak memory", "LRET seconds", "Times faster"]
    text += table(heads, rows)
    if part["exact"]:
        rows = [
            [
                str(exact["qubits"]),
                seconds(exact["aer_density_matrix_seconds"]["median"]),
                f"{seconds(exact['density_seconds']['median'])} ({exact['aer_over_density']:.1f} × faster)",
                f"{seconds(exact['rhoshard_seconds']['median'])} ({exact['aer_over_ours']:.0f} × faster)",
                f"{exact['budget']:.4f}",
            ]
            for exact in part["exact"]
        ]
        text += "\n\n**Exact density matrices** of the same circuits, on the same machine; the intervals hold Aer's values.\n\n"
        text += table(["Qubits", "Aer, seconds", '`kind = "density"`', '`kind = "low-rank"`', "at a budget of"], rows)
    if sampled := part.get("trajectories"):
        ours, theirs = (sampled[name]["median"] * 1e3 for name in ("rhoshard_seconds", "aer_seconds"))
        text += (
            f"\n\n**Trajectories** of the circuit on {sampled['qubits']} qubits: {ours:.1f} ms each, Aer's {theirs:.1f} ms "
            f"({sampled['aer_over_ours']:.1f} × faster); the estimates agree within their standard errors."
        )
    return text


def tail(part):
    """The sampled tail."""
    rows = []
    for case in part["cases"]:
        sampled = case["trajectories"]
        for point in (case["best_with_core"], case["best_without"]):
            if point is None:
                continue
            equal = sampled["stderr"] * (sampled["seconds"] / point["seconds"]) ** 0.5
            against_aer = point["times_smaller"] * case["aer_over_ours"] ** 0.5 if "aer_over_ours" in case else None
            rows.append([
                case["case"],
                f"× {case['scale']}" if case["scale"] else "as in the file",
                f"{point['trace']:.4f}",
                seconds(point["seconds"]),
                f"{point['stderr']:.1e}",
                f"{equal:.1e}",
                f"{point['times_smaller']:.1f}",
                f"{against_aer:.1f}" if against_aer else "–",
            ])
    text = "**The sampled tail** against trajectories: root-mean-square standard error of all `<Z_q>` and `<Z_q Z_q+1>` after the same time. "
    text += f"Noise × 1 is depolarizing {part['noise'][0]:g} and {part['noise'][1]:g} after gates on one and two qubits. For each case the blocks and cut at "
    text += f"which the tail gains most while the core holds at least {part['core']:.0%} of the trace, and below that. Aer samples the same "
    text += f"trajectories more slowly. {stamp(part)}.\n\n"
    heads = ["Circuit", "Noise", "Trace of the core", "Seconds", "Error with the tail", "Trajectories", "Times smaller", "Than Aer's"]
    return text + table(heads, rows)


def auto(part):
    """The choice of an engine."""

    def taken(run):
        return seconds(run["seconds"]) if "seconds" in run else f"{run['skipped']}" if run["skipped"] != "cannot run it" else "–"

    rows = []
    for row in (row for row in part["rows"] if "best" in row):
        chosen = row["runs"]["auto"]
        took_over = ", took over" if row["handed_over"] else ""
        rows.append([
            row["circuit"].split("/")[1],
            row["noise"],
            f"{row['budget']}",
            *(taken(row["runs"][kind]) for kind in ("low-rank", "density", "statevector")),
            f"{seconds(chosen['seconds'])} ({chosen['engine']}{took_over})",
            f"{row['auto_over_best']:.2f}",
            f"{row['whole_auto_over_best']:.2f}",
        ])
    long = [row for row in part["rows"] if "best" in row and row["runs"][row["best"]]["seconds"] >= part["short"]]
    worst, whole = max((row["auto_over_best"] for row in long), default=0), max((row["whole_auto_over_best"] for row in part["rows"] if "best" in row), default=0)
    text = "**Choice of the engine** by `kind = \"auto\"`: engine seconds, the fastest of up to 3 runs; what low-rank spent before density "
    text += "took over is in them. Weak, medium, strong: depolarizing 1e-5, 1e-4, 1e-3 after gates on one qubit and ten times that on two. "
    text += f"Over the best engine: at most {worst:.2f} where that takes {part['short'] * 1e3:.0f} ms or more, {whole:.2f} with reading, "
    text += f"planning and choosing on both sides. {stamp(part)}.\n\n"
    heads = ["Circuit", "Noise", "Budget", "low-rank", "density", "statevector", "auto", "Over the best", "With preparation"]
    return text + table(heads, rows)


def scaling(part):
    """Ranks."""
    names = {"noisy": "noisy, fixed cut", "random": "noiseless random, depth 20", "weak": "weak: noiseless random"}
    rows = []
    for entry in part["strong"] + part["weak"]:
        fewer = entry["times_fewer_bytes"]
        rows.append([
            names[entry["circuit"]],
            str(entry["qubits"]),
            f"{entry['ranks']}{' (oversubscribed)' if entry['oversubscribed'] else ''}",
            seconds(entry["seconds"]["median"]),
            f"{entry['efficiency']:.0%}" if "efficiency" in entry else "–",
            size(entry["bytes_sent"]) if entry["bytes_sent"] else "0",
            f"{fewer['sparing']:.1f} ({fewer['every']:.1f})" if entry["bytes_sent"] else "–",
            size(entry["peak_memory_bytes"]),
        ])
    text = "**Ranks**, one thread each; more ranks than cores share them, so that only their bytes and memory tell something. Bytes are "
    text += "compared with swapping every sharded target in and back, diagonal gates free (counted too). "
    text += f"{stamp(part)}.\n\n"
    heads = ["Circuit", "Qubits", "Ranks", "Engine seconds", "Efficiency", "Bytes sent", "Times fewer bytes", "Memory a rank"]
    return text + table(heads, rows)


def kernels(part):
    """Kernels against the speed of scaling the same memory in place."""
    groups, columns = {}, []
    for record in part["records"]:
        if record["precision"] == "double":
            groups.setdefault(record["kernel"], {}).setdefault(record["columns"], []).append(record["ratio"])
            if record["columns"] not in columns:
                columns.append(record["columns"])
    rows = [
        [KERNELS[name], *(f"{statistics.median(own[count]):.2f} ({min(own[count]):.2f}–{max(own[count]):.2f})" for count in columns)]
        for name, own in groups.items()
    ]
    text = "**Kernels**, out of cache, double precision: bytes a second over those of scaling as much memory in place, as median over "
    text += "the target qubits (least–most). A shard of two columns keeps room for four, and moves it.\n\n"
    return text + table(["Kernel", *(f"{count} column{'s' * (count > 1)}" for count in columns)], rows)


def products(part):
    """Matrix products."""
    ratios = [record["ratio"] for record in part["records"]]
    peak = statistics.median(record["gemm_flops_per_second"] for record in part["records"])
    return (
        f"**Compression**: Gram matrix and rotation run at {min(ratios):.2f} to {max(ratios):.2f} of the rate of a square product "
        f"({peak / 1e9:.0f} Gflop/s), a Hermitian Gram matrix counted as half a product."
    )


def load(folder, name):
    """One part's result file, or nothing."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def rendered(folder):
    """All tables, and what is missing."""
    blocks, missing, machines = [], [], []
    for name, make in (("pure_state", pure_state), ("low_rank", low_rank), ("tail", tail), ("auto", auto), ("scaling", scaling), ("kernels", kernels), ("products", products)):
        part = load(folder, name)
        if part is None:
            missing.append(name)
            continue
        if "processor" in part.get("machine", {}) and "cores" in part["machine"]:
            text = machine_text(part["machine"])
            if text not in machines:
                machines.append(text)
        block = make(part)
        for failure in part.get("failures", []):
            block += f"\n\nFailed: {failure}"
        blocks.append(block)
    if not blocks:
        sys.exit(f"no results in {folder}\n  next: ./scripts/bench.sh")
    head = f"Measured by `./scripts/bench.sh` ([how](benches/README.md)) on {'; and on '.join(machines)}."
    return "\n\n".join([head, *blocks]), missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "benches" / "results")
    parser.add_argument("--print", action="store_true", help="print the tables and leave README.md as it is")
    options = parser.parse_args()
    text, missing = rendered(options.results)
    if missing:
        print(f"no results of: {', '.join(missing)}", file=sys.stderr)
    if options.print:
        print(text)
        return
    readme = ROOT / "README.md"
    old = readme.read_text()
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(old)) != 1:
        sys.exit(f"{readme} must hold {BEGIN} and {END} once")
    readme.write_text(pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", old))
    print(f"tables written to {readme}")


if __name__ == "__main__":
    main()
