// expect: 1 to 1000000
// line: 5
OPENQASM 3.0;
include "stdgates.inc";
qubit[1000000000] q;
