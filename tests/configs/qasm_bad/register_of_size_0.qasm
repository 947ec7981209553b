// expect: the size of register `q` is 0
// line: 5
OPENQASM 2.0;
include "qelib1.inc";
qreg q[0];
