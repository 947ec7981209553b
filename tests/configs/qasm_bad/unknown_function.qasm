// expect: unknown function `sine`
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
rx(sine(1)) q[0];
