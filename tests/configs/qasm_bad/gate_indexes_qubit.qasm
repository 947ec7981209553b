// expect: takes no index
// line: 5
OPENQASM 2.0;
include "qelib1.inc";
gate g a { h a[0]; }
qreg q[1];
g q[0];
