// expect: gate `g` is defined twice
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
gate g a { h a; }
gate g a { x a; }
qreg q[1];
