#!/usr/bin/env bash
# Runs a job under NVIDIA's profilers, where they are installed: Nsight Systems (when what ran, with the names of the steps)
# or Nsight Compute (one kind of kernel in depth).
#
#   ./scripts/profile.sh job.toml                    # profile-0.nsys-rep, and what took the time, as text
#   ./scripts/profile.sh --ranks 4 job.toml          # under mpirun: profile-RANK.nsys-rep of each rank
#   ./scripts/profile.sh --kernel dense job.toml     # profile-0.ncu-rep of the kernels whose names begin so
#   PROGRAM=..., MPIRUN="srun ..." ./scripts/...     # another build, another launcher
#
# Exit code 77: the profiler is not installed.
set -euo pipefail

usage() {
    echo "profile: $1" "  usage: profile.sh [--ranks N] [--kernel NAME] JOB.toml" >&2
    exit 2
}

ranks=1 kernel='' job=''
while (($# > 0)); do
    case $1 in
        --ranks | --kernel)
            (($# > 1)) || usage "$1 needs a value"
            [[ $1 == --ranks ]] && ranks=$2 || kernel=$2
            shift 2
            ;;
        -*) usage "unknown option $1" ;;
        *)
            [[ -z $job ]] || usage "there is more than one job"
            job=$1
            shift
            ;;
    esac
done
[[ -n $job ]] || usage "a job is missing"
[[ -f $job ]] || usage "$job is missing"
[[ $ranks =~ ^[1-9][0-9]*$ ]] || usage "--ranks is a number, not $ranks"

profiler=nsys
[[ -z $kernel ]] || profiler=ncu
if [[ ! -x $(command -v $profiler) ]]; then
    echo "profile: $profiler is not installed; next: install Nsight Systems and Nsight Compute (they come with CUDA), or load their module" >&2
    exit 77
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${PROGRAM:-${CARGO_TARGET_DIR:-$root/target}/release/rhoshard}
[[ -x $program ]] || usage "$program is missing; build it with cargo build --release, or set PROGRAM"

# What each rank runs: its number is that of the launcher at hand.
# shellcheck disable=SC2016
number='rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-${SLURM_PROCID:-0}}}'
if [[ $profiler == nsys ]]; then
    profile='exec nsys profile --trace=cuda,nvtx,cublas,mpi --force-overwrite=true --output="profile-$rank" "$@"'
else
    profile='exec ncu --nvtx --kernel-name "regex:^$kernel" --launch-count 50 --set full --force-overwrite --export "profile-$rank" "$@"'
fi
launch=()
if ((ranks > 1)); then
    read -ra launch <<<"${MPIRUN:-mpirun} -n $ranks"
fi
export kernel
"${launch[@]}" bash -c "$number; $profile" profile "$program" run "$job"

if [[ $profiler == nsys ]]; then
    nsys stats --force-export=true --report nvtx_sum,cuda_gpu_kern_sum,cuda_gpu_mem_time_sum profile-0.nsys-rep
    # Of the time between the first and the last thing on the GPU, the part in which nothing ran there.
    nsys stats --report cuda_gpu_trace --format csv --output - profile-0.nsys-rep 2>/dev/null |
        awk -F, '/^[0-9]/ { print $1, $1 + $2 }' | sort -n |
        awk 'NR == 1 { first = $1; reached = $1 }
             { start = $1 > reached ? $1 : reached; if ($2 > start) { busy += $2 - start; reached = $2 } }
             END { if (NR) printf "gaps: %.1f %% of %.3f s on the GPU\n", 100 * (1 - busy / (reached - first)), (reached - first) * 1e-9 }'
fi
