// expect: unknown pragma `braket nosie`
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket nosie bit_flip(0.1) q
