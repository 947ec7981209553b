// expect: index -1 is out of range
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
x q[-1];
