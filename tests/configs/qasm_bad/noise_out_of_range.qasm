// expect: index 5 is out of range
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
#pragma braket noise bit_flip(0.1) q[5]
