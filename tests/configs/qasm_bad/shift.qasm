// expect: cannot be shifted
// line: 5
OPENQASM 3.0;
include "stdgates.inc";
qubit q; int k = 1 << 64;
