// expect: take measured values only
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; bit[2] c;
c[0] = 1;
