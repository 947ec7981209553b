//! Bayesian optimisation as a whole, on functions whose minima are known.

use super::*;
use std::f64::consts::PI;
use std::time::Instant;

/// Branin's function on its domain scaled to the unit square; three minima of 0.397887.
fn branin(point: &[f64]) -> f64 {
    let (x, y) = (15.0 * point[0] - 5.0, 15.0 * point[1]);
    let valley = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

const BRANIN_MINIMUM: f64 = 0.397_887_357_729_738;

/// Hartmann's function of six variables; its minimum is -3.322368.
fn hartmann(point: &[f64]) -> f64 {
    const WIDTHS: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const CENTRES: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let well = |(widths, centres): (&[f64; 6], &[f64; 6])| {
        let square: f64 = (0..6).map(|axis| widths[axis] * (point[axis] - centres[axis]).powi(2)).sum();
        (-square).exp()
    };
    -WIDTHS.iter().zip(&CENTRES).map(well).zip([1.0, 1.2, 3.0, 3.2]).map(|(well, depth)| depth * well).sum::<f64>()
}

fn free(objective: f64) -> Option<Outcome> {
    Some(Outcome { objective, constraints: Vec::new() })
}

/// Everything observed after so many evaluations.
fn optimised(
    settings: &Settings,
    seed: u64,
    (evaluations, batch): (usize, usize),
    function: impl Fn(&[f64]) -> Option<Outcome>,
) -> Vec<Observation> {
    let optimiser = Bayesian::new(settings.clone()).unwrap();
    let mut observations = Vec::new();
    while observations.len() < evaluations {
        let proposal = optimiser.propose(seed, &observations, batch).unwrap();
        assert_eq!(proposal.points.len(), batch);
        for point in proposal.points {
            let known = observations.iter().map(|of: &Observation| &of.point);
            assert!(!is_among(&point, known), "{point:?} is proposed again");
            observations.push(Observation { outcome: function(&point), point });
        }
    }
    observations
}

fn least(observations: &[Observation]) -> f64 {
    let allowed = observations.iter().filter_map(|of| of.value().filter(|outcome| outcome.is_allowed()));
    allowed.map(|outcome| outcome.objective).fold(f64::INFINITY, f64::min)
}

/// Median and worst.
fn spread_of(mut regrets: Vec<f64>) -> (f64, f64) {
    regrets.sort_by(f64::total_cmp);
    let middle = regrets.len() / 2;
    (0.5 * (regrets[middle] + regrets[(regrets.len() - 1) / 2]), regrets[regrets.len() - 1])
}

#[test]
fn branin_within_a_thousandth_in_forty_evaluations() {
    let regret = |seed| {
        let settings = Settings::continuous(2);
        least(&optimised(&settings, seed, (40, 1), |point| free(branin(point)))) - BRANIN_MINIMUM
    };
    let (median, worst) = spread_of((0..20).map(regret).collect());
    println!("Branin, 40 evaluations, 20 seeds: median regret {median:.2e}, worst {worst:.2e}");
    assert!(median <= 1e-3);
    assert!(worst <= 5e-2);
}

#[test]
fn branin_in_batches_of_four() {
    let regret = |seed| {
        let settings = Settings { initial: 8, ..Settings::continuous(2) };
        least(&optimised(&settings, seed, (40, 4), |point| free(branin(point)))) - BRANIN_MINIMUM
    };
    let (median, worst) = spread_of((0..10).map(regret).collect());
    println!("Branin, 10 batches of 4, 10 seeds: median regret {median:.2e}, worst {worst:.2e}");
    assert!(median <= 1e-2);
}

#[test]
fn hartmann_in_six_dimensions() {
    let regret =
        |seed| least(&optimised(&Settings::continuous(6), seed, (80, 1), |point| free(hartmann(point)))) + 3.322_368;
    let (median, worst) = spread_of((0..5).map(regret).collect());
    println!("Hartmann, 80 evaluations, 5 seeds: median regret {median:.2e}, worst {worst:.2e}");
    // For information: the second best minimum is only 0.12 higher. Random points end about 1.7 above the best.
    assert!(worst <= 0.5);
}

#[test]
fn a_constraint_is_kept() {
    // Gardner's first problem scaled: cos(2 x) cos(y) + sin(x) is to be small where cos(x) cos(y) - sin(x) sin(y) <= 1/2.
    let evaluate = |point: &[f64]| {
        let (x, y) = (6.0 * point[0], 6.0 * point[1]);
        let objective = (2.0 * x).cos() * y.cos() + x.sin();
        Some(Outcome { objective, constraints: vec![(x + y).cos() - 0.5] })
    };
    let grid = (0..=1000).flat_map(|i| (0..=1000).map(move |j| [f64::from(i) / 1000.0, f64::from(j) / 1000.0]));
    let best = grid.filter_map(|point| evaluate(&point)).filter(Outcome::is_allowed);
    let best = best.map(|outcome| outcome.objective).fold(f64::INFINITY, f64::min);
    let settings = Settings { constraints: 1, ..Settings::continuous(2) };
    let regret = |seed| least(&optimised(&settings, seed, (40, 1), evaluate)) - best;
    let (median, worst) = spread_of((0..5).map(regret).collect());
    println!("constrained, 40 evaluations, 5 seeds: median regret {median:.2e}, worst {worst:.2e}, least {best:.6}");
    assert!(median <= 1e-2);
}

#[test]
fn failed_points_are_avoided() {
    // The half plane with two of the three minima gives nothing.
    let evaluate = |point: &[f64]| if point[0] < 0.7 { None } else { free(branin(point)) };
    let found = optimised(&Settings::continuous(2), 3, (40, 1), evaluate);
    let failures = |part: &[Observation]| part.iter().filter(|of| of.outcome.is_none()).count();
    println!(
        "failed points: {} of 20, then {} of 20, regret {:.2e}",
        failures(&found[..20]),
        failures(&found[20..]),
        least(&found) - BRANIN_MINIMUM
    );
    assert!(least(&found) - BRANIN_MINIMUM < 1e-2);
    assert!(failures(&found[20..]) <= 5, "{} of 20", failures(&found[20..]));
}

#[test]
fn failures_alone_are_no_end() {
    let settings = Settings::continuous(2);
    let found = optimised(&settings, 1, (12, 3), |_| None);
    assert_eq!(found.len(), 12);
    let not_numbers = optimised(&settings, 1, (12, 3), |_| free(f64::NAN));
    let points = |found: &[Observation]| found.iter().map(|of| of.point.clone()).collect::<Vec<_>>();
    assert_eq!(points(&found), points(&not_numbers));
    let constant = optimised(&settings, 1, (12, 3), |_| free(7.0));
    assert_eq!(constant.len(), 12);
}

#[test]
fn lists_are_searched_to_their_end() {
    let settings = Settings {
        dimensions: vec![Dimension::Levels(5), Dimension::Choices(3)],
        initial: 4,
        ..Settings::continuous(2)
    };
    let optimiser = Bayesian::new(settings).unwrap();
    let mut observations: Vec<Observation> = Vec::new();
    loop {
        let proposal = optimiser.propose(5, &observations, 4).unwrap();
        for point in &proposal.points {
            let level = Dimension::index(point[0], 5);
            let choice = Dimension::index(point[1], 3);
            assert_eq!(point, &[Dimension::place(level, 5), Dimension::place(choice, 3)]);
            assert!(!is_among(point, observations.iter().map(|of| &of.point)));
            let objective = (level as f64 - 3.0).powi(2) + [2.0, 0.0, 5.0][choice];
            observations.push(Observation { point: point.clone(), outcome: free(objective) });
        }
        if proposal.points.len() < 4 {
            break;
        }
    }
    assert_eq!(observations.len(), 15, "every pair once");
}

#[test]
fn lists_beside_a_continuous_axis() {
    let settings = Settings {
        dimensions: vec![Dimension::Continuous, Dimension::Levels(100), Dimension::Choices(4)],
        ..Settings::continuous(3)
    };
    let evaluate = |point: &[f64]| {
        let choice = Dimension::index(point[2], 4);
        let level = Dimension::index(point[1], 100) as f64 / 100.0;
        free((point[0] - 0.3).powi(2) + (level - 0.6).powi(2) + [0.4, 0.3, 0.0, 0.2][choice] * (1.0 + point[0]))
    };
    let (median, worst) = spread_of((0..5).map(|seed| least(&optimised(&settings, seed, (40, 2), evaluate))).collect());
    println!("lists and an axis, 40 evaluations, 5 seeds: median regret {median:.2e}, worst {worst:.2e}");
    assert!(worst <= 1e-3);
}

#[test]
fn the_end_is_noticed() {
    let optimiser = Bayesian::new(Settings { tolerance: 1e-4, ..Settings::continuous(1) }).unwrap();
    let parabola = |point: &[f64]| free((point[0] - 0.37).powi(2));
    let mut observations: Vec<Observation> = Vec::new();
    let evaluations = loop {
        let proposal = optimiser.propose(2, &observations, 1).unwrap();
        assert_eq!(proposal.improvement.is_none(), observations.len() < 4);
        if proposal.converged {
            break observations.len();
        }
        let point = proposal.points[0].clone();
        observations.push(Observation { outcome: parabola(&point), point });
    };
    assert!((5..20).contains(&evaluations), "{evaluations}");
    assert!(least(&observations) < 1e-4, "{}", least(&observations));
}

#[test]
fn proposals_are_repeatable_with_any_number_of_threads() {
    let observations = optimised(&Settings::continuous(3), 4, (24, 4), |point| free(branin(&point[..2]) + point[2]));
    let optimiser = Bayesian::new(Settings::continuous(3)).unwrap();
    let propose = || optimiser.propose(4, &observations, 4).unwrap();
    let expected = propose();
    assert_eq!(propose(), expected);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(propose), expected);
    }
    assert_ne!(optimiser.propose(5, &observations, 4).unwrap().points, expected.points);
}

#[test]
fn wrong_settings_and_observations_are_refused() {
    let refused = |settings: Settings| Bayesian::new(settings).unwrap_err().to_string();
    assert!(refused(Settings::continuous(0)).contains("0 parameters"));
    assert!(refused(Settings::continuous(MOST_DIMENSIONS + 1)).contains("allowed"));
    assert!(
        refused(Settings { dimensions: vec![Dimension::Choices(0)], ..Settings::continuous(1) })
            .contains("without entries")
    );
    assert!(refused(Settings { tolerance: f64::NAN, ..Settings::continuous(1) }).contains("tolerance"));
    let optimiser = Bayesian::new(Settings::continuous(2)).unwrap();
    for (point, constraints) in
        [(vec![0.5], vec![]), (vec![0.5, 1.5], vec![]), (vec![0.5, f64::NAN], vec![]), (vec![0.5; 2], vec![1.0])]
    {
        let observation = Observation { point, outcome: Some(Outcome { objective: 1.0, constraints }) };
        assert!(optimiser.propose(1, &[observation], 1).is_err());
    }
}

/// Not a test of speed: it prints what a proposal takes where the model is largest.
#[test]
fn the_largest_models_give_proposals() {
    for (count, dimensions) in [(100, 10), (300, 10)] {
        let points = crate::sampling::latin_hypercube(1, count, dimensions);
        let observe = |point: Vec<f64>| Observation { outcome: free(hartmann(&point[..6]) + point[8]), point };
        let observations: Vec<Observation> = points.into_iter().map(observe).collect();
        let optimiser = Bayesian::new(Settings::continuous(dimensions)).unwrap();
        let begin = Instant::now();
        let proposal = optimiser.propose(1, &observations, 1).unwrap();
        println!("{count} observations in {dimensions} dimensions: {:.2} s a proposal", begin.elapsed().as_secs_f64());
        assert_eq!(proposal.points.len(), 1);
    }
}
