//! The points of a sweep, by their index.

use super::space::{Place, Space, Values, parameter};
use super::supply::{Chooser, Observation};
use super::template::Template;
use crate::config::sweep::{Sampler, SweepConfig};
use crate::error::{Error, Result};
use crate::formats::columns::Column;
use crate::io::journal::Parameter;
use crate::sampling::{self, Bayesian, Outcome, Settings};

/// All points, the same on every rank.
pub(super) struct Points {
    pub(super) space: Space,
    pub(super) template: Template,
    places: Places,
    seed: u64,
}

enum Places {
    /// These of the grid.
    Grid(Vec<u64>),
    /// At these coordinates.
    Drawn(Vec<Vec<f64>>),
    /// At coordinates that are found on the way, at most so many.
    Chosen(u64),
}

impl Points {
    /// Lays them out.
    ///
    /// # Errors
    /// Input error for axes that do not go together, or with the base job.
    pub(super) fn new(config: &SweepConfig, base: toml::Table, from: Vec<Column>) -> Result<Points> {
        let space = Space::new(config, from)?;
        let template = Template::new(base, space.paths(), config.seed, config.ranks_per_point)
            .map_err(|error| error.in_file(&config.path))?;
        let (count, dimensions) = (config.points as usize, space.dimensions());
        let places = match config.sampler {
            Sampler::Grid => Places::Grid(space.grid(|path| template.at(path))?),
            Sampler::Random => Places::Drawn(sampling::random(config.seed, count, dimensions)),
            Sampler::LatinHypercube => Places::Drawn(sampling::latin_hypercube(config.seed, count, dimensions)),
            Sampler::Sobol => {
                let drawn = sampling::sobol(Some(config.seed), count, dimensions);
                Places::Drawn(drawn.map_err(|error| error.in_file(&config.path))?)
            }
            Sampler::Bayesian => Places::Chosen(config.points),
        };
        Ok(Points { space, template, places, seed: config.seed })
    }

    /// Points whose places are known from the beginning.
    pub(super) fn known(&self) -> u64 {
        match &self.places {
            Places::Grid(places) => places.len() as u64,
            Places::Drawn(places) => places.len() as u64,
            Places::Chosen(_) => 0,
        }
    }

    /// The most points there can be.
    pub(super) fn most(&self) -> u64 {
        match self.places {
            Places::Chosen(most) => most,
            _ => self.known(),
        }
    }

    /// Whether points are found on the way.
    pub(super) fn are_chosen(&self) -> bool {
        matches!(self.places, Places::Chosen(_))
    }

    /// The values of all axes; the coordinates count where points are found on the way.
    pub(super) fn values(&self, index: u64, coordinates: &[f64]) -> Values {
        self.space.values(&self.place(index, coordinates), |path| self.template.at(path))
    }

    /// Where a point lies whose place was known from the beginning.
    pub(super) fn coordinates(&self, index: u64) -> Vec<f64> {
        self.space.coordinates(&self.place(index, &[]))
    }

    fn place(&self, index: u64, coordinates: &[f64]) -> Place {
        match &self.places {
            Places::Grid(places) => Place::Grid(places[index as usize]),
            Places::Drawn(places) => Place::Unit(places[index as usize].clone()),
            Places::Chosen(_) => Place::Unit(coordinates.to_vec()),
        }
    }

    /// As the journal holds them.
    pub(super) fn parameters(values: &Values) -> Vec<Parameter> {
        values.iter().map(parameter).collect()
    }

    /// For people: `engine.budget = 0.01, noise.readout = 0.1`.
    pub(super) fn describe(&self, index: u64) -> String {
        let values = Self::parameters(&self.values(index, &[]));
        let pair = |(path, value): (&str, &Parameter)| format!("{path} = {value}");
        self.space.paths().zip(&values).map(pair).collect::<Vec<_>>().join(", ")
    }

    /// What finds points on the way.
    pub(super) fn chooser(&self, config: &SweepConfig) -> Result<Box<dyn Chooser>> {
        let objective = config.objective.as_ref().ok_or_else(|| Error::internal("a chooser without an objective"))?;
        let settings = Settings {
            dimensions: self.space.kinds(),
            initial: config.bayesian.initial as usize,
            constraints: config.constraints.len(),
            tolerance: config.bayesian.tolerance,
        };
        let bayesian = Bayesian::new(settings).map_err(|error| error.in_file(&config.path))?;
        let (initial, batch) = (config.bayesian.initial as usize, config.bayesian.batch as usize);
        Ok(Box::new(Optimiser { bayesian, seed: self.seed, minimise: objective.minimise, initial, batch }))
    }
}

/// Bayesian optimisation of the objective.
struct Optimiser {
    bayesian: Bayesian,
    seed: u64,
    minimise: bool,
    initial: usize,
    batch: usize,
}

impl Chooser for Optimiser {
    /// The first points all at once, as they do not depend on each other; then batch after batch.
    fn choose(&self, observations: &[Observation]) -> Result<Vec<Vec<f64>>> {
        let observed = |one: &Observation| sampling::Observation {
            point: one.coordinates.clone(),
            outcome: one.measured.as_ref().map(|measured| Outcome {
                objective: if self.minimise { measured.objective } else { -measured.objective },
                constraints: measured.excesses.clone(),
            }),
        };
        let observations: Vec<sampling::Observation> = observations.iter().map(observed).collect();
        let count = self.initial.saturating_sub(observations.len()).max(self.batch);
        let proposal = self.bayesian.propose(self.seed, &observations, count)?;
        Ok(if proposal.converged { Vec::new() } else { proposal.points })
    }
}
