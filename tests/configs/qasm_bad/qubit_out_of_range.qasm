// expect: index 3 is out of range: `q` has 3 qubit(s)
// line: 7
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];

x q[3];
