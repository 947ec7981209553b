// expect: unknown name `theta`
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
rx(theta) q[0];
