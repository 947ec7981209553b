// expect: `while` is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; bit c;
while (c) { x q; }
