// expect: must have 2 column(s)
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket noise kraus([[1, 0, 0], [0, 1]]) q
