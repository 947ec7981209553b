// expect: is known only when the circuit runs
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; bit[2] c;
int k = c;
