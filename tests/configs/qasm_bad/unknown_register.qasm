// expect: unknown qubit or register `r`
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
x r[0];
