#!/usr/bin/env python3
"""Makes tests/data/sampling.json and src/sampling/sobol/directions.rs with SciPy and scikit-learn.

Run it through scripts/reference-numbers.sh, which makes the Python environment. The data hold points of Sobol's sequence
(scipy.stats.qmc.Sobol), a discrepancy (scipy.stats.qmc.discrepancy), and Gaussian processes with fixed parameters
(sklearn.gaussian_process): their predictions and their likelihoods with gradients. The Rust file holds the direction
numbers of Joe and Kuo as SciPy distributes them.
"""

import json
import platform
from pathlib import Path

import numpy
import scipy
import sklearn
from scipy.stats import _sobol, qmc
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

ROOT = Path(__file__).resolve().parent.parent
DIMENSIONS = 64
LATER = 1_000_003

NOTICE = """\
//! Direction numbers of Sobol's sequence by Joe and Kuo (new-joe-kuo-6), written by `scripts/sampling_numbers.py`.
//!
//! Copyright (c) 2008, Frances Y. Kuo and Stephen Joe. All rights reserved.
//!
//! Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
//! following conditions are met: redistributions of source code must retain the above copyright notice, this list of
//! conditions and the following disclaimer; redistributions in binary form must reproduce them in the documentation
//! and/or other materials provided with the distribution; neither the names of the copyright holders nor the names of
//! the University of New South Wales and the University of Waikato and its contributors may be used to endorse or
//! promote products derived from this software without specific prior written permission. This software is provided by
//! the copyright holders "as is" and any express or implied warranties are disclaimed; in no event shall the copyright
//! holders be liable for any damages arising in any way out of the use of this software.

/// For each dimension from the second on: the inner coefficients of its primitive polynomial, the highest power first,
/// and its first direction numbers, as many as the polynomial has degrees.
"""


def directions():
    """The table as Rust."""
    path = Path(_sobol.__file__).parent / "_sobol_direction_numbers.npz"
    table = numpy.load(path)
    lines = []
    for polynomial, first in zip(table["poly"][1:DIMENSIONS], table["vinit"][1:DIMENSIONS]):
        degree = int(polynomial).bit_length() - 1
        inner = int(polynomial) >> 1 & ((1 << (degree - 1)) - 1)
        numbers = ", ".join(str(int(number)) for number in first[:degree])
        lines.append(f"    ({inner}, &[{numbers}]),\n")
    header = f"pub(super) const DIRECTIONS: [(u32, &[u32]); {len(lines)}] = [\n"
    return NOTICE + header + "".join(lines) + "];\n"


def sobol():
    """The first points, and some later ones, as integers: times 2^30."""
    first = qmc.Sobol(DIMENSIONS, scramble=False).random_base2(6)
    later = qmc.Sobol(DIMENSIONS, scramble=False)
    later.fast_forward(LATER)
    digits = [(points * 2**30).astype(int).tolist() for points in (first, later.random(4))]
    return {"first": digits[0], "later_from": LATER, "later": digits[1]}


def discrepancy(random):
    """The centred discrepancy of some points."""
    points = random.random((20, 3))
    return {"points": points.tolist(), "centred": qmc.discrepancy(points, method="CD")}


def process(random, dimensions, count):
    """A Gaussian process with given parameters: what it predicts, and how likely the observations are."""
    points = random.random((count, dimensions))
    values = numpy.sin(5 * points[:, 0]) + points.sum(axis=1) ** 2 + 0.1 * random.standard_normal(count)
    values = (values - values.mean()) / values.std()
    lengths = numpy.exp(random.uniform(-1.5, 0.5, dimensions))
    signal, noise = 1.7, 0.03
    at = random.random((6, dimensions))
    kernel = ConstantKernel(signal) * Matern(lengths, nu=2.5)
    latent = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(points, values)
    mean, deviation = latent.predict(at, return_std=True)
    noisy = GaussianProcessRegressor(kernel + WhiteKernel(noise), alpha=0.0, optimizer=None).fit(points, values)
    likelihood, gradient = noisy.log_marginal_likelihood(noisy.kernel_.theta, eval_gradient=True)
    return {
        "points": points.tolist(),
        "values": values.tolist(),
        "lengths": lengths.tolist(),
        "signal": signal,
        "noise": noise,
        "at": at.tolist(),
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "log_likelihood": likelihood,
        # scikit-learn's order is signal, lengths, noise; all are derivatives by the logarithm.
        "gradient": [*gradient[1:-1].tolist(), gradient[0], gradient[-1]],
    }


def main():
    random = numpy.random.default_rng(2024)
    data = {
        "made_by": {
            "script": "scripts/sampling_numbers.py",
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "sobol": sobol(),
        "discrepancy": discrepancy(random),
        "processes": [process(random, 1, 8), process(random, 3, 25), process(random, 6, 60)],
    }
    (ROOT / "tests" / "data" / "sampling.json").write_text(json.dumps(data) + "\n")
    (ROOT / "src" / "sampling" / "sobol" / "directions.rs").write_text(directions())


if __name__ == "__main__":
    main()
