// expect: not a finite
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
rx(ln(0)) q[0];
