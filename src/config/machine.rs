//! Machine files: how fast one rank of a machine is, measured by `rhoshard bench machine` and read by `rhoshard plan`.
//!
//! All numbers are those of one rank with its threads while the other ranks work as well, in SI units: bytes, flops
//! and amplitudes a second, seconds. `docs/machine-file.md` says how each is measured.

use super::document::{self, Table, Tables, Value};
use super::text;
use crate::error::Result;
use serde::Serialize;

/// The widths at which gates are measured.
pub const GATE_WIDTHS: [usize; 2] = [1, 32];
/// The widths at which products of the shard are measured.
pub const PRODUCT_WIDTHS: [usize; 2] = [32, 128];
/// The sizes at which eigenvalues are measured.
pub const EIGENVALUE_SIZES: [usize; 3] = [128, 256, 512];

const TABLES: Tables = &[
    ("", &["host", "ranks", "threads", "cache", "memory", "gates", "products", "eigenvalues", "network", "gpu"]),
    ("memory", &["triad", "scale", "grow"]),
    ("gates", &["dense_1", "dense_2", "dense_3", "branch_1", "branch_2", "diagonal", "permutation", "overlap"]),
    ("products", &["multiply", "gram", "rotate"]),
    ("eigenvalues", &["n_128", "n_256", "n_512"]),
    ("network", &["latency", "bandwidth", "all_reduce"]),
    ("gpu", &["launch", "answer", "start"]),
];

/// One rank of a machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Host of the root rank when it was measured.
    pub host: String,
    /// Ranks it was measured with.
    pub ranks: usize,
    /// Threads of each of them.
    pub threads: usize,
    /// Bytes of a core's own (level 2) cache.
    pub cache: f64,
    /// Main memory.
    pub memory: Memory,
    /// Operations on a shard in the cache.
    pub gates: Gates,
    /// Products of the shard with small matrices.
    pub products: Products,
    /// Hermitian eigenproblems.
    pub eigenvalues: Eigenvalues,
    /// Links between ranks; absent when measured with one rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// What makes it a GPU; absent for a CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
}

/// `[memory]`, bytes per second, out of the caches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Memory {
    /// `a = b + s c`: two streams read, one written.
    pub triad: f64,
    /// `a = s a`: one stream read and written.
    pub scale: f64,
    /// Making room for more columns, bytes of the new room.
    pub grow: f64,
}

/// `[gates]`, amplitudes per second at [`GATE_WIDTHS`] columns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gates {
    /// Dense matrix on one qubit.
    pub dense_1: [f64; 2],
    /// Dense matrix on two qubits.
    pub dense_2: [f64; 2],
    /// Dense matrix on three qubits.
    pub dense_3: [f64; 2],
    /// A matrix of each column's own on one qubit.
    pub branch_1: [f64; 2],
    /// A matrix of each column's own on two qubits.
    pub branch_2: [f64; 2],
    /// Diagonal on two qubits.
    pub diagonal: [f64; 2],
    /// Permutation on two qubits.
    pub permutation: [f64; 2],
    /// Overlap with the state after flipping a qubit, as a Pauli expectation takes.
    pub overlap: [f64; 2],
}

/// `[products]`, flops per second (a complex multiply-add is 8 flops).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Products {
    /// Product of two square matrices of dimension 512.
    pub multiply: f64,
    /// Gram matrix of the shard at [`PRODUCT_WIDTHS`] columns, `4 w^2` flops for each row.
    pub gram: [f64; 2],
    /// Rotation of the shard in place at [`PRODUCT_WIDTHS`] columns, `8 w k` flops for each row when `k` are kept.
    pub rotate: [f64; 2],
}

/// `[eigenvalues]`, seconds for all eigenvalues and vectors of a Hermitian matrix on the root rank alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Eigenvalues {
    /// Of dimension 128.
    pub n_128: f64,
    /// Of dimension 256.
    pub n_256: f64,
    /// Of dimension 512.
    pub n_512: f64,
}

/// `[network]`, between ranks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Network {
    /// Seconds of an exchange of 8 bytes with a partner.
    pub latency: f64,
    /// Bytes per second that a rank sends while it receives as many, 4 MiB messages, all ranks in pairs at once.
    pub bandwidth: f64,
    /// Bytes per second of a sum of 1 MiB over all ranks.
    pub all_reduce: f64,
}

/// `[gpu]`, seconds that a GPU takes beside the work itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gpu {
    /// Launching a kernel, when others are queued already.
    pub launch: f64,
    /// Until the host has a number that it waits for.
    pub answer: f64,
    /// Until the GPU can be used at all: its context, kernels and libraries.
    pub start: f64,
}

impl Machine {
    /// One rank of four cores with vectors of 512 bits, on no machine in particular. What counts most are the numbers
    /// relative to each other: `kind = "auto"` compares engines by them.
    pub fn defaults() -> Machine {
        Machine {
            host: "defaults".into(),
            ranks: 1,
            threads: 4,
            cache: (2 << 20) as f64,
            memory: Memory { triad: 3e10, scale: 4e10, grow: 1e10 },
            gates: Gates {
                dense_1: [5e9, 4e9],
                dense_2: [4e9, 3.5e9],
                dense_3: [2.2e9, 2.2e9],
                branch_1: [5e9, 4e9],
                branch_2: [4e9, 3.5e9],
                diagonal: [6e9, 6e9],
                permutation: [8e9, 8e9],
                overlap: [7e8, 1.6e9],
            },
            products: Products { multiply: 2e11, gram: [1e11, 1.6e11], rotate: [1.8e11, 2e11] },
            eigenvalues: Eigenvalues { n_128: 2e-3, n_256: 8e-3, n_512: 4.5e-2 },
            network: Some(Network { latency: 5e-6, bandwidth: 2e9, all_reduce: 5e8 }),
            gpu: None,
        }
    }

    /// One GPU a rank, that of `configs/machines/h200.toml`.
    pub fn default_gpu() -> Machine {
        let file = "configs/machines/h200.toml";
        Machine::parse(include_bytes!("../../configs/machines/h200.toml"), file).expect("a test reads this file")
    }

    /// Reads a machine file; `file` is its name in messages.
    ///
    /// # Errors
    /// Input error with file and line for what is no machine file: TOML syntax, unknown or missing keys, numbers that
    /// are not above zero.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Machine> {
        read(text::decode(bytes, file)?).map_err(|error| error.in_file(file))
    }

    /// The text of its machine file; [`Machine::parse`] reads it back.
    pub fn toml(&self) -> String {
        let body = toml::to_string(self).expect("a machine holds only what TOML can say");
        format!(
            "# Measured by `rhoshard bench machine`; docs/machine-file.md says what each number is.\n\
             # Units: cache in bytes; memory and network in bytes per second, latency in seconds; gates in amplitudes\n\
             # per second at 1 and 32 columns; products in flops per second (gram and rotate at 32 and 128 columns);\n\
             # eigenvalues and gpu in seconds. All of one rank, with the other ranks at work as well.\n\n{body}"
        )
    }
}

fn read(text: &str) -> Result<Machine> {
    let document = document::parse(text)?;
    let top = Table::top(text, TABLES, document.get_ref())?;
    let [memory, gates, products, eigenvalues] =
        ["memory", "gates", "products", "eigenvalues"].map(|name| top.table(name));
    let (memory, gates, products, eigenvalues) = (memory?, gates?, products?, eigenvalues?);
    Ok(Machine {
        host: require(&top, "host", "\"node1\"")?.string()?,
        ranks: require(&top, "ranks", "1")?.whole(1..=1 << 20)? as usize,
        threads: require(&top, "threads", "4")?.whole(1..=4096)? as usize,
        cache: number(&top, "cache")?,
        memory: Memory {
            triad: number(&memory, "triad")?,
            scale: number(&memory, "scale")?,
            grow: number(&memory, "grow")?,
        },
        gates: Gates {
            dense_1: pair(&gates, "dense_1")?,
            dense_2: pair(&gates, "dense_2")?,
            dense_3: pair(&gates, "dense_3")?,
            branch_1: pair(&gates, "branch_1")?,
            branch_2: pair(&gates, "branch_2")?,
            diagonal: pair(&gates, "diagonal")?,
            permutation: pair(&gates, "permutation")?,
            overlap: pair(&gates, "overlap")?,
        },
        products: Products {
            multiply: number(&products, "multiply")?,
            gram: pair(&products, "gram")?,
            rotate: pair(&products, "rotate")?,
        },
        eigenvalues: Eigenvalues {
            n_128: number(&eigenvalues, "n_128")?,
            n_256: number(&eigenvalues, "n_256")?,
            n_512: number(&eigenvalues, "n_512")?,
        },
        network: network(&top)?,
        gpu: gpu(&top)?,
    })
}

fn network(top: &Table) -> Result<Option<Network>> {
    if top.get("network").is_none() {
        return Ok(None);
    }
    let network = top.table("network")?;
    Ok(Some(Network {
        latency: number(&network, "latency")?,
        bandwidth: number(&network, "bandwidth")?,
        all_reduce: number(&network, "all_reduce")?,
    }))
}

fn gpu(top: &Table) -> Result<Option<Gpu>> {
    if top.get("gpu").is_none() {
        return Ok(None);
    }
    let gpu = top.table("gpu")?;
    Ok(Some(Gpu { launch: number(&gpu, "launch")?, answer: number(&gpu, "answer")?, start: number(&gpu, "start")? }))
}

fn require<'a>(table: &Table<'a>, key: &str, example: &str) -> Result<Value<'a>> {
    let add_way = |error: crate::error::Error| {
        let next = error.next.clone().unwrap_or_default();
        error.next(format!("{next}, or measure anew with `rhoshard bench machine`"))
    };
    table.require(key, &format!("{key} = {example}")).map_err(add_way)
}

const POSITIVE: &str = "a number above zero";

fn positive(value: &Value) -> Result<f64> {
    value.number_where(|number| number > 0.0, POSITIVE)
}

fn number(table: &Table, key: &str) -> Result<f64> {
    positive(&require(table, key, "1e9")?)
}

fn pair(table: &Table, key: &str) -> Result<[f64; 2]> {
    let allowed = "two numbers above zero: with few and with many columns";
    let value = require(table, key, "[1e9, 1e9]")?;
    match value.items(allowed)?.as_slice() {
        [few, many] => Ok([positive(few)?, positive(many)?]),
        other => Err(value.error(format!("has {} numbers", other.len())).allowed(allowed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Machine::parse(text.as_bytes(), "m.toml").unwrap_err().to_string()
    }

    /// The file of the defaults with one line replaced.
    fn with(line: &str, by: &str) -> String {
        let text = Machine::defaults().toml();
        assert_eq!(text.lines().filter(|other| other.starts_with(line)).count(), 1, "{line} in\n{text}");
        text.lines().map(|other| if other.starts_with(line) { by } else { other }).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_file_that_is_written_is_read_back() {
        let mut machine = Machine::defaults();
        assert_eq!(Machine::parse(machine.toml().as_bytes(), "m").unwrap(), machine);
        machine.network = None;
        assert_eq!(Machine::parse(machine.toml().as_bytes(), "m").unwrap(), machine);
        let gpu = Machine::default_gpu();
        assert!(gpu.gpu.is_some_and(|gpu| gpu.launch < gpu.answer && gpu.answer < gpu.start));
        assert_eq!(Machine::parse(gpu.toml().as_bytes(), "m").unwrap(), gpu);
    }

    #[test]
    fn wrong_files_are_refused_with_line_and_what_is_allowed() {
        let cases = [
            (with("triad", "traid = 1.0"), "unknown key `traid` in `memory`", "did you mean `triad`?"),
            (with("scale", "scale = -1.0"), "`memory.scale` is -1", POSITIVE),
            (with("grow", "grow = nan"), "`memory.grow` is not finite", "a number"),
            (with("latency", ""), "`network.latency` is missing", "measure anew with `rhoshard bench machine`"),
            (with("dense_2", "dense_2 = [1.0]"), "`gates.dense_2` has 1 numbers", "two numbers above zero"),
            (with("dense_3", "dense_3 = [1.0, 0.0]"), "`gates.dense_3[1]` is 0", POSITIVE),
            (with("threads", "threads = 0"), "`threads` is 0", "a whole number, 1 to 4096"),
            (with("host", "threads = 4"), "wrong TOML", "each key once"),
            (with("host", "latency = 1.0"), "unknown key `latency`", "`latency` belongs under `[network]`"),
        ];
        for (text, what, allowed) in cases {
            let message = refused(&text);
            assert!(message.starts_with("m.toml:") && message.contains(what) && message.contains(allowed), "{message}");
        }
        assert!(refused("").contains("the file is empty"));
        assert!(refused("[network]\n").contains("`host` is missing"));
    }

    #[test]
    fn the_page_on_machine_files_names_every_key() {
        let page = include_str!("../../docs/machine-file.md");
        let rows = page.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
        let mut listed: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let dotted = |(table, keys): &(&str, &[&str])| {
            let name = |key: &&str| if table.is_empty() { key.to_string() } else { format!("{table}.{key}") };
            keys.iter().map(name).collect::<Vec<_>>()
        };
        let is_table = |key: &String| TABLES.iter().any(|(table, _)| table == key);
        let mut known: Vec<String> = TABLES.iter().flat_map(dotted).filter(|key| !is_table(key)).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }

    #[test]
    fn the_line_is_named() {
        let text = with("scale", "scale = -1.0");
        let line = 1 + text.lines().position(|line| line == "scale = -1.0").unwrap();
        assert!(refused(&text).starts_with(&format!("m.toml:{line}: ")));
    }
}
