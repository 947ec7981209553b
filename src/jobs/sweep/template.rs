//! The job that is repeated, and what makes each repetition of it.
//!
//! The content of a point is the base job with the values of the axes in their places. Its SHA-256 gives the point's seed
//! (with that of the sweep) and, with the number of ranks that share a point, its key, under which the journals know it. So a
//! point keeps its numbers when the sweep grows, and when points are reordered.

use super::space::Values;
use crate::error::{Error, Result};
use crate::io::journal::Key;
use sha2::{Digest, Sha256};

/// The base job.
#[derive(Debug, Clone)]
pub(super) struct Template {
    base: toml::Table,
    paths: Vec<Vec<String>>,
    /// Where the axes are in alphabetical order.
    sorted: Vec<usize>,
    /// What no axis changes.
    fixed: [u8; 32],
    seed: u64,
    ranks: usize,
    /// Whether an axis, and not the content, gives the seeds.
    seeded: bool,
}

/// A point: the text of its job and who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    pub(super) key: Key,
}

const SEED: &str = "seed";

impl Template {
    /// Of a base job that varies at these places.
    ///
    /// # Errors
    /// Input error when a place leads through something that is no table.
    pub(super) fn new<'a>(
        base: toml::Table,
        paths: impl Iterator<Item = &'a str>,
        seed: u64,
        ranks: usize,
    ) -> Result<Template> {
        let paths: Vec<Vec<String>> = paths.map(|path| path.split('.').map(str::to_string).collect()).collect();
        let mut rest = base.clone();
        for path in &paths {
            *slot(&mut rest, path)? = toml::Value::Boolean(false);
        }
        let mut sorted: Vec<usize> = (0..paths.len()).collect();
        sorted.sort_by_key(|axis| &paths[*axis]);
        let text =
            toml::to_string(&rest).map_err(|error| Error::input(format!("the base job cannot be written: {error}")))?;
        let fixed = Sha256::digest(text).into();
        let seeded = paths.iter().any(|path| path.len() == 1 && path[0] == SEED);
        Ok(Template { base, paths, sorted, fixed, seed, ranks, seeded })
    }

    /// What the base job has at a place.
    pub(super) fn at(&self, path: &str) -> Option<toml::Value> {
        let mut parts = path.split('.');
        let first = self.base.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part)).cloned()
    }

    /// Who the point with these values is, and its seed.
    pub(super) fn identity(&self, values: &Values) -> (Key, u64) {
        let mut content = Sha256::new();
        content.update(self.fixed);
        for axis in &self.sorted {
            let path = &self.paths[*axis];
            let value = values[*axis].clone().or_else(|| self.at(&path.join(".")));
            for text in [path.join("."), value.map_or_else(String::new, |value| canonical(&value))] {
                content.update((text.len() as u64).to_le_bytes());
                content.update(text);
            }
        }
        let content = content.finalize();
        let mut seed = [0; 8];
        seed.copy_from_slice(
            &Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(content).finalize()[..8],
        );
        // The largest integer of TOML has 63 bits.
        let seed = u64::from_le_bytes(seed) >> 1;
        let all = Sha256::new().chain_update(content).chain_update(seed.to_le_bytes());
        let mut key = Key([0; 16]);
        key.0.copy_from_slice(&all.chain_update((self.ranks as u64).to_le_bytes()).finalize()[..16]);
        (key, seed)
    }

    /// The job of the point with these values.
    pub(super) fn fill(&self, values: &Values) -> Result<Filled> {
        let (key, seed) = self.identity(values);
        let mut table = self.base.clone();
        if !self.seeded {
            table.insert(SEED.into(), toml::Value::Integer(seed as i64));
        }
        for (path, value) in self.paths.iter().zip(values) {
            if let Some(value) = value {
                *slot(&mut table, path)? = value.clone();
            }
        }
        let text =
            toml::to_string(&table).map_err(|error| Error::internal(format!("a point cannot be written: {error}")))?;
        Ok(Filled { text, key })
    }
}

/// A value as text that tells types and every bit.
fn canonical(value: &toml::Value) -> String {
    match value {
        toml::Value::Float(number) => format!("f{:016x}", number.to_bits()),
        other => other.to_string(),
    }
}

/// The place at the end of a path, made if it is not there.
fn slot<'a>(table: &'a mut toml::Table, path: &[String]) -> Result<&'a mut toml::Value> {
    let (last, parents) = path.split_last().ok_or_else(|| Error::internal("an axis without a place"))?;
    let mut table = table;
    for part in parents {
        let next = table.entry(part.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        table = next.as_table_mut().ok_or_else(|| {
            Error::input(format!("the axis `{}` leads through `{part}`, which is no table", path.join(".")))
                .next("look at the place in the base job: an axis names a key, keys within tables are joined by dots")
        })?;
    }
    Ok(table.entry(last.clone()).or_insert(toml::Value::Boolean(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "job = \"circuit\"\n[engine]\nbudget = 0.01\nkind = \"low-rank\"\n";

    fn template(base: &str, paths: &[&str], seed: u64, ranks: usize) -> Template {
        Template::new(toml::from_str(base).unwrap(), paths.iter().copied(), seed, ranks).unwrap()
    }

    fn floats(values: &[f64]) -> Values {
        values.iter().map(|value| Some(toml::Value::Float(*value))).collect()
    }

    #[test]
    fn values_go_to_their_places_and_absent_ones_leave_the_base_job_alone() {
        let template = template(BASE, &["engine.budget", "noise.depolarizing.one_qubit"], 1, 1);
        let filled = template.fill(&floats(&[0.5, 1e-3])).unwrap();
        let table: toml::Table = toml::from_str(&filled.text).unwrap();
        assert_eq!(table["engine"]["budget"].as_float(), Some(0.5));
        assert_eq!(table["noise"]["depolarizing"]["one_qubit"].as_float(), Some(1e-3));
        assert!(table["seed"].is_integer());
        let filled = template.fill(&vec![None, None]).unwrap();
        assert!(filled.text.contains("budget = 0.01") && !filled.text.contains("noise"));
    }

    #[test]
    fn who_a_point_is_depends_on_its_content_alone() {
        let key = |template: &Template, values: &Values| template.identity(values).0;
        let one = template(BASE, &["engine.budget", "noise.readout"], 1, 1);
        let values = floats(&[0.5, 0.1]);
        let turned = template(BASE, &["noise.readout", "engine.budget"], 1, 1);
        assert_eq!(
            one.identity(&values),
            turned.identity(&floats(&[0.1, 0.5])),
            "the order of the axes does not matter"
        );
        let reordered = "[engine]\nkind = \"low-rank\"\nbudget = 0.02\n";
        let other = template(&format!("job = \"circuit\"\n{reordered}"), &["engine.budget", "noise.readout"], 1, 1);
        assert_eq!(one.identity(&values), other.identity(&values), "nor what an axis replaces");
        assert_ne!(key(&one, &values), key(&one, &floats(&[0.5, 0.1 + 1e-17 + 2e-17])), "every bit counts");
        assert_ne!(key(&one, &values), key(&template(BASE, &["engine.budget", "noise.readout"], 2, 1), &values));
        let shared = template(BASE, &["engine.budget", "noise.readout"], 1, 2);
        assert_ne!(key(&one, &values), key(&shared, &values), "a state on two ranks is another run");
        assert_eq!(one.identity(&values).1, shared.identity(&values).1, "with the same seed");
        let absent = vec![None, Some(toml::Value::Float(0.1))];
        assert_eq!(key(&one, &absent), key(&one, &floats(&[0.01, 0.1])), "the base job's value is a value");
    }

    #[test]
    fn an_axis_may_give_the_seeds() {
        let template = template(BASE, &["seed"], 1, 1);
        let filled = template.fill(&vec![Some(toml::Value::Integer(7))]).unwrap();
        assert!(filled.text.contains("seed = 7"));
    }

    #[test]
    fn a_place_inside_a_number_is_refused() {
        let table = toml::from_str(BASE).unwrap();
        let error = Template::new(table, ["engine.budget.low"].into_iter(), 1, 1).unwrap_err();
        assert!(error.what.contains("leads through `budget`, which is no table"), "{error}");
    }
}
