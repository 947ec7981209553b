// expect: `n` has no value yet
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; int n;
rx(n) q;
