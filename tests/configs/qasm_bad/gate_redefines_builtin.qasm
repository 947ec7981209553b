// expect: built into the language
// line: 5
OPENQASM 2.0;
include "qelib1.inc";
gate U(a,b,c) q { h q; }
qreg q[1];
