//! What this rank may use of its node: cores, memory, its name.

use super::Communicator;

/// The node as seen from one rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Host name.
    pub host: String,
    /// Ranks of this job on the node.
    pub ranks: usize,
    /// Cores of the node that are online.
    pub cores: usize,
    /// Cores this rank may run on (its affinity mask).
    pub usable_cores: usize,
    /// Bytes free on the node when asked, or allowed by the control group if that is less.
    pub free_memory: u64,
}

impl Node {
    /// Asks the system; collective over `comm`.
    pub fn of(comm: &dyn Communicator) -> Node {
        // SAFETY: sysconf has no preconditions.
        let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
        Node {
            host: host_name(),
            ranks: comm.split_node().size(),
            cores: usize::try_from(online).unwrap_or(1).max(1),
            usable_cores: std::thread::available_parallelism().map_or(1, usize::from),
            free_memory: free_memory(),
        }
    }

    /// Threads of this rank when the user names no number: the node's cores over its ranks, at most those it may use.
    pub fn default_threads(&self) -> usize {
        self.fair_share().min(self.usable_cores)
    }

    fn fair_share(&self) -> usize {
        (self.cores / self.ranks).max(1)
    }

    /// A warning when the launcher bound this rank to fewer cores than its share.
    pub fn binding_warning(&self) -> Option<String> {
        (self.usable_cores < self.fair_share()).then(|| {
            format!(
                "this rank may use {} of its share of {} cores: start with `mpirun --bind-to none` \
                 or `mpirun --map-by slot:PE={}` (srun: `--cpus-per-task={}`)",
                self.usable_cores,
                self.fair_share(),
                self.fair_share(),
                self.fair_share()
            )
        })
    }

    /// Bytes one rank may plan to use when the user sets no limit: 80 % of its share of the free memory.
    pub fn default_memory(&self) -> u64 {
        (self.free_memory as f64 * 0.8) as u64 / self.ranks as u64
    }
}

/// The most bytes of memory this process has had resident so far.
pub fn peak_memory() -> u64 {
    // Where Linux tells it of this program alone: the usage of resources begins with that of the process it was made from.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    line.map_or_else(peak_by_usage, |kibibytes: u64| kibibytes * 1024)
}

fn peak_by_usage() -> u64 {
    // SAFETY: the structure is plain data, for which zeros are valid, and getrusage fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    // Linux counts kibibytes.
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024
}

/// The name of this host.
pub fn host_name() -> String {
    let mut buffer = [0u8; 256];
    // SAFETY: the buffer is writable for its whole length, less one byte kept for the terminator.
    let status = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let length = buffer.iter().position(|byte| *byte == 0).unwrap_or(0);
    if status == 0 { String::from_utf8_lossy(&buffer[..length]).into_owned() } else { "unknown".into() }
}

fn free_memory() -> u64 {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo_available(&text));
    let limit = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let group = limit("/sys/fs/cgroup/memory.max")
        .map(|most| most.saturating_sub(limit("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    available.unwrap_or(u64::MAX / 2).min(group.unwrap_or(u64::MAX))
}

fn meminfo_available(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Serial;

    #[test]
    fn the_node_has_cores_and_memory() {
        let node = Node::of(&Serial);
        assert!(node.default_threads() >= 1 && node.free_memory > 0 && !node.host.is_empty());
    }

    #[test]
    fn the_peak_follows_what_is_used() {
        let before = peak_memory();
        let block = vec![1u8; 1 << 28];
        assert!(block.iter().map(|byte| u64::from(*byte)).sum::<u64>() == 1 << 28);
        assert!(before > 1 << 20 && peak_memory() >= 1 << 28);
    }

    #[test]
    fn a_narrow_binding_is_noticed() {
        let node = Node { host: "a".into(), ranks: 2, cores: 16, usable_cores: 1, free_memory: 100 };
        assert_eq!(node.default_threads(), 1);
        assert!(node.binding_warning().unwrap().contains("--map-by slot:PE=8"));
        let whole = Node { usable_cores: 16, ..node };
        assert_eq!(whole.default_threads(), 8);
        assert!(whole.binding_warning().is_none());
        assert_eq!(whole.default_memory(), 40);
    }

    #[test]
    fn meminfo_is_read_in_bytes() {
        assert_eq!(meminfo_available("MemTotal: 9 kB\nMemAvailable:   2 kB\n"), Some(2048));
    }
}
