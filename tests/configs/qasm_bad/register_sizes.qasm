// expect: registers of 2 and 3 qubits
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[2]; qreg r[3];
cx q,r;
