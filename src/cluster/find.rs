//! Where the profile of a cluster is.

use crate::config::cluster::Profile;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The folder beside a job file that profiles are looked for in.
const BESIDE: &str = "slurm";
/// Names the folders that profiles are looked for in, separated as those of `PATH`.
const FOLDERS: &str = "RHOSHARD_CLUSTERS";

/// The profiles that come with the program: name and text.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("slurm", include_str!("../../slurm/slurm.toml")),
    ("gpu", include_str!("../../slurm/gpu.toml")),
    ("pbs", include_str!("../../slurm/pbs.toml")),
    ("torque", include_str!("../../slurm/torque.toml")),
    ("lsf", include_str!("../../slurm/lsf.toml")),
    ("gridengine", include_str!("../../slurm/gridengine.toml")),
];

/// A profile and where it is from.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its name for people.
    pub name: String,
    /// Its file, absolute; nothing for one that is built in.
    pub file: Option<PathBuf>,
    /// What it says.
    pub profile: Profile,
}

impl Cluster {
    /// The profile `named` by its file or by its name, for a job in `folder`.
    ///
    /// # Errors
    /// Input error when there is none, with the places looked at, or when it is wrong.
    pub fn find(named: &str, folder: &Path) -> Result<Cluster> {
        if named.ends_with(".toml") || named.contains('/') {
            return Cluster::read(Path::new(named), named);
        }
        let places = places(named, folder, |variable| std::env::var_os(variable).map(PathBuf::from));
        if let Some(file) = places.iter().find(|file| file.is_file()) {
            return Cluster::read(file, named);
        }
        match BUILT_IN.iter().find(|(name, _)| *name == named) {
            Some((name, text)) => {
                let profile = Profile::parse(text.as_bytes(), &format!("slurm/{name}.toml"))?;
                Ok(Cluster { name: named.into(), file: None, profile })
            }
            None => Err(not_found(named, &places)),
        }
    }

    fn read(file: &Path, named: &str) -> Result<Cluster> {
        let shown = file.display().to_string();
        let unreadable =
            |cause| Error::input(format!("the profile cannot be read: {cause}")).in_file(&shown).next("check the path");
        let profile = Profile::parse(&std::fs::read(file).map_err(unreadable)?, &shown)?;
        let file = std::path::absolute(file).map_err(unreadable)?;
        let stem = file.file_stem().map_or(named.into(), |stem| stem.to_string_lossy().into_owned());
        Ok(Cluster { name: stem, file: Some(file), profile })
    }

    /// What finds it again, from any folder.
    pub fn lasting_name(&self) -> String {
        self.file.as_ref().map_or(self.name.clone(), |file| file.to_string_lossy().into_owned())
    }

    /// The machine file that its profile names.
    pub fn machine(&self) -> Option<PathBuf> {
        let folder = self.file.as_ref().and_then(|file| file.parent()).unwrap_or(Path::new(""));
        self.profile.node.machine.as_ref().map(|machine| folder.join(machine))
    }
}

/// The files that a name may stand for, in the order in which they are looked for.
fn places(name: &str, folder: &Path, variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let own = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    let listed = variable(FOLDERS).unwrap_or_default();
    let folders = std::iter::once(folder.join(BESIDE))
        .chain(std::env::split_paths(&listed).filter(|folder| !folder.as_os_str().is_empty()))
        .chain(own.map(|own| own.join("rhoshard/clusters")));
    folders.map(|folder| folder.join(format!("{name}.toml"))).collect()
}

fn not_found(name: &str, places: &[PathBuf]) -> Error {
    let looked_at: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    let built_in: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    let near = crate::error::nearest(name, built_in.iter().copied());
    let guess = near.map_or(String::new(), |near| format!("did you mean `{near}`? Else "));
    Error::input(format!("there is no profile of a cluster named `{name}`; looked at {}", looked_at.join(", ")))
        .allowed(format!("a TOML file, a name of one in these folders, or one of {}", built_in.join(", ")))
        .next(format!(
            "{guess}write one: `rhoshard submit --profile slurm` prints an example, docs/clusters.md explains it"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_right() {
        for (name, text) in BUILT_IN {
            let file = format!("slurm/{name}.toml");
            Profile::parse(text.as_bytes(), &file).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(Cluster::find(name, Path::new("nowhere")).unwrap().name, name);
        }
    }

    #[test]
    fn places_are_looked_at_in_order() {
        let variable = |name: &str| match name {
            FOLDERS => Some("/site:/group".into()),
            "HOME" => Some("/home/a".into()),
            _ => None,
        };
        let found = places("north", Path::new("jobs"), variable);
        let expected = [
            "jobs/slurm/north.toml",
            "/site/north.toml",
            "/group/north.toml",
            "/home/a/.config/rhoshard/clusters/north.toml",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
        assert_eq!(places("n", Path::new(""), |_| None), [PathBuf::from("slurm/n.toml")]);
    }

    #[test]
    fn a_file_beside_the_job_wins_and_a_wrong_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("slurm")).unwrap();
        let file = folder.path().join("slurm/pbs.toml");
        std::fs::write(&file, BUILT_IN[0].1.to_string() + "\n[job]\nranks = 3\nmachine = 1\n").unwrap();
        let error = Cluster::find("pbs", folder.path()).unwrap_err().to_string();
        assert!(error.contains("slurm/pbs.toml:"), "{error}");
        std::fs::write(&file, BUILT_IN[0].1).unwrap();
        let cluster = Cluster::find("pbs", folder.path()).unwrap();
        assert_eq!(cluster.lasting_name(), file.to_string_lossy());
        assert_eq!(Cluster::find(&cluster.lasting_name(), Path::new("")).unwrap(), cluster);
    }

    #[test]
    fn what_is_not_there_is_said_with_where_it_was_looked_for() {
        let error = Cluster::find("slrum", Path::new("jobs")).unwrap_err().to_string();
        assert!(error.contains("jobs/slurm/slrum.toml") && error.contains("did you mean `slurm`?"), "{error}");
        let error = Cluster::find("a/b.toml", Path::new("jobs")).unwrap_err().to_string();
        assert!(error.starts_with("a/b.toml: the profile cannot be read"), "{error}");
    }
}
