// expect: gate `ccx` takes 3 qubit(s), 2 given
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
ccx q[0],q[1];
