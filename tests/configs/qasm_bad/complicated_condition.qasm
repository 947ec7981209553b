// expect: this condition on measured bits is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; bit[2] c;
if (c > 1) x q;
