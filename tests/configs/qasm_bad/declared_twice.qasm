// expect: `q` is declared twice
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
qreg q[2];
