//! Every job, circuit and command shown in README.md is run.

use crate::support::{Finished, finish, rhoshard};
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The fenced blocks of a page: (language, text).
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_string(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn readme() -> Vec<(String, String)> {
    blocks(&std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap())
}

/// A folder with everything the README's blocks name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    for circuit in [
        "configs/adder_n10.qasm",
        "tests/data/lret/random_n12_d13_s42.qasm",
        "configs/device.qasm",
        "configs/props_lagos.json",
    ] {
        let source = Path::new(ROOT).join(circuit);
        std::fs::copy(&source, folder.path().join(source.file_name().unwrap())).unwrap();
    }
    write("energy.pauli", "# energy\n-1.25 ZZ\n0.5 XI\n");
    for (language, text) in readme() {
        match language.as_str() {
            "toml" if text.contains("\"sweep\"") => write("sweep.toml", &text),
            "toml" if text.contains("\"auto\"") => write("auto.toml", &text),
            "toml" if text.contains("props_lagos") => write("device.toml", &text),
            "toml" if text.contains("reduced = ") => write("observables.toml", &text),
            "toml" if text.contains("tail = ") => write("tail.toml", &text),
            "toml" if text.contains("adder_n10") => write("adder.toml", &text),
            "toml" if text.contains("random_n12") => write("random.toml", &text),
            "toml" if text.contains("trotter") => write("trotter.toml", &text),
            "toml" => write("rotation.toml", &text),
            "qasm" if text.contains("while") => write("decided.qasm", &text),
            "qasm" if text.contains("snapshot") => write("trotter.qasm", &text),
            "qasm" => write("rotation.qasm", &text),
            _ => {}
        }
    }
    folder
}

#[test]
fn the_device_of_the_readme_is_a_committed_job() {
    let shown =
        readme().into_iter().find(|(_, text)| text.contains("props_lagos") && text.contains("[circuit]")).unwrap().1;
    assert_eq!(shown, std::fs::read_to_string(Path::new(ROOT).join("configs/device.toml")).unwrap());
}

fn run(folder: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new(rhoshard());
    command.args(arguments).current_dir(folder);
    finish(command).expect_success(&arguments.join(" "))
}

#[test]
fn every_job_of_the_readme_runs() {
    let folder = folder();
    let jobs: Vec<String> =
        readme().into_iter().filter(|(language, _)| language == "toml").map(|block| block.1).collect();
    assert_eq!(jobs.len(), 9, "this test knows the README's nine jobs");
    let first = ["adder.toml", "auto.toml", "observables.toml", "tail.toml"];
    for job in first.into_iter().chain(["device.toml", "rotation.toml", "random.toml", "trotter.toml", "sweep.toml"]) {
        run(folder.path(), &["check", job]);
        run(folder.path(), &["run", job]);
    }
    assert!(folder.path().join("result.h5").exists() && folder.path().join("rotation.h5").exists());
}

#[test]
fn the_sweeps_of_the_pages_run() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/sweeps.md")).unwrap();
    let jobs: Vec<String> =
        blocks(&page).into_iter().filter(|(language, _)| language == "toml").map(|block| block.1).collect();
    let folder = folder();
    for (index, job) in jobs.iter().enumerate() {
        let name = format!("page_{index}.toml");
        std::fs::write(folder.path().join(&name), job).unwrap();
        assert!(run(folder.path(), &["run", &name]).stdout.contains("points  "));
    }
    assert_eq!(jobs.len(), 2);
    let shown = readme().into_iter().find(|(_, text)| text.contains("job = \"sweep\"")).unwrap().1;
    assert_eq!(shown, std::fs::read_to_string(Path::new(ROOT).join("configs/sweep.toml")).unwrap());
}

#[test]
fn the_page_on_sweeps_knows_every_key() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/sweeps.md")).unwrap();
    for key in rhoshard::config::sweep::KEYS {
        assert!(
            page.contains(&format!("| `{key}`"))
                || page.contains(&format!("`{key}` |"))
                || page.contains(&format!(", `{key}` |")),
            "{key}"
        );
    }
}

#[test]
fn engines_agree_on_the_circuit_of_the_readme_that_measured_bits_decide() {
    let folder = folder();
    let job = |kind: &str| {
        let text = format!(
            "job = \"circuit\"\n[circuit]\nfile = \"decided.qasm\"\n[engine]\nkind = \"{kind}\"\nbudget = 1e-8\n\
             [observe]\nexpectations = [\"Z0 Z1\"]\nshots = 100\n"
        );
        std::fs::write(folder.path().join("decided.toml"), text).unwrap();
        let printed = run(folder.path(), &["run", "decided.toml"]).stdout;
        let is_count = |line: &&str| !line.is_empty() && line.chars().all(|c| c.is_ascii_digit() || c == ' ');
        printed.lines().filter(is_count).map(str::to_string).collect::<Vec<String>>()
    };
    let low_rank = job("low-rank");
    assert!(low_rank.len() >= 2, "{low_rank:?}");
    assert_eq!(low_rank, job("density"));
}

#[test]
fn every_command_of_the_readme_runs() {
    let folder = folder();
    let mut commands = 0;
    for (_, text) in readme().into_iter().filter(|(language, _)| language == "sh") {
        for line in text.lines() {
            // Whole jobs under a launcher are run by tests/mpirun.rs; here the arguments count.
            let words: Vec<&str> = line.strip_prefix("mpirun -n 4 ").unwrap_or(line).split_whitespace().collect();
            let arguments =
                words.strip_prefix(&["rhoshard"]).unwrap_or_else(|| panic!("not a command of ours: {line}"));
            run(folder.path(), arguments);
            commands += 1;
        }
    }
    assert!(commands >= 3);
}

#[test]
fn the_table_shown_is_the_table_printed() {
    let folder = folder();
    let printed = run(folder.path(), &["run", "adder.toml"]).stdout;
    let shown = readme().into_iter().find(|(language, _)| language == "text").unwrap().1;
    for line in shown.lines() {
        assert!(printed.lines().any(|other| other == line), "{line:?} is not in\n{printed}");
    }
}

#[test]
fn the_committed_jobs_pass_the_check() {
    for entry in std::fs::read_dir(Path::new(ROOT).join("configs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            run(Path::new(ROOT), &["check", path.to_str().unwrap()]);
        }
    }
}

#[test]
fn the_committed_machines_predict() {
    for entry in std::fs::read_dir(Path::new(ROOT).join("configs/machines")).unwrap() {
        let path = entry.unwrap().path();
        let printed = run(Path::new(ROOT), &["plan", "configs/adder.toml", "--machine", path.to_str().unwrap()]);
        assert!(printed.stdout.contains("predicted for other numbers of ranks"), "{}", printed.stdout);
    }
}

#[test]
fn every_file_the_pages_link_to_exists() {
    for page in ["README.md", "ARCHITECTURE.md", "docs/sweeps.md"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(target.starts_with("http") || Path::new(ROOT).join(target).exists(), "{page}: {target}");
        }
    }
}
