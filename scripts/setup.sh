#!/usr/bin/env bash
# Finds what the build needs (Rust, a C compiler, pkg-config, HDF5, MPI, libclang), installs what is missing, and sets
# the environment of the build. Called by the other scripts with `source`; run by itself it only installs.
#
#   ./scripts/setup.sh                 # OpenMPI, the default
#   MPI=mpich ./scripts/setup.sh       # MPICH; builds go to target-mpich
#   MPI=none ./scripts/setup.sh        # serial; builds go to target-serial
#   MPICC=cc ./scripts/setup.sh        # a vendor's MPI by its compiler wrapper; nothing about MPI is installed
#   HDF5_DIR=/opt/hdf5 ./scripts/...   # an HDF5 of your own; nothing about HDF5 is installed
#
# Installing needs Debian or Ubuntu, and root or sudo without a password. Otherwise it prints what to type and stops
# with exit code 1. When nothing is missing it needs no rights at all.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MPI=${MPI:-openmpi}

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# --- What is there -----------------------------------------------------------------------------------------------------

require_rust() {
    local wanted found
    if ! have cargo && [[ -f ${CARGO_HOME:-$HOME/.cargo}/env ]]; then
        # shellcheck source=/dev/null
        source "${CARGO_HOME:-$HOME/.cargo}/env"
    fi
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    have cargo || fail "Rust is missing" "  next: install Rust $wanted or newer from https://rustup.rs, or load its module"
    found=$(rustc --version | cut -d' ' -f2) || fail "rustc does not start" "  next: rustup default stable"
    if [[ $(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n1) != "$wanted" ]]; then
        fail "Rust $found is too old" "  allowed: $wanted or newer" "  next: rustup update stable"
    fi
}

# require_component COMMAND NAME: a part of the Rust toolchain that a minimal installation leaves out.
require_component() {
    cargo "$1" --version >/dev/null 2>&1 && return
    have rustup || fail "cargo $1 is missing" "  next: install the component $2 of your Rust toolchain"
    rustup component add "$2"
}

have_c_compiler() {
    have cc && echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1
}

have_pkg_config() {
    have pkg-config || have pkgconf
}

# The HDF5 that would be used, in this order: HDF5_DIR, a serial one that pkg-config names, Debian's serial one, the
# parallel one of the same MPI, that of h5cc or conda. A parallel HDF5 brings its own MPI into the program, and two
# different ones there do not end well.
find_hdf5() {
    local folder
    if [[ -n ${HDF5_DIR:-} ]]; then
        [[ -f $HDF5_DIR/include/hdf5.h ]] && return
        fail "HDF5_DIR=$HDF5_DIR holds no include/hdf5.h" \
            "  next: set HDF5_DIR to the folder above include and lib, or unset it"
    fi
    [[ $(hdf5_of_pkg_config) == serial ]] && return
    use_hdf5_of /usr/lib/*-linux-gnu/hdf5/serial && return
    [[ $(hdf5_of_pkg_config) == "$MPI" ]] && return
    use_hdf5_of "${HDF5_ROOT:-}" "${CONDA_PREFIX:-}" "$(folder_of_h5cc)"
}

# serial, openmpi, mpich, or nothing.
hdf5_of_pkg_config() {
    have_pkg_config && pkg-config --exists hdf5 || return 0
    case $(pkg-config --cflags --libs hdf5) in
        *openmpi*) echo openmpi ;;
        *mpich*) echo mpich ;;
        *) echo serial ;;
    esac
}

# Exports HDF5_DIR as the first of these folders that holds HDF5.
use_hdf5_of() {
    local folder
    for folder in "$@"; do
        if [[ -n $folder && -f $folder/include/hdf5.h ]]; then
            export HDF5_DIR=$folder
            return
        fi
    done
    return 1
}

folder_of_h5cc() {
    if have h5cc; then
        dirname "$(dirname "$(readlink -f "$(command -v h5cc)")")"
    fi
}

# Sets MPICC (compiler wrapper, which picks the stack at build time) and MPIRUN (the launcher of the same stack).
find_mpi() {
    if [[ -n ${MPICC:-} ]]; then
        have "${MPICC%% *}" || fail "MPICC=$MPICC is not on the PATH" "  next: load the module of your MPI, or unset MPICC"
        find_launcher mpirun mpiexec srun
        return
    fi
    if have "mpicc.$MPI" && have "mpirun.$MPI"; then
        export MPICC=mpicc.$MPI
        find_launcher "mpirun.$MPI"
    elif have mpicc && have mpirun && [[ $(stack_of_mpirun) == "$MPI" ]]; then
        export MPICC=mpicc
        find_launcher mpirun
    else
        return 1
    fi
}

stack_of_mpirun() {
    case $(mpirun --version 2>&1) in
        *"Open MPI"* | *OpenRTE* | *PRRTE*) echo openmpi ;;
        *HYDRA* | *MPICH* | *mpich*) echo mpich ;;
        *) echo another ;;
    esac
}

find_launcher() {
    local candidate
    for candidate in ${MPIRUN:+"${MPIRUN%% *}"} "$@"; do
        if have "$candidate"; then
            export MPIRUN=${MPIRUN:-$candidate}
            return
        fi
    done
    fail "no MPI launcher is on the PATH" "  allowed: mpirun, mpiexec, srun, or MPIRUN='<command>'"
}

# The library that reads C headers at build time; the folders are those its Rust binding searches.
have_libclang() {
    local folder file
    have ldconfig && ldconfig -p | grep -q 'libclang[-.0-9]*\.so' && have_clang_headers && return
    for folder in ${LIBCLANG_PATH:+"$LIBCLANG_PATH"} /usr/lib/llvm-*/lib /usr/lib64/llvm*/lib /usr/lib*/*-linux-gnu \
        ${CONDA_PREFIX:+"$CONDA_PREFIX/lib"} "$(have llvm-config && llvm-config --libdir)"; do
        for file in "$folder"/libclang.so* "$folder"/libclang-*.so*; do
            # libclang-cpp is another library, with C++ in its interface.
            [[ -e $file && $file != */libclang-cpp.* ]] && return
        done
    done
    return 1
}

# Debian's bare libclang1 has no stddef.h of its own, without which it cannot read mpi.h.
have_clang_headers() {
    local file
    for file in /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib*/clang/*/include/stddef.h; do
        [[ -e $file ]] && return
    done
    return 1
}

# Fills `missing` (for people) and `packages` (Debian's names).
find_missing() {
    missing=() packages=()
    have_c_compiler || { missing+=("a C compiler with its headers") packages+=(gcc libc6-dev); }
    [[ -n ${HDF5_DIR:-} ]] || have_pkg_config || { missing+=("pkg-config") packages+=(pkg-config); }
    find_hdf5 || { missing+=("HDF5 (hdf5.h)") packages+=(libhdf5-dev); }
    [[ $MPI == none ]] && return
    find_mpi || { missing+=("MPI ($MPI: mpicc, mpirun)") && add_mpi_packages; }
    have_libclang || { missing+=("libclang") packages+=(libclang-dev); }
}

add_mpi_packages() {
    case $MPI in
        openmpi) packages+=(libopenmpi-dev openmpi-bin) ;;
        mpich) packages+=(libmpich-dev mpich) ;;
    esac
}

# --- Installing --------------------------------------------------------------------------------------------------------

# as_root COMMAND...: by itself or by sudo; fails when neither works without asking.
as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_install() {
    have apt-get && { [[ $EUID -eq 0 ]] || { have sudo && sudo -n true 2>/dev/null; }; }
}

# install_packages WHAT PACKAGE...
install_packages() {
    local what=$1
    shift
    can_install || explain "$what" "$@"
    echo "setup: installing $* (for $what)"
    if ! apt_knows "$@" || ! apt_install "$@"; then
        # The lists are absent or out of date.
        as_root apt-get update -qq || fail "apt-get update failed" "  next: read its message above"
        apt_install "$@" || fail "apt-get could not install $*" "  next: read its message above"
    fi
}

apt_knows() {
    local package
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || return 1
    done
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# What to type where the script may not install, then exit code 1.
explain() {
    local what=$1
    shift
    cat >&2 <<TEXT
setup: missing: $what
  I may not install it here (that takes Debian or Ubuntu, and root or sudo without a password). One of these does:

  Debian, Ubuntu, with rights:
    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*
  A cluster (names differ; 'module avail' lists them):
    module load gcc hdf5 $([[ $MPI == mpich ]] && echo mpich || echo openmpi) llvm
    export HDF5_DIR=<the folder of hdf5 that holds include and lib>   MPICC=mpicc   # Cray and others: MPICC=cc
  No rights at all, with conda:
    conda create -y -n rhoshard -c conda-forge c-compiler pkg-config hdf5 $([[ $MPI == mpich ]] && echo mpich || echo openmpi) libclang
    conda activate rhoshard
    export HDF5_DIR=\$CONDA_PREFIX LIBCLANG_PATH=\$CONDA_PREFIX/lib MPICC=mpicc LD_LIBRARY_PATH=\$CONDA_PREFIX/lib
  Without MPI (serial, one rank): MPI=none

  Then run the same command again.
TEXT
    exit 1
}

# --- The environment of the build --------------------------------------------------------------------------------------

# The stack is chosen when the program is built, so every stack has its own target folder; `features` are cargo's options
# for it.
choose_target() {
    # shellcheck disable=SC2034  # used by the scripts that source this one
    features=()
    case ${MPI} in
        mpich) export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target-mpich} ;;
        none)
            # shellcheck disable=SC2034
            features=(--no-default-features)
            export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target-serial}
            ;;
        *) export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target} ;;
    esac
}

# OpenMPI refuses to run as root, as in containers, unless it is told that this is meant.
allow_root() {
    if [[ $EUID -eq 0 ]]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
}

# More ranks than cores, for trying out and tests (the second variable is that of OpenMPI 5).
allow_oversubscription() {
    export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
}

# set_launch RANKS: the array `launch` becomes what starts a program on so many ranks; empty without MPI. MPIRUN may be a
# command with options, for instance 'srun --mpi=pmix'.
set_launch() {
    launch=()
    if [[ $MPI != none ]]; then
        read -r -a launch <<<"$MPIRUN"
        launch+=(-n "$1")
    fi
}

setup() {
    local missing packages
    case $MPI in
        openmpi | mpich | none) ;;
        *) fail "MPI=$MPI is unknown" "  allowed: openmpi, mpich, none; or MPICC=<wrapper> for another MPI" ;;
    esac
    require_rust
    find_missing
    if [[ ${#missing[@]} -gt 0 ]]; then
        install_packages "$(printf '%s, ' "${missing[@]}" | sed 's/, $//')" "${packages[@]}"
        find_missing
        [[ ${#missing[@]} -eq 0 ]] || fail "still missing after installing: ${missing[*]}"
    fi
    choose_target
    allow_root
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    setup
    echo "setup: everything is there (MPI: ${MPICC:-none}, HDF5: ${HDF5_DIR:-by pkg-config}, builds in $CARGO_TARGET_DIR)"
fi
