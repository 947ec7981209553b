// expect: not trace preserving
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket noise kraus([[0.9, 0], [0, 1]]) q
