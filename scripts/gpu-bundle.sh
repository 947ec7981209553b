#!/usr/bin/env bash
# Packs the program and all it needs to run on a GPU machine that has a driver, CUDA's libraries (installed, or as Python
# wheels) and bash, but neither MPI nor HDF5 nor a compiler: one folder and one archive of less than 64 MiB.
#
#   ./scripts/gpu-bundle.sh                     # target/release/rhoshard (built if need be) into dist/gpu, dist/gpu.tar.gz
#   ./scripts/gpu-bundle.sh FOLDER              # into another folder
#   PROGRAM=target/ci/rhoshard ./scripts/...    # another build; CONFORMANCE=... is the tests of the library, else left out
#
# There: unpack, name wheels if CUDA is not installed (RHOSHARD_CUDA_PATH=.../site-packages), run ./gpu-check.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
program=${PROGRAM:-$target/release/rhoshard}
bundle=${1:-dist/gpu}
largest=$((64 << 20))

fail() {
    printf 'gpu-bundle: %s\n' "$@" >&2
    exit 1
}

# libraries FILE...: the shared libraries that they load, without those of the C library (see pack_c_library).
libraries() {
    ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
        grep -vE '/(libc|libm|libpthread|libdl|librt|libresolv)\.so'
}

# copy_libraries FILE...
copy_libraries() {
    local file
    for file in $(libraries "$@"); do
        [[ -e $bundle/lib/$(basename "$file") ]] || cp -L "$file" "$bundle/lib/"
    done
}

pack_program() {
    [[ -n ${PROGRAM:-} ]] || cargo build --release
    [[ -x $program ]] || fail "$program is missing" "  next: cargo build --release, or set PROGRAM"
    cp "$program" "$bundle/libexec/rhoshard"
    strip "$bundle/libexec/rhoshard"
    copy_libraries "$program"
}

# For machines whose C library is older than the one that everything here is linked with. The wrappers ask.
pack_c_library() {
    local file
    for file in $(ldd "$program" | grep -oE '/[^ ]*/(libc|libm|ld-linux[^ ]*)\.so[^ ]*') \
        /lib/*-linux-gnu/lib{pthread,dl,rt,resolv}.so.*; do
        cp -L "$file" "$bundle/lib/c/"
    done
    # The newest version of the C library that anything asks for.
    find "$bundle/libexec" "$bundle/lib" "$bundle/openmpi" -type f ! -path '*/lib/c/*' -exec objdump -T {} + 2>/dev/null |
        grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n1 | cut -d_ -f2 >"$bundle/lib/c/needed" || true
    [[ -s $bundle/lib/c/needed ]] || fail "objdump does not tell which C library the programs need"
}

# The tests of the library, of which those of the backend run on the GPU.
pack_conformance() {
    local tests=${CONFORMANCE:-}
    if [[ -z $tests && -z ${PROGRAM:-} ]]; then
        tests=$(cargo test --profile ci --lib --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))/\1/p')
    fi
    [[ -n $tests ]] || return 0
    cp "$tests" "$bundle/libexec/conformance"
    strip "$bundle/libexec/conformance"
    write_wrapper conformance conformance
}

# OpenMPI finds its plugins and texts by OPAL_* variables. Plugins for networks that one machine does not need are left
# out, with the libraries that they would bring.
pack_openmpi() {
    local plugins texts file
    mkdir -p "$bundle/openmpi/plugins" "$bundle/openmpi/share"
    if [[ $(ldd "$program") != *libmpi.so* ]]; then
        echo "gpu-bundle: no OpenMPI in $program, so the bundle runs one rank only"
        return
    fi
    command -v ompi_info >/dev/null || fail "ompi_info is missing, which says where OpenMPI keeps its plugins"
    plugins=$(ompi_info --path pkglibdir --parsable | cut -d: -f3)
    texts=$(ompi_info --path pkgdatadir --parsable | cut -d: -f3)
    for file in "$plugins"/mca_*.so; do
        case $(basename "$file") in
            *ucx* | *ofi* | *psm* | *openib* | *_monitoring* | *memheap* | *scoll* | *sshmem*) ;;
            *slurm* | *flux* | *jsm* | *gridengine*) ;;
            *) cp -L "$file" "$bundle/openmpi/plugins/" ;;
        esac
    done
    cp -r "$texts/." "$bundle/openmpi/share/"
    cp -L "$(command -v orterun)" "$bundle/libexec/orterun"
    cp -L "$(command -v orted)" "$bundle/libexec/orted"
    copy_libraries "$bundle"/openmpi/plugins/*.so "$bundle"/libexec/*
}

# Sets what the programs need, wherever the bundle lies. Both wrappers read it.
write_environment() {
    cat >"$bundle/env.sh" <<'ENVIRONMENT'
# Read by the wrappers in bin. Wheels of Python that the user has are found without being named.
bundle=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH=$bundle/bin:$PATH
export LD_LIBRARY_PATH=$bundle/lib${RHOSHARD_USER_LIBRARIES:+:$RHOSHARD_USER_LIBRARIES}
export OPAL_PREFIX=$bundle/openmpi OPAL_BINDIR=$bundle/bin OPAL_LIBDIR=$bundle/lib OPAL_PKGLIBDIR=$bundle/openmpi/plugins
export OPAL_PKGDATADIR=$bundle/openmpi/share OPAL_DATADIR=$bundle/openmpi/share OPAL_SYSCONFDIR=$bundle/openmpi/share
export OMPI_MCA_mca_base_component_show_load_errors=0 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_plm_rsh_agent=false
export PMIX_MCA_gds=hash PMIX_MCA_pcompress_base_silence_warning=1
if [[ -z ${RHOSHARD_CUDA_PATH:-} ]] && command -v python3 >/dev/null 2>&1; then
    RHOSHARD_CUDA_PATH=$(python3 - 2>/dev/null <<'PYTHON' || true
import site, sys
print(":".join(path for path in sys.path + [site.getusersitepackages()] if path.endswith("-packages")))
PYTHON
    )
    export RHOSHARD_CUDA_PATH
fi
# Programs are started by this, if the machine's own C library is too old for them.
loader=()
needed=$(cat "$bundle/lib/c/needed")
have=$(ldd --version 2>/dev/null | sed -n '1s/.* //p')
if [[ $(printf '%s\n%s\n' "$needed" "${have:-0}" | sort -V | head -n1) != "$needed" ]]; then
    loader=("$(echo "$bundle"/lib/c/ld-linux*)" --library-path "$bundle/lib/c:$LD_LIBRARY_PATH")
fi
ENVIRONMENT
}

# write_wrapper NAME PROGRAM
write_wrapper() {
    cat >"$bundle/bin/$1" <<WRAPPER
#!/usr/bin/env bash
source "\$(dirname "\${BASH_SOURCE[0]}")/../env.sh"
exec \${loader[@]+"\${loader[@]}"} "\$bundle/libexec/$2" "\$@"
WRAPPER
    chmod +x "$bundle/bin/$1"
}

pack_material() {
    local size
    cp -r configs kernels "$bundle/"
    for size in 8 10 12 14 16 18 20; do
        cp "tests/data/lret/random_n${size}_d13_s42.qasm" "$bundle/fixtures/"
    done
    cp scripts/gpu-check.sh "$bundle/"
    git describe --always --dirty >"$bundle/commit"
}

case $bundle in
    / | . | ..) fail "the bundle must have a folder of its own" ;;
esac
rm -rf "$bundle" "$bundle.tar.gz"
mkdir -p "$bundle"/{bin,lib/c,libexec,fixtures}
pack_program
pack_openmpi
pack_c_library
pack_material
write_environment
write_wrapper rhoshard rhoshard
pack_conformance
if [[ -x $bundle/libexec/orterun ]]; then
    write_wrapper mpirun orterun
    write_wrapper orted orted
fi
tar -C "$(dirname "$bundle")" -czf "$bundle.tar.gz" "$(basename "$bundle")"
size=$(stat -c %s "$bundle.tar.gz")
unpacked=$(du -sm "$bundle" | cut -f1) needed=$(cat "$bundle/lib/c/needed")
echo "$bundle.tar.gz: $((size >> 20)) MiB packed, $unpacked MiB unpacked, needs glibc $needed or uses its own"
((size < largest)) || fail "the archive is larger than $((largest >> 20)) MiB"
