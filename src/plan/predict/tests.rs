//! Predictions against times worked out by hand.

use super::super::widths::Profile;
use super::super::widths::tests::{channels, measured};
use super::*;
use crate::config::Compression;
use crate::config::machine::{Eigenvalues, Gates, Gpu, Machine, Memory, Network, Products};
use crate::linalg::identity;
use crate::plan::OverlapGroup;

/// One amplitude a microsecond, a byte of memory a nanosecond, a flop a nanosecond; a tile of 8 rows of one column.
fn machine() -> Machine {
    let rate = [1e6, 1e6];
    Machine {
        host: "test".into(),
        ranks: 1,
        threads: 1,
        cache: 256.0,
        memory: Memory { triad: 1e9, scale: 1e9, grow: 1e12 },
        gates: Gates {
            dense_1: rate,
            dense_2: rate,
            dense_3: rate,
            branch_1: [5e5, 5e5],
            branch_2: [5e5, 5e5],
            diagonal: [2e6, 2e6],
            permutation: rate,
            overlap: rate,
        },
        products: Products { multiply: 1e9, gram: [1e9, 1e9], rotate: [1e9, 1e9] },
        eigenvalues: Eigenvalues { n_128: 1.0, n_256: 8.0, n_512: 64.0 },
        network: Some(Network { latency: 1e-3, bandwidth: 1e6, all_reduce: 1e6 }),
        gpu: None,
    }
}

fn dense(targets: &[usize]) -> Action {
    Action::Unitary { matrix: identity(1 << targets.len()), targets: targets.to_vec(), controls: Vec::new() }
}

fn predict(plan: &Plan, profile: &Profile) -> Prediction {
    let machine = machine();
    plan.predict(&profile.along(plan, Compression::Lazy), &Speed::new(&machine, 1, 16), 16)
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.abs(), "{found} instead of {expected}");
}

/// The measurement of `width` columns: compressed without a change, then the purity.
fn measurement(rows: f64, width: f64) -> (f64, f64) {
    let eigenproblem = (width / 128.0f64).powi(3);
    let gram = 4.0 * width * width * rows * 1e-9;
    (gram + 8.0 * width * width * rows * 1e-9 + eigenproblem, gram + eigenproblem)
}

#[test]
fn operations_in_one_tile_share_a_pass() {
    // 16 rows of one column, 256 bytes. Bits 0, 1, 2 fit in a tile of 8 rows; bit 3 begins a second pass.
    let plan = measured(vec![dense(&[0]), dense(&[1, 2]), dense(&[3])], 4);
    let found = predict(&plan, &Profile::constant(1));
    assert_eq!((found.passes, found.compressions), (2, 1));
    close(found.traffic, 2.0 * 512.0);
    close(found.seconds.gates, 2.0 * 512e-9 + 3.0 * 16e-6);
    close(found.steps[0], 512e-9 + 16e-6);
    close(found.steps[1], 16e-6);
    let (compression, observables) = measurement(16.0, 1.0);
    close(found.seconds.compression, compression);
    close(found.seconds.observables, observables);
    close(found.steps.iter().sum(), found.seconds.total());
    close(found.flops, 16.0 * (16.0 + 32.0 + 16.0) + 16.0 * (4.0 + 8.0 + 4.0));
}

#[test]
fn a_gpu_takes_a_launch_for_each_operation() {
    let plan = measured(vec![dense(&[0]), dense(&[1, 2]), dense(&[3])], 4);
    let gpu = Some(Gpu { launch: 1e-3, answer: 1e-2, start: 1.0 });
    let machine = Machine { gpu, ..machine() };
    let widths = Profile::constant(1).along(&plan, Compression::Lazy);
    let found = plan.predict(&widths, &Speed::new(&machine, 1, 16), 16);
    assert_eq!((found.passes, found.compressions), (3, 1));
    close(found.traffic, 3.0 * 512.0);
    // 16 amplitudes take longer than their 512 bytes.
    close(found.seconds.gates, 3.0 * (1e-3 + 16e-6));
    close(found.steps[0], 1e-3 + 16e-6);
    let (compression, observables) = measurement(16.0, 1.0);
    close(found.seconds.compression, compression + 2e-3 + 1e-2);
    close(found.seconds.observables, observables + 1e-3 + 1e-2);
}

#[test]
fn a_channel_that_widens_gives_each_column_its_matrix() {
    let plan = measured(channels(1), 4);
    let rows = ["channel", "compress-if-wide", "measure"].map(String::from);
    let found = predict(&plan, &Profile::trace(4, rows.into_iter().zip([8, 2, 2]).collect()));
    assert_eq!((found.passes, found.compressions), (1, 2));
    // 4 columns read, 8 written; the room for 8 made; 8 columns of 16 rows at half a million amplitudes a second.
    close(found.traffic, 256.0 * 12.0);
    close(found.seconds.gates, 256e-9 * 12.0 + 256e-12 * 8.0 + 128.0 / 5e5);
    let compressed = (4.0 * 64.0 + 8.0 * 16.0) * 16.0 * 1e-9 + (8.0f64 / 128.0).powi(3);
    close(found.steps[1], compressed);
}

#[test]
fn an_exchange_hides_behind_the_pass_after_it() {
    // Two ranks, 8 rows each, 128 bytes a column; the exchange takes 1 ms and 64 us, packing 128 ns.
    let on_two = |actions| Plan { shards: 2, ..measured(actions, 4) };
    let exchange = || Action::Exchange { pairs: vec![(3, 0)] };
    let collective = 2e-3 + 2.0 * 16e-6 + 2.0 * (1e-3 + 16e-6);
    let bare = predict(&on_two(vec![exchange()]), &Profile::constant(1));
    assert_eq!((bare.sent, bare.messages), (64.0, 1.0));
    close(bare.steps[0], 1e-3 + 64e-6);
    let work = 256e-9 + 8e-6;
    let short = predict(&on_two(vec![exchange(), dense(&[0])]), &Profile::constant(1));
    close(short.steps[0], 1e-3 + 64e-6 - work);
    close(short.steps[1], work);
    assert!(short.seconds.communication > short.steps[0] + collective / 2.0);
    let long = predict(&on_two([vec![exchange()], vec![dense(&[0]); 200]].concat()), &Profile::constant(1));
    close(long.steps[0], 128e-9);
}

#[test]
fn the_bits_exchanged_are_mixed_by_the_first_pass() {
    let queued = |step, mask| Queued { step, mask, seconds: 0.0, width: (1, 1) };
    let queue = [queued(0, 0b0011), queued(1, 0b0000), queued(2, 0b0100), queued(3, 0b111000)];
    let sizes = |within, bits| passes(&queue, within, |_| bits).iter().map(|pass| pass.len()).collect::<Vec<_>>();
    assert_eq!(sizes(0, 3), [3, 1]);
    assert_eq!(sizes(0b1000, 3), [2, 1, 1]);
    assert_eq!(sizes(0, 6), [4]);
    assert_eq!(sizes(0, 1), [2, 1, 1], "an operation that is larger than a tile has a pass of its own");
    assert!(passes(&[], 1, |_| 3).is_empty());
}

#[test]
fn strings_take_a_pass_each_and_a_shard_from_a_partner() {
    let mut plan = Plan { shards: 2, ..measured(Vec::new(), 4) };
    let group = |flip| OverlapGroup { flip, members: vec![(0, 0, 0)] };
    if let Action::Measure { overlaps, .. } = &mut plan.steps[0].action {
        *overlaps = vec![group(1), group(8)];
    }
    let found = predict(&plan, &Profile::constant(1));
    assert_eq!((found.sent, found.messages), (128.0, 1.0));
    close(found.seconds.observables, 4.0 * 8e-9 + (1.0f64 / 128.0).powi(3) + 2.0 * (8e-6 + 128e-9));
}
