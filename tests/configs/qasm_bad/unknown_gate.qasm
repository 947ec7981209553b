// expect: did you mean `cswap`?
// line: 6
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
cswp q[0],q[1],q[2];
