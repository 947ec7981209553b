// expect: asks for 0 controls
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
ctrl(0) @ x q[0];
