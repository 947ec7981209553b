// expect: would depend on a measurement
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; bit[2] c; int k = 0;
if (c[0]) { k = 1; }
