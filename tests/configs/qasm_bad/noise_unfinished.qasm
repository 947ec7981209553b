// expect: found the end of the pragma
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket noise bit_flip(0.1
