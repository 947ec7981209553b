// expect: takes no index
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
x q[0];
