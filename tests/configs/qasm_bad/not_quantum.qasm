// expect: `c` is not a quantum register
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3]; creg c[1];
x c[0];
