//! The decision on given offers.

use super::market::{Found, Offer};
use super::*;

/// Offers in the order of the table; nothing for an engine that is out.
fn offers(seconds: [Option<f64>; 4]) -> Vec<Offer> {
    let offer = |(engine, seconds): (EngineKind, Option<f64>)| match seconds {
        None => Offer::out(engine, "does not fit"),
        some => Offer {
            engine,
            seconds: some,
            found: Found::Planned,
            memory_bytes: Some(1 << 20),
            error: "rounding only".into(),
            out: None,
        },
    };
    ENGINES.into_iter().zip(seconds).map(offer).collect()
}

/// What is chosen and what takes over.
fn decided(seconds: [Option<f64>; 4], sampled: bool) -> Option<(EngineKind, Option<EngineKind>)> {
    let decision = decide(&offers(seconds), sampled)?;
    Some((ENGINES[decision.chosen], decision.rival.map(|rival| ENGINES[rival])))
}

#[test]
fn a_pure_circuit_takes_one_column() {
    let all = [Some(1.0); 4];
    assert_eq!(decided(all, true), Some((EngineKind::Statevector, None)));
}

#[test]
fn low_rank_is_tried_where_it_may_be_faster_than_the_cheapest_that_proves_its_error() {
    let noisy = [Some(0.1), Some(1.0), None, Some(0.5)];
    assert_eq!(decided(noisy, false), Some((EngineKind::LowRank, Some(EngineKind::Density))));
    assert_eq!(decided(noisy, true), Some((EngineKind::LowRank, Some(EngineKind::Trajectories))));
    assert_eq!(decided([Some(2.0), Some(1.0), None, Some(5.0)], true), Some((EngineKind::Density, None)));
    assert_eq!(decided([Some(2.0), Some(1.0), None, Some(0.5)], false), Some((EngineKind::Density, None)));
}

#[test]
fn low_rank_goes_on_alone_and_trajectories_come_last() {
    assert_eq!(decided([Some(2.0), None, None, Some(1.0)], false), Some((EngineKind::LowRank, None)));
    assert_eq!(decided([None, None, None, Some(1.0)], false), Some((EngineKind::Trajectories, None)));
    assert_eq!(decided([None, Some(3.0), None, Some(1.0)], false), Some((EngineKind::Density, None)));
    assert_eq!(decided([None, Some(3.0), None, Some(1.0)], true), Some((EngineKind::Trajectories, None)));
    assert_eq!(decided([None; 4], true), None);
}

#[test]
fn the_trajectories_for_a_standard_error_are_those_of_a_variance_of_one() {
    let config = |most: &str| {
        let text = format!(
            "job = \"circuit\"\n[circuit]\nfile = \"a.qasm\"\n[engine]\nkind = \"auto\"\nstandard_error = 0.01\n{most}"
        );
        crate::config::parse(&text, "job.toml", &["circuit"]).unwrap()
    };
    assert_eq!(trajectories(0.01, &config("")), 10_000);
    assert_eq!(trajectories(0.01, &config("trajectories = 300")), 300);
    let asked = config("");
    assert_eq!((asked.engine.budget, asked.engine.trajectories), (Some(0.01), None));
}
