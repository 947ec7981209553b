//! The layers hold: a module of `src` imports lower layers and its own folder only, a foreign crate is used by its one
//! owner, and a few things stand only where they belong (ARCHITECTURE.md says why).
//!
//! It reads the source as text. Comments and whatever is `#[cfg(test)]` are left out: tests may use what they like.

use std::fmt;
use std::path::{Path, PathBuf};

/// The top-level modules of each layer, lowest first.
const LAYERS: &[&[&str]] = &[
    &["linalg", "rng", "config", "error", "archive"],
    &["model", "formats", "device", "sampling"],
    &["comm", "backend"],
    &["plan", "engine", "state"],
    &["io"],
    &["driver", "cluster"],
    &["jobs", "bench", "validate", "report", "watch"],
    &["scaling"],
    &["main", "cli"],
];

/// Imports within a layer that are allowed: the first may use the second. Anything may within layer 0.
const NEIGHBOURS: &[(&str, &str)] = &[("formats", "model"), ("engine", "plan"), ("engine", "state"), ("main", "cli")];

/// Text that may stand only in the files whose path (relative to `src`) begins with one of these.
const OWNERS: &[(&str, &[&str])] = &[
    // In comm.rs `mpi::` is our module comm/mpi.rs, which the crate's name is hidden behind.
    ("mpi::", &["comm.rs", "comm/mpi.rs", "comm/mpi/"]),
    ("cudarc::", &["device", "backend/cuda"]),
    ("libloading::", &["device/cuda"]),
    ("hdf5::", &["io.rs", "io/"]),
    ("clap::", &["cli.rs", "cli/"]),
    ("indicatif::", &["io/progress.rs"]),
    ("crc32fast::", &["io/checkpoint/", "io/journal"]),
    ("resvg::", &["report/png.rs"]),
    ("signal_hook::", &["driver/interruption.rs"]),
    ("process::Command", &["cluster.rs", "cluster/"]),
    ("faer::", &["linalg.rs", "linalg/", "backend.rs", "backend/"]),
    ("cfg(feature", &["comm.rs", "comm/", "device.rs", "device/", "lib.rs"]),
    ("rank() == 0", &["comm.rs", "comm/"]),
    ("rank == 0", &["comm.rs", "comm/"]),
    (".unwrap()", &[]),
];

/// A line that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "src/{}:{}: {}", self.file, self.line, self.what)
    }
}

#[test]
fn the_layers_hold() {
    let files = source_files();
    assert!(files.len() > 10, "the source is somewhere else");
    let tests: Vec<String> = files.iter().flat_map(|(file, text)| test_modules(file, text)).collect();
    let checked = files.iter().filter(|(file, _)| !tests.iter().any(|module| is_within(file, module)));
    let violations: Vec<String> =
        checked.flat_map(|(file, text)| violations(file, text)).map(|violation| violation.to_string()).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Path (relative to `src`) and text of every source file.
fn source_files() -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        let file = path.strip_prefix(&source).expect("it was found there");
        (file.to_string_lossy().replace('\\', "/"), text)
    };
    rust_files(&source).into_iter().map(read).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The modules that a file declares for tests only: `backend/conformance` for `#[cfg(test)] mod conformance;`.
fn test_modules(file: &str, text: &str) -> Vec<String> {
    let folder = match file.trim_end_matches(".rs") {
        "lib" | "main" => String::new(),
        module => format!("{module}/"),
    };
    let lines: Vec<&str> = text.lines().collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]").filter_map(|pair| {
        let (_, name) = pair[1].strip_suffix(';')?.split_once("mod ")?;
        Some(format!("{folder}{name}"))
    });
    declared.collect()
}

/// True for the file of a module and those of its folder.
fn is_within(file: &str, module: &str) -> bool {
    file.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Every line of a file (its path relative to `src`) that breaks a rule.
fn violations(file: &str, text: &str) -> Vec<Violation> {
    let code = code_of(text);
    let mut found = Vec::new();
    let mut report = |line: usize, what: String| found.push(Violation { file: file.into(), line, what });
    for (index, line) in code.lines().enumerate() {
        for (text, owners) in OWNERS {
            if contains_word(line, text) && !owners.iter().any(|owner| file.starts_with(owner)) {
                report(index + 1, belongs_elsewhere(text, owners));
            }
        }
    }
    for (line, module) in imports(file, &code) {
        if let Some(reason) = forbidden(module_of(file), &module) {
            report(line, reason);
        }
    }
    found.sort_by_key(|violation| violation.line);
    found
}

fn belongs_elsewhere(text: &str, owners: &[&str]) -> String {
    match owners {
        [] => format!("`{text}` outside tests: return an error, or `expect` what only our own bug can break"),
        _ => format!("`{text}` belongs in {} only", owners.join(", ")),
    }
}

/// Why `importer` may not use `imported`, if so.
fn forbidden(importer: &str, imported: &str) -> Option<String> {
    if importer == imported || importer == "lib" {
        return None;
    }
    let Some(below) = layer(imported) else {
        return Some(format!("`crate::{imported}` has no layer; name modules by their full path"));
    };
    let Some(above) = layer(importer) else {
        return Some(format!("module `{importer}` has no layer: give it one in tests/all/layers.rs"));
    };
    let neighbours = below == above && (above == 0 || NEIGHBOURS.contains(&(importer, imported)));
    (below > above || below == above && !neighbours)
        .then(|| format!("`{importer}` (layer {above}) may not import `{imported}` (layer {below})"))
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// The top-level module a file belongs to: `model` for `model.rs` and for `model/channel/reset.rs`.
fn module_of(file: &str) -> &str {
    file.split('/').next().expect("split yields one piece at least").trim_end_matches(".rs")
}

/// The line and the top-level module of every path from the root of the crate: `crate::a`, `use crate::{a, b::c}`, and
/// as many `super::` as the file is deep.
fn imports(file: &str, code: &str) -> Vec<(usize, String)> {
    let mut imports = Vec::new();
    for root in ["crate::", "rhoshard::", &"super::".repeat(file.split('/').count())] {
        for (start, _) in code.match_indices(root) {
            if code[..start].ends_with(|before| is_word(before) || before == ':') {
                continue;
            }
            let after = start + root.len();
            let names = top_level_names(&code[after..]);
            imports.extend(names.into_iter().map(|(offset, name)| (line_of(code, after + offset), name)));
        }
    }
    imports
}

/// The first name of a path, or of each path of a `{...}` group, with its offset.
fn top_level_names(text: &str) -> Vec<(usize, String)> {
    if !text.starts_with('{') {
        return vec![(0, word_at(text, 0))];
    }
    let (mut names, mut depth, mut expects_name) = (Vec::new(), 0, false);
    for (offset, character) in text.char_indices() {
        match character {
            '{' => (depth, expects_name) = (depth + 1, depth == 0),
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => expects_name = depth == 1,
            _ if expects_name && is_word(character) => {
                names.push((offset, word_at(text, offset)));
                expects_name = false;
            }
            _ => {}
        }
    }
    names
}

fn word_at(text: &str, offset: usize) -> String {
    text[offset..].chars().take_while(|character| is_word(*character)).collect()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
}

/// True when `text` stands in the line as a word of its own (`rsmpi::` is not `mpi::`) and, for the name of a crate,
/// not as a module in a longer path (`super::mpi::` is ours).
fn contains_word(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(start, _)| {
        let before = &line[..start];
        let inside_a_word = text.starts_with(is_word) && before.ends_with(is_word);
        let inside_a_path = text.ends_with("::") && before.ends_with("::");
        !inside_a_word && !inside_a_path
    })
}

/// The text with comments and `#[cfg(test)]` items blanked, so that line numbers are kept.
///
/// Relies on the format that `cargo fmt` gives: an item of a file begins in column 0 and a block ends with `}` there.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let (mut test_item, mut test_block) = (false, false);
    for line in text.lines() {
        if line == "#[cfg(test)]" {
            test_item = true;
        } else if test_block {
            test_block = line != "}";
        } else if test_item {
            test_item = line.starts_with("#[");
            test_block = line.ends_with('{');
        } else {
            code += &without_comment(line);
        }
        code.push('\n');
    }
    code
}

/// A line up to its `//`, unless that stands in a string.
fn without_comment(line: &str) -> String {
    let mut in_string = false;
    let mut previous = ' ';
    for (offset, character) in line.char_indices() {
        match character {
            '"' if previous != '\\' && previous != '\'' => in_string = !in_string,
            '/' if previous == '/' && !in_string => return line[..offset - 1].to_string(),
            _ => {}
        }
        previous = character;
    }
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn lines(file: &str, text: &str) -> Vec<usize> {
        violations(file, text).iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn an_import_from_above_is_reported_with_file_and_line() {
        let found =
            violations("model/gate.rs", "//! Gates.\n\nuse crate::linalg::Matrix;\nuse crate::engine::Engine;\n");
        assert_eq!(found.len(), 1);
        let expected = "src/model/gate.rs:4: `model` (layer 1) may not import `engine` (layer 3)";
        assert_eq!(found[0].to_string(), expected);
    }

    #[test]
    fn groups_and_paths_inside_code_are_read() {
        let text = "use crate::{\n    error::{Error, Result},\n    state::State,\n    linalg,\n};\nfn f() { crate::jobs::run() }\n";
        assert_eq!(lines("plan.rs", text), [3, 6]);
        assert_eq!(lines("engine/low_rank.rs", text), [6]);
        assert_eq!(lines("model/channel/reset.rs", "use super::super::gate;\nuse super::super::super::jobs;\n"), [2]);
    }

    #[test]
    fn only_the_named_neighbours_may_meet() {
        assert_eq!(lines("formats/qasm.rs", "use crate::model::Circuit;"), NONE);
        assert_eq!(lines("model/circuit.rs", "use crate::formats::qasm;"), [1]);
        assert_eq!(lines("engine.rs", "use crate::state::State;"), NONE);
        assert_eq!(lines("state.rs", "use crate::plan::Plan;"), [1]);
        assert_eq!(lines("comm.rs", "use crate::backend::Backend;"), [1]);
        assert_eq!(lines("rng.rs", "use crate::config::Config;"), NONE);
    }

    #[test]
    fn a_module_without_a_layer_is_reported() {
        assert_eq!(lines("helpers.rs", "use crate::error::Error;"), [1]);
        assert_eq!(lines("plan.rs", "use crate::helpers::help;"), [1]);
    }

    #[test]
    fn a_foreign_crate_belongs_to_its_owner() {
        assert_eq!(lines("comm/mpi.rs", "use mpi::traits::*;"), NONE);
        assert_eq!(lines("state.rs", "use mpi::traits::*;\nuse super::comm::mpi::World;\nuse rsmpi::x;"), [1]);
        assert_eq!(lines("engine.rs", "let file = hdf5::File::create(name);"), [1]);
        assert_eq!(lines("io/progress.rs", "use indicatif::ProgressBar;"), NONE);
        assert_eq!(lines("io/result.rs", "use indicatif::ProgressBar;"), [1]);
        assert_eq!(lines("driver.rs", "use std::process::Command;"), [1]);
        assert_eq!(lines("main.rs", "fn main() -> std::process::ExitCode {}"), NONE);
    }

    #[test]
    fn features_ranks_and_unwrap_are_kept_where_they_belong() {
        assert_eq!(lines("io.rs", "#[cfg(feature = \"mpi\")]"), [1]);
        assert_eq!(lines("driver.rs", "if comm.rank() == 0 {"), [1]);
        assert_eq!(lines("comm/serial.rs", "if self.rank() == 0 {"), NONE);
        assert_eq!(lines("plan.rs", "let a = b.unwrap();"), [1]);
        assert_eq!(lines("plan.rs", "let a = b.unwrap_or(0);"), NONE);
    }

    #[test]
    fn files_for_tests_are_known() {
        let text = "//! Backend.\n\n#[cfg(test)]\npub mod conformance;\nmod cpu;\n";
        assert_eq!(test_modules("backend.rs", text), ["backend/conformance"]);
        assert_eq!(test_modules("lib.rs", "#[cfg(test)]\nmod samples;\n"), ["samples"]);
        assert!(is_within("backend/conformance.rs", "backend/conformance"));
        assert!(is_within("backend/conformance/gates.rs", "backend/conformance"));
        assert!(!is_within("backend/conformance_of_others.rs", "backend/conformance"));
    }

    #[test]
    fn comments_and_tests_are_left_out() {
        assert_eq!(lines("plan.rs", "/// Like `crate::jobs`, x.unwrap().\n"), NONE);
        assert_eq!(lines("plan.rs", "let a = \"http://b\".unwrap(); // fine?\n"), [1]);
        assert_eq!(lines("plan.rs", "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::jobs::x;\n}\n"), NONE);
        assert_eq!(lines("plan.rs", "#[cfg(test)]\nmod tests;\nuse crate::jobs::x;\n"), [3]);
        assert_eq!(lines("plan.rs", "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse crate::jobs::x;\n"), [5]);
    }
}
