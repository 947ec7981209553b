// expect: 0 to 2, or -3 to -1 from the end
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
x q[-4];
