//! The cases. Each closed form is derived where it stands.

/// A circuit and what is known of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// OpenQASM.
    pub(super) circuit: &'static str,
    /// What is known.
    pub(super) observables: &'static [Known],
}

/// Pauli text and its exact expectation.
pub(super) type Known = (&'static str, fn() -> f64);

pub(super) const CASES: &[Case] = &[
    Case {
        name: "GHZ state",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[6] q; h q[0];
                  for int i in [0:4] { cx q[i], q[i + 1]; }",
        // (|0...0> + |1...1>) / sqrt(2).
        observables: &[("Z0", || 0.0), ("Z0 Z5", || 1.0), ("XXXXXX", || 1.0), ("YYXXXX", || -1.0)],
    },
    Case {
        name: "phase of a rotation",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[3] q; ry(0.7) q[2]; rz(0.4) q[2]; swap q[2], q[0];",
        // <X> = sin(a) cos(b), <Y> = sin(a) sin(b), <Z> = cos(a).
        observables: &[
            ("X0", || 0.7f64.sin() * 0.4f64.cos()),
            ("Y0", || 0.7f64.sin() * 0.4f64.sin()),
            ("Z0", || 0.7f64.cos()),
        ],
    },
    Case {
        name: "depolarizing, ten times",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[2] q; ry(0.7) q[0];
                  for int i in [1:10] {
                  #pragma braket noise depolarizing(0.03) q[0]
                  }",
        // Every Pauli matrix shrinks by 1 - 4 p / 3 each time.
        observables: &[("Z0", || (1.0 - 0.04f64).powi(10) * 0.7f64.cos()), ("Z1", || 1.0)],
    },
    Case {
        name: "amplitude damping, six times",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[2] q; x q[1];
                  for int i in [1:6] {
                  #pragma braket noise amplitude_damping(0.2) q[1]
                  }",
        // |1> survives with 0.8^6.
        observables: &[("Z1", || 1.0 - 2.0 * 0.8f64.powi(6))],
    },
    Case {
        name: "phase damping of a superposition",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit q; h q;
                  #pragma braket noise phase_damping(0.3) q",
        // Coherences shrink by sqrt(1 - g).
        observables: &[("X0", || 0.7f64.sqrt()), ("Z0", || 0.0)],
    },
    Case {
        name: "two-qubit depolarizing of a pair",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[3] q; h q[0]; cx q[0], q[2];
                  #pragma braket noise two_qubit_depolarizing(0.15) q[0], q[2]",
        // Every Pauli pair shrinks by 1 - 16 p / 15.
        observables: &[("Z0 Z2", || 0.84), ("X0 X2", || 0.84), ("Y0 Y2", || -0.84)],
    },
    Case {
        name: "GHZ state, dephased",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[5] q; h q[0];
                  for int i in [0:3] { cx q[i], q[i + 1]; }
                  for int i in [0:4] {
                  #pragma braket noise phase_flip(0.1) q[i]
                  }",
        // The coherence of all n qubits shrinks by (1 - 2 p)^n.
        observables: &[("XXXXX", || 0.8f64.powi(5)), ("Z0 Z4", || 1.0)],
    },
    Case {
        name: "measured in the middle",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit q; bit c; ry(0.7) q; c = measure q; h q;",
        // Without coherences <X> after the Hadamard gate is <Z> before it, and <Z> is 0.
        observables: &[("X0", || 0.7f64.cos()), ("Z0", || 0.0)],
    },
    Case {
        name: "teleportation",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[3] q; bit[2] c; ry(0.7) q[0]; rz(0.4) q[0];
                  h q[1]; cx q[1], q[2]; cx q[0], q[1]; h q[0]; c[0] = measure q[0]; c[1] = measure q[1];
                  if (c[1]) x q[2]; if (c[0]) z q[2];",
        // What was on qubit 0 is on qubit 2.
        observables: &[
            ("X2", || 0.7f64.sin() * 0.4f64.cos()),
            ("Y2", || 0.7f64.sin() * 0.4f64.sin()),
            ("Z2", || 0.7f64.cos()),
        ],
    },
    Case {
        name: "repeated until it succeeds",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit q; bit c; h q; c = measure q;
                  while (c) { h q; c = measure q; }",
        // It fails 33 times (the first time and 32 passes) with probability 2^-33.
        observables: &[("Z0", || 1.0 - 2.0 * 0.5f64.powi(33))],
    },
    Case {
        name: "reset of half a pair",
        circuit: "OPENQASM 3.0; include \"stdgates.inc\"; qubit[2] q; h q[0]; cx q[0], q[1]; reset q[0];",
        // The other half is left maximally mixed.
        observables: &[("Z0", || 1.0), ("Z1", || 0.0), ("X1", || 0.0)],
    },
];
