// expect: the block that starts here does not end
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
gate g a {
 h a;

