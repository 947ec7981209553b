// expect: division by zero
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
rx(pi/0) q[0];
