// expect: a string does not end on its line
// line: 4
OPENQASM 2.0;
include "qelib1.inc;
qreg q[1];
