// expect: the matrix is not unitary
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket unitary([[1, 1], [0, 1]]) q
