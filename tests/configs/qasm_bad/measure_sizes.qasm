// expect: 3 qubit(s) cannot be measured into 2 bit(s)
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3]; creg c[2];
measure q -> c;
