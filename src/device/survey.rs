//! What is there for jobs on GPUs, for people: found or missing, never a failure.

/// GPUs and libraries of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The GPUs, or why there are none.
    pub gpus: std::result::Result<Vec<Gpu>, String>,
    /// Name of each library, and its version or how to get it.
    pub libraries: Vec<(&'static str, std::result::Result<String, String>)>,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// What its maker calls it.
    pub name: String,
    /// Compute capability.
    pub architecture: (u32, u32),
    /// Bytes of its memory.
    pub memory: u64,
    /// Its multiprocessors.
    pub multiprocessors: u32,
    /// Single precision operations in the time of one in double precision.
    pub single_per_double: u32,
}

/// With more single than this for one double, double precision is an afterthought: games and inference.
const BALANCED: u32 = 4;

impl Gpu {
    /// One line.
    pub fn description(&self) -> String {
        format!(
            "{}, sm_{}{}, {:.0} GiB, {} multiprocessors",
            self.name,
            self.architecture.0,
            self.architecture.1,
            self.memory as f64 / (1u64 << 30) as f64,
            self.multiprocessors
        )
    }

    /// What to beware of.
    pub fn warning(&self) -> Option<String> {
        (self.single_per_double > BALANCED).then(|| {
            format!(
                "{} computes in double precision at 1/{} of its speed in single: gates hardly notice, compression does; \
                 precision = \"single\" helps where the budget allows it",
                self.name, self.single_per_double
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_poor_in_double_precision_are_warned_of() {
        let data_centre = Gpu {
            name: "NVIDIA H200".into(),
            architecture: (9, 0),
            memory: 139 << 30,
            multiprocessors: 132,
            single_per_double: 2,
        };
        assert_eq!(data_centre.description(), "NVIDIA H200, sm_90, 139 GiB, 132 multiprocessors");
        assert_eq!(data_centre.warning(), None);
        let for_games = Gpu { single_per_double: 64, ..data_centre };
        assert!(for_games.warning().unwrap().contains("1/64"));
    }
}
