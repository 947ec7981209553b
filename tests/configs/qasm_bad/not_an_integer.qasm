// expect: 2.5 is not an integer
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
int n = 2.5;
