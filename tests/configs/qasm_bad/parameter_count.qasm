// expect: gate `rx` takes 1 parameter(s), 2 given
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[1];
rx(1,2) q[0];
