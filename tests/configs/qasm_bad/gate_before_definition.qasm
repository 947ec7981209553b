// expect: unknown gate `later`
// line: 5
OPENQASM 2.0;
include "qelib1.inc";
gate g a { later a; }
gate later a { h a; }
qreg q[1];
