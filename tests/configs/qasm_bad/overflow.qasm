// expect: not a finite
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
rx(10^400) q[0];
