"""Compiles every kernel by NVRTC, for each architecture and precision, and records what it needs on a GPU.

    kernels_compile.py RESULT.json

Prints registers, shared memory and spills of each kernel, writes them with the version of NVRTC, and fails on a compile
error or on a spill that is not among ALLOWED_SPILLS.
"""

import ctypes
import json
import pathlib
import re
import sys

import nvidia.cu13

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNELS = ROOT / "kernels"
ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
PRECISIONS = {"f64": "double", "f32": "float"}
HEADERS = ("common.cuh", "groups.cuh")

# (kernel with its precision, architecture): why it may spill, and what that costs.
ALLOWED_SPILLS = {
    ("permutation_across_5_f64", "sm_100"): "its 32 images are fetched ahead of the 32 rows that they wait for; 252 bytes "
    "in the first cache for each KiB moved, on one architecture, for permutations of five qubits",
}

FACTS = re.compile(
    r"Function properties for (?P<name>\w+)\s+ptxas[ .]+"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads"
    r".*?Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)


class Compiler:
    """NVRTC, through its C interface."""

    def __init__(self):
        folder = pathlib.Path(list(nvidia.cu13.__path__)[0]) / "lib"
        # The compiler opens its builtins by name; loaded here, they are found wherever they lie.
        for name in sorted(folder.glob("libnvrtc-builtins.so*")):
            ctypes.CDLL(str(name), mode=ctypes.RTLD_GLOBAL)
        self.library = ctypes.CDLL(str(folder / "libnvrtc.so.13"))
        self.library.nvrtcGetErrorString.restype = ctypes.c_char_p

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise RuntimeError(f"{name}: {self.library.nvrtcGetErrorString(code).decode()}")

    def version(self):
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        return f"{major.value}.{minor.value}"

    def compile(self, path, options):
        """The log of a compilation; RuntimeError with the log if it fails."""
        names = (ctypes.c_char_p * len(HEADERS))(*(name.encode() for name in HEADERS))
        texts = (ctypes.c_char_p * len(HEADERS))(*((KERNELS / name).read_bytes() for name in HEADERS))
        program = ctypes.c_void_p()
        source, name = path.read_bytes(), path.name.encode()
        self.call("nvrtcCreateProgram", ctypes.byref(program), source, name, len(HEADERS), texts, names)
        try:
            listed = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
            code = self.library.nvrtcCompileProgram(program, len(options), listed)
            log = self.log(program)
            if code != 0:
                raise RuntimeError(log)
            return log
        finally:
            self.call("nvrtcDestroyProgram", ctypes.byref(program))

    def log(self, program):
        size = ctypes.c_size_t()
        self.call("nvrtcGetProgramLogSize", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        self.call("nvrtcGetProgramLog", program, text)
        return text.value.decode()


def compiled(compiler, path, architecture, suffix):
    """What each kernel of a source needs."""
    options = [
        f"--gpu-architecture={architecture}",
        "--std=c++17",
        "--ptxas-options=-v",
        f"--define-macro=REAL={PRECISIONS[suffix]}",
        f"--define-macro=SUFFIX=_{suffix}",
        f"--define-macro=KERNELS=kernels_{suffix}",
    ]
    log = compiler.compile(path, options)
    if "warning" in log:
        print(log, file=sys.stderr)
    for found in FACTS.finditer(log):
        shared = re.search(r"(\d+) bytes smem", found["rest"])
        yield {
            "kernel": found["name"],
            "source": path.name,
            "architecture": architecture,
            "registers": int(found["registers"]),
            "static_shared_bytes": int(shared[1]) if shared else 0,
            "stack_bytes": int(found["stack"]),
            "spill_store_bytes": int(found["stores"]),
            "spill_load_bytes": int(found["loads"]),
        }


def kernels_of(path):
    """How many kernels a source has, by its text."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    stamped = sum(len(re.findall(rf"^{name}\(\d", text, re.MULTILINE)) * 2 for name in ("DENSE", "PERMUTATION"))
    return stamped + len(re.findall(r"^KERNEL(?:_OF)?\(", text, re.MULTILINE))


def spills(fact):
    return fact["spill_store_bytes"] + fact["spill_load_bytes"] + fact["stack_bytes"] > 0


def table(facts):
    """A line a kernel: registers on each architecture, and what is spilled."""
    lines = [f"{'kernel':28}" + "".join(f"{architecture:>8}" for architecture in ARCHITECTURES) + "  spilled bytes"]
    for name in sorted({fact["kernel"] for fact in facts}):
        own = {fact["architecture"]: fact for fact in facts if fact["kernel"] == name}
        spilled = [f"{key}: {fact['spill_store_bytes']}" for key, fact in own.items() if spills(fact)]
        registers = "".join(f"{own[architecture]['registers']:8}" for architecture in ARCHITECTURES)
        lines.append(f"{name:28}{registers}  {', '.join(spilled) or '0'}")
    return "\n".join(lines)


def main(result):
    compiler = Compiler()
    facts = []
    for path in sorted(KERNELS.glob("*.cu")):
        for architecture in ARCHITECTURES:
            for suffix in PRECISIONS:
                own = list(compiled(compiler, path, architecture, suffix))
                if len(own) != kernels_of(path):
                    sys.exit(f"{path.name}: {len(own)} kernels compiled, {kernels_of(path)} written")
                facts += own
    print(table(facts))
    report = {"nvrtc": compiler.version(), "architectures": ARCHITECTURES, "allowed_spills": [], "kernels": facts}
    refused = []
    for fact in filter(spills, facts):
        reason = ALLOWED_SPILLS.get((fact["kernel"], fact["architecture"]))
        if reason is None:
            refused.append(f"{fact['kernel']} on {fact['architecture']}")
        else:
            report["allowed_spills"].append({key: fact[key] for key in ("kernel", "architecture")} | {"reason": reason})
    pathlib.Path(result).write_text(json.dumps(report, indent=1) + "\n")
    print(f"{len(facts)} kernels compiled by NVRTC {compiler.version()}; spills of {len(report['allowed_spills'])} allowed")
    if refused:
        sys.exit("registers are spilled without a stated reason: " + ", ".join(refused))


if __name__ == "__main__":
    main(sys.argv[1])
