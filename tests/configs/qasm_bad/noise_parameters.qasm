// expect: takes 1 parameter(s), 2 given
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket noise bit_flip(0.1, 0.1) q
