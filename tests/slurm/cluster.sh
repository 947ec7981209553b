#!/usr/bin/env bash
# Runs a command on a SLURM cluster of its own: one node of four cores, this machine, for as long as the command runs.
#
#   bash tests/slurm/cluster.sh sinfo
#   bash tests/slurm/cluster.sh cargo test --profile ci --test slurm
#
# Needs root, and slurmctld, slurmd, munge (installed where that is possible). The daemons are started directly, without
# systemd, and keep their state in a temporary folder. Exit code 77: it cannot be started here; the last line says why.
set -euo pipefail

port=${RHOSHARD_SLURM_PORT:-16817}
state=$(mktemp -d)

cannot() {
    echo "no SLURM cluster: $*" >&2
    exit 77
}

install_slurm() {
    local program
    for program in slurmctld slurmd munged sbatch; do
        if ! command -v "$program" >/dev/null && [[ ! -x /usr/sbin/$program ]]; then
            command -v apt-get >/dev/null || cannot "$program is not installed"
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd \
                slurm-client slurm-wlm-basic-plugins munge >/dev/null || cannot "apt-get does not install it"
            return
        fi
    done
}

# Authentication between the daemons. One that runs already serves.
start_munge() {
    munge -n >/dev/null 2>&1 && return
    mkdir -p /run/munge
    chown munge: /run/munge
    runuser -u munge -- /usr/sbin/munged || cannot "munged does not start"
    munge_started=1
}

# Four cores and four GPUs are declared whatever there are. Arrays have at most five elements, so that splitting them is
# tested.
write_configuration() {
    local host
    host=$(hostname -s)
    mkdir -p "$state/controller" "$state/daemon"
    touch "$state"/gpu{0..3}
    echo "Name=gpu File=$state/gpu[0-3]" >"$state/gres.conf"
    cat >"$state/slurm.conf" <<CONFIGURATION
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/daemon
SlurmctldPidFile=$state/controller.pid
SlurmdPidFile=$state/daemon.pid
SlurmctldLogFile=$state/controller.log
SlurmdLogFile=$state/daemon.log
SlurmctldPort=$port
SlurmdPort=$((port + 1))
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
MpiDefault=pmix
ReturnToService=2
MailProg=/bin/true
KillWait=5
MaxArraySize=6
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=4000 Gres=gpu:4 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
    export SLURM_CONF=$state/slurm.conf
}

start_daemons() {
    slurmctld -f "$SLURM_CONF" || cannot "slurmctld does not start: $(tail -n 3 "$state/controller.log")"
    slurmd -f "$SLURM_CONF" || cannot "slurmd does not start: $(tail -n 3 "$state/daemon.log")"
    for _ in {1..100}; do
        [[ $(sinfo --noheader --format=%t 2>/dev/null) != idle ]] || return 0
        sleep 0.2
    done
    cannot "the node does not become idle: $(sinfo --noheader --format='%t, %E')"
}

stop() {
    local file
    scancel --user="$(id -un)" >/dev/null 2>&1 || true
    for file in "$state/daemon.pid" "$state/controller.pid"; do
        [[ ! -s $file ]] || kill "$(cat "$file")" || true
    done
    [[ -z ${munge_started:-} ]] || kill "$(cat /run/munge/munged.pid)" || true
    # The daemons write to it until they have ended.
    sleep 1
    rm -rf "$state"
}

[[ $EUID -eq 0 ]] || cannot "it takes root"
PATH=$PATH:/usr/sbin
munge_started=
trap stop EXIT
install_slurm
start_munge
write_configuration
start_daemons
"$@"
