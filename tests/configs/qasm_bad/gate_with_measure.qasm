// expect: cannot stand in the definition of gate `g`
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
gate g a { h a;
 reset a; }
qreg q[1];
