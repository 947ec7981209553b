// expect: opaque: it has no definition
// line: 7
OPENQASM 2.0;
include "qelib1.inc";
opaque magic(a) x,y;
qreg q[2];
magic(1) q[0],q[1];
