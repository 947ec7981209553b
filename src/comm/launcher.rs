//! Notices a launcher that started many independent programs instead of one job.
//!
//! The wrong launcher for an MPI stack starts N programs that each believe to be rank 0 of 1, and each would write
//! the same result file.

use crate::error::{Error, Result};

/// Variables that announce the number of ranks, the most specific first. `SLURM_NTASKS` is not among them: the batch
/// shell and a smaller `mpirun` inside it both see the allocation's.
const ANNOUNCEMENTS: [(&str, &str); 3] = [
    ("OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun"),
    ("PMI_SIZE", "MPICH's mpirun or a PMI launcher"),
    ("SLURM_STEP_NUM_TASKS", "srun"),
];

/// Compares the size of the world with what the launcher announced through `variable`.
pub(super) fn check(size: usize, variable: impl Fn(&str) -> Option<String>) -> Result<()> {
    let announced = ANNOUNCEMENTS
        .iter()
        .find_map(|(name, launcher)| Some((*name, *launcher, variable(name)?.trim().parse::<usize>().ok()?)));
    match announced {
        Some((name, launcher, ranks)) if ranks != size => Err(wrong_launcher(name, launcher, ranks, size)),
        _ => Ok(()),
    }
}

/// Refuses to be started by a launcher.
pub(super) fn check_absent(variable: impl Fn(&str) -> Option<String>) -> Result<()> {
    let found = ANNOUNCEMENTS.iter().find(|(name, _)| variable(name).is_some_and(|value| !value.trim().is_empty()));
    match found {
        Some((name, launcher)) => Err(Error::input(format!(
            "this command starts ranks itself, but {launcher} has started it ({name} is set)"
        ))
        .next("start it by itself, in a batch job as well")),
        None => Ok(()),
    }
}

fn wrong_launcher(name: &str, launcher: &str, ranks: usize, size: usize) -> Error {
    Error::resource(format!(
        "{launcher} started {ranks} ranks ({name}={ranks}), but this program sees a job of {size}: \
         it is built for another MPI stack"
    ))
    .allowed(format!("the launcher of the MPI library it is built with: {}", super::library_version()))
    .next("run it with that library's own mpirun (for srun, choose the matching --mpi=...), or rebuild with MPICC set")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn silent_singletons_are_refused() {
        let error = check(1, environment(&[("PMI_SIZE", "4")])).unwrap_err();
        assert!(error.what.contains("started 4 ranks"), "{error}");
        assert!(check(1, environment(&[("SLURM_STEP_NUM_TASKS", "2")])).is_err());
    }

    #[test]
    fn a_command_that_launches_is_not_launched() {
        assert!(check_absent(environment(&[("SLURM_NTASKS", "8")])).is_ok());
        let error = check_absent(environment(&[("OMPI_COMM_WORLD_SIZE", "1")])).unwrap_err();
        assert!(error.what.contains("Open MPI's mpirun has started it"), "{error}");
    }

    #[test]
    fn matching_and_unannounced_sizes_pass() {
        assert!(check(4, environment(&[("OMPI_COMM_WORLD_SIZE", "4"), ("SLURM_STEP_NUM_TASKS", "1")])).is_ok());
        assert!(check(1, environment(&[("SLURM_NTASKS", "8")])).is_ok());
        assert!(check(1, environment(&[])).is_ok());
    }
}
