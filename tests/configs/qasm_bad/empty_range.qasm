// expect: selects no qubit of `q`
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[4] q;
x q[2:1];
