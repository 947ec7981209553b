// expect: `n` is constant
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; const int n = 1;
n = 2;
