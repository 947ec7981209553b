#!/usr/bin/env bash
# Runs a command on a Grid Engine of its own: one host, this machine, with eight slots, for as long as the command runs.
#
#   bash tests/grid_engine/cluster.sh qstat -f
#   bash tests/grid_engine/cluster.sh cargo test --profile ci --test grid_engine -- --test-threads=4
#
# Needs root and Grid Engine 8 (Debian's packages gridengine-master, -exec, -client). Where they are not installed they are
# unpacked into a temporary folder, where the daemons keep their state too; a link in /usr/lib, where the programs look for
# each other, lasts as long as the command. Installing them would bring a mail server and daemons that start by themselves.
# RHOSHARD_GRID_ENGINE_PORT sets the first of two ports. Exit code 77: it cannot be started here; the last line says why.
set -euo pipefail

port=${RHOSHARD_GRID_ENGINE_PORT:-16827}
# Programs look here for their libraries and for each other, whatever they are told.
programs=/usr/lib/gridengine
state=$(mktemp -d)
touch "$state/begin"

cannot() {
    messages >&2
    echo "no Grid Engine: $*" >&2
    exit 77
}

# What the daemons have said last. Before they know their folders they write to /tmp.
messages() {
    {
        find "$state" -name messages
        find /tmp -maxdepth 1 -name '*_messages*' -newer "$state/begin"
    } 2>/dev/null | xargs -r tail -n 5
}

# --- Programs ----------------------------------------------------------------------------------------------------------

find_programs() {
    local other
    shared=/usr/share/gridengine
    if [[ -L $programs ]]; then
        # It may be there from a command that was killed.
        other=$(readlink "$programs")
        other=${other%/packages*}
        [[ ! -s $other/qmaster/qmaster.pid ]] || has_ended "$(cat "$other/qmaster/qmaster.pid")" ||
            cannot "one runs already, in $other"
    elif [[ -e $programs ]]; then
        [[ -x $programs/sge_qmaster ]] || cannot "$programs has no sge_qmaster"
        return 0
    fi
    command -v apt-get >/dev/null || cannot "it is not installed"
    unpack || { apt-get update -qq >/dev/null && unpack; } || cannot "apt-get does not get it"
    shared=$state/packages$shared
    ln -sfn "$state/packages$programs" "$programs"
    install_libraries
}

unpack() {
    local file
    # apt-get would leave root to fetch files into a folder of its own.
    (cd "$state" && apt-get download -qq -o APT::Sandbox::User=root gridengine-{common,client,exec,master}) || return
    for file in "$state"/*.deb; do
        dpkg-deb --extract "$file" "$state/packages" || return
    done
}

# Those that the programs need are installed for good: they do nothing by themselves.
install_libraries() {
    [[ $(ldd "$programs"/{sge_qmaster,sge_execd,qstat,libspoolc.so}) == *"not found"* ]] || return 0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libhwloc15 libjemalloc2 libmunge2 \
        libssl3 libtirpc3 >/dev/null || cannot "apt-get does not install its libraries"
}

# --- Configuration -----------------------------------------------------------------------------------------------------

# Whatever this machine is called, for Grid Engine it is localhost; its own name must mean some address, though.
name_host() {
    local host unknown=()
    for host in localhost "$(hostname)"; do
        getent ahostsv4 "$host" >/dev/null || unknown+=("$host")
    done
    if ((${#unknown[@]} > 0)); then
        added_host="127.0.0.1 ${unknown[*]} # until tests/grid_engine/cluster.sh has ended"
        echo "$added_host" >>/etc/hosts || cannot "${unknown[*]}: no address"
    fi
    {
        echo "$host"
        { getent hosts "$host" localhost 127.0.0.1 || true; } | tr -s ' ' '\n' | grep -v -e '^[0-9.]*$' -e :
        # Grid Engine wants at least one other name.
        echo localhost.localdomain
    } | grep -vx localhost | sort -u | xargs echo localhost >"$common/host_aliases"
    echo localhost >"$common/act_qmaster"
}

# Every file that the daemons begin with. The rest is said to them (`complete_configuration`).
write_configuration() {
    export SGE_ROOT=$state SGE_CELL=test SGE_QMASTER_PORT=$port SGE_EXECD_PORT=$((port + 1))
    PATH=$programs:$PATH
    common=$state/test/common
    mkdir -p "$common" "$state"/{qmaster,execd,lists/host}
    name_host
    bootstrap >"$common/bootstrap"
    configuration >"$state/lists/configuration"
    host >"$state/lists/host/localhost"
    cp -r "$shared/util/resources/centry" "$state/lists/resources"
    sed -i -e 's/^consumable .*/consumable YES/' -e 's/^default .*/default 0/' "$state/lists/resources/mem_free"
    {
        spoolinit classic libspoolc "$common;$state/qmaster" init
        spooldefaults configuration "$state/lists/configuration"
        spooldefaults complexes "$state/lists/resources"
        spooldefaults usersets "$shared/util/resources/usersets"
        spooldefaults pes "$shared/util/resources/pe"
        spooldefaults managers "$(id -un)"
        spooldefaults exechosts "$state/lists/host"
        spooldefaults adminhosts "$state/lists/host"
    } >"$state/setup.log" 2>&1 || cannot "its files cannot be made: $(tail -n 1 "$state/setup.log")"
}

bootstrap() {
    cat <<BOOTSTRAP
admin_user none
default_domain none
ignore_fqdn true
spooling_method classic
spooling_lib libspoolc
spooling_params $common;$state/qmaster
binary_path $programs
qmaster_spool_dir $state/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
BOOTSTRAP
}

# The package's own, but for root's jobs, and so that nothing waits for long. Arrays have at most five elements, so that
# splitting them is tested.
configuration() {
    sed -e "s|^execd_spool_dir .*|execd_spool_dir $state/execd|" -e 's|^mailer .*|mailer /bin/true|' \
        -e 's/^min_\([ug]\)id .*/min_\1id 0/' -e 's/^load_report_time .*/load_report_time 0:0:1/' \
        -e 's/^max_aj_tasks .*/max_aj_tasks 5/' "$shared/default-configuration"
}

host() {
    cat <<HOST
hostname localhost
load_scaling NONE
complex_values mem_free=4G
user_lists NONE
xuser_lists NONE
projects NONE
xprojects NONE
usage_scaling NONE
report_variables NONE
HOST
}

# --- Daemons -----------------------------------------------------------------------------------------------------------

# A command of Grid Engine; without an answer, it waits for minutes.
ask() {
    timeout 10 "$@" 2>&1
}

# wait_until SECONDS COMMAND...: tries it again and again.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

start_daemons() {
    local own
    mapfile -t own < <(env | grep ^SGE_)
    sge_qmaster >/dev/null || cannot "sge_qmaster does not start"
    wait_until 30 ask qconf -sh || cannot "sge_qmaster does not answer: $(ask qconf -sh | tail -n 1)"
    complete_configuration
    # Jobs get its environment: nothing of this shell's.
    env -i PATH=/usr/local/bin:/usr/bin:/bin "${own[@]}" "$programs/sge_execd" >/dev/null ||
        cannot "sge_execd does not start"
    wait_until 30 is_ready || cannot "the host does not become ready: $(ask qstat -f -explain a | tail -n 1)"
}

# What `qconf` takes only from a daemon that runs. Eight slots are declared whatever there are, and a host that is busy takes
# jobs too.
complete_configuration() {
    ask qconf -as localhost >/dev/null || cannot "qconf does not take the host to submit from"
    # Without `flush_submit_sec`, `flush_finish_sec`: a job that is started again in the moment in which it has ended is
    # forgotten by sge_execd, and hangs.
    change -ssconf -Msconf "schedule_interval 0:0:1" "job_load_adjustments NONE" "load_adjustment_decay_time 0:0:0"
    change -sq -Aq "qname all.q" "hostlist localhost" "slots 8" "pe_list mpi" "load_thresholds NONE" \
        "notify 0:0:20" "tmpdir $state"
}

# change SHOW SET LINE...: what qconf shows with the first option, with these lines, given to it with the second.
change() {
    local show=$1 set=$2 line said
    shift 2
    ask qconf "$show" >"$state/lists/shown" || cannot "qconf $show: $(tail -n 1 "$state/lists/shown")"
    for line in "$@"; do
        sed -i "s|^${line%% *} .*|$line|" "$state/lists/shown"
    done
    said=$(ask qconf "$set" "$state/lists/shown") || cannot "qconf $set: $said"
}

# The host has said what it has, and its queue has no letter for a state that keeps jobs out.
is_ready() {
    [[ $(ask qhost) =~ localhost\ +lx- && $(ask qstat -f) =~ all\.q@localhost\ .*\ lx-[^\ ]+\ *$ ]]
}

# --- The end -----------------------------------------------------------------------------------------------------------

stop() {
    local file
    if [[ -s $state/qmaster/qmaster.pid ]]; then
        ask qdel -u '*' >/dev/null || true
        wait_until 10 has_no_job || true
    fi
    for file in "$state"/execd/*/execd.pid "$state/qmaster/qmaster.pid"; do
        [[ ! -s $file ]] || end_process "$(cat "$file")"
    done
    [[ $(readlink "$programs") != "$state"/* ]] || rm -f "$programs"
    [[ -z ${added_host:-} ]] || forget_host
    rm -rf "$state"
}

has_no_job() {
    [[ -z $(ask qstat -u '*') ]]
}

end_process() {
    kill "$1" 2>/dev/null || return 0
    wait_until 10 has_ended "$1" || kill -KILL "$1" || true
}

# One that nobody waits for stays on as a zombie.
has_ended() {
    [[ ! -e /proc/$1 ]] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"
}

# In place: in a container the file cannot be replaced.
forget_host() {
    local rest
    rest=$(grep -vxF "$added_host" /etc/hosts)
    echo "$rest" >/etc/hosts
}

trap stop EXIT
[[ $EUID -eq 0 ]] || cannot "it takes root"
find_programs
write_configuration
start_daemons
"$@"
