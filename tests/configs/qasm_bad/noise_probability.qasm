// expect: parameter p of channel `bit_flip` is 1.5
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket noise bit_flip(1.5) q
