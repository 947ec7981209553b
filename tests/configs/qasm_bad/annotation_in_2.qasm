// expect: annotations are part of OpenQASM 3
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
@bind early
barrier q;
