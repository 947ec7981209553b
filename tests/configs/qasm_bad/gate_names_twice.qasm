// expect: names `a` twice
// line: 5
OPENQASM 2.0;
include "qelib1.inc";
gate g a,a { h a; }
qreg q[1];
